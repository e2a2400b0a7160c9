#!/usr/bin/env bash
# kill -9 of the whole process group while folders and archives are signed:
# each is published once and whole, and every original is kept.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
count=${E2E_FILINGS:-30}
kills=${E2E_KILLS:-15}
seed=${E2E_SEED:-$RANDOM}
RANDOM=$seed
echo "# seed $seed"
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

killed=0
for ((i = 0; i < kills; i++)); do
	setsid "$NATSUIN" -v run >>"$dir/run.log" 2>&1 &
	group=$!
	sleep "$(printf '0.%03d' $((RANDOM % 700 + 50)))"
	kill -KILL -- "-$group" 2>/dev/null && killed=$((killed + 1))
	wait "$group" 2>/dev/null
	for zip in "$spool"/out/*/*.zip; do
		[ -e "$zip" ] || continue
		unzip -tqq "$zip" >/dev/null 2>&1 || echo "$zip"
	done >"$dir/broken"
	[ -s "$dir/broken" ] && break
done
same no-partial-output 0 "$(wc -l <"$dir/broken")"
expect runs-were-killed test "$killed" -gt 3
"$NATSUIN" -v run >>"$dir/run.log" 2>&1
run_batch
same last-run-exits-0 0 $?

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
