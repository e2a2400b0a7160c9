#!/usr/bin/env bash
# kill -9 of the whole process group while folders and archives are signed:
# each is published once and whole, and every original is kept.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
count=${E2E_FILINGS:-30}
spool_make 'format = "egov"'
drop=$spool/in/kokuzei
filings egov 1 "$count" 4KB "$dir/inputs"
filings individual 1001 "$((count / 3))" 4KB "$dir/inputs"
cp -r "$dir/inputs"/* "$drop/"
filings egov 2001 "$((count / 3))" 4KB "$dir/packed"
for folder in "$dir/packed"/*; do
	(cd "$dir/packed" && zip -qr "$drop/${folder##*/}.zip" "${folder##*/}")
	cp -r "$folder" "$dir/inputs/"
done

# More work, for runs that end before they are hit.
cat >"$dir/refill" <<-EOF
	next=\$((3000 + \$(find "$dir/inputs" -mindepth 1 -maxdepth 1 | wc -l)))
	"$NATSUIN_BUILD/tests/tools/filings" egov \$next 20 4KB "$dir/more"
	cp -r "$dir/more"/* "$dir/inputs/"
	mv "$dir/more"/* "$drop/"
EOF
kills "${E2E_KILLS:-20}" 8 "$dir/refill"

find "$dir/inputs" -mindepth 1 -maxdepth 1 -printf '%f.zip\n' | sort \
	>"$dir/wanted"
find "$spool/out" -type f -printf '%f\n' | sort >"$dir/outputs"
same every-application-is-published-once "$(cat "$dir/wanted")" \
	"$(cat "$dir/outputs")"
same nothing-in-work 0 "$(find "$spool/work" -mindepth 1 | wc -l)"
same nothing-in-drop 0 "$(find "$drop" -type f | wc -l)"
expect all-verify "$NATSUIN" verify -q "$spool"/out/*/*.zip

changed=0
lost=0
for folder in "$dir/inputs"/*; do
	name=${folder##*/}
	rm -rf "$dir/u"
	unzip -qq "$spool"/out/*/"$name.zip" -d "$dir/u"
	for file in "$folder"/*; do
		perl -0777 -pe 's{<署名情報>.*</署名情報>}{}s' \
			"$dir"/u/*/"${file##*/}" | cmp -s - "$file" ||
			changed=$((changed + 1))
	done
	done=$(find "$spool/done" -mindepth 2 -maxdepth 2 \
		\( -name "$name" -o -name "$name.zip" \))
	case $done in
	*.zip) unzip -tqq "$done" >/dev/null || lost=$((lost + 1)) ;;
	*) diff -r "$done" "$folder" >/dev/null || lost=$((lost + 1)) ;;
	esac
done
same only-signatures-were-added 0 "$changed"
same originals-are-kept-whole 0 "$lost"
finish
