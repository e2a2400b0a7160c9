#!/usr/bin/env bash
# e-Gov: standard form, individually signed form, bulk archive, several
# signers, unsigned; the outputs are what other programs unpack, and hold the
# input's bytes and signatures, nothing else.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
key_make suzuki
spool_make 'format = "egov"'
{
	printf 'drop "two" {\n\tformat = "egov"\n'
	printf '\tsign-with = { "tanaka", "suzuki" }\n}\n'
	printf 'drop "free" {\n\tformat = "egov"\n\tsign-with = { "none" }\n}\n'
	key_section suzuki
} >>"$conf"
drop=$spool/in/kokuzei
mkdir -p "$spool/in/two" "$spool/in/free"
filings egov 1 7 4KB "$dir/f"
filings individual 11 2 4KB "$dir/f"

# The bytes outside the filing signatures.
without() {
	perl -0777 -pe 's{<署名情報><Signature .*?</Signature></署名情報>}{}s' "$1"
}

# whole NAME ZIP FOLDER: the archive's members, signatures apart, are the
# folder's files, and there is one folder in it.
whole() {
	local name=$1 zip=$2 folder=$3 file
	rm -rf "$dir/u"
	expect "$name-unpacks" unzip -qq "$zip" -d "$dir/u"
	same "$name-has-all-files" \
		"$(cd "$folder" && find . -type f | LC_ALL=C sort | tr '\n' ' ')" \
		"$(cd "$dir"/u/* && find . -type f | LC_ALL=C sort | tr '\n' ' ')"
	for file in "$dir"/u/*/*; do
		without "$file" >"$dir/stripped"
		expect "$name-${file##*/}-only-signatures-added" \
			cmp "$dir/stripped" "$folder/${file##*/}"
	done
}
signatures() {
	cat "$dir"/u/*/kousei*.xml | grep -o '<Signature ' | wc -l
}
output() {
	find "$spool/out" -name "$1"
}

cp -r "$dir/f/00001" "$drop/999Z000000000000(1)"
cp -r "$dir/f/00011" "$drop/individual"
mkdir "$dir/bulk"
cp -r "$dir/f/00002" "$dir/bulk/999Z000000000000(1)"
cp -r "$dir/f/00003" "$dir/bulk/999Z000000000000(2)"
(cd "$dir/bulk" && zip -qr "$dir/bulk.zip" .)
cp "$dir/bulk.zip" "$drop/bulk.zip"
cp -r "$dir/f/00004" "$spool/in/two/pair"
cp -r "$dir/f/00012" "$spool/in/two/individual-pair"
cp -r "$dir/f/00005" "$spool/in/free/unsigned"
run_batch
same exit-code 0 $?
same no-schema-can-be-had 6 "$(report_get \
	'[.filings[].checks.schema | select(.code == "schema-none")] | length')"

standard=$(output '999Z000000000000(1).zip')
whole standard "$standard" "$dir/f/00001"
same standard-signatures 1 "$(signatures)"
same folder-name '999Z000000000000(1)' "$(ls "$dir/u")"
expect id-has-14-digits grep -qE '<Signature [^>]*Id="[0-9]{14}"' \
	"$dir"/u/*/kousei.xml
whole individual "$(output individual.zip)" "$dir/f/00011"
same individual-signatures 2 "$(signatures)"
expect main-is-unsigned cmp "$dir"/u/*/kousei.xml "$dir/f/00011/kousei.xml"
same folder-is-the-procedure 999Z000000000000 "$(ls "$dir/u")"
rm -rf "$dir/u"
unzip -qq "$(output bulk.zip)" -d "$dir/u"
same bulk-folders '999Z000000000000(1) 999Z000000000000(2) ' \
	"$(find "$dir/u" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort |
		tr '\n' ' ')"
same bulk-signatures 2 "$(signatures)"
whole pair "$(output pair.zip)" "$dir/f/00004"
same pair-signatures 2 "$(signatures)"
same pair-ids-differ 2 "$(grep -oE '<Signature [^>]*Id="[0-9]*"' \
	"$dir"/u/*/kousei.xml | sort -u | wc -l)"
whole individual-pair "$(output individual-pair.zip)" "$dir/f/00012"
same individual-pair-signatures 4 "$(signatures)"
whole unsigned "$(output unsigned.zip)" "$dir/f/00005"
same unsigned-signatures 0 "$(signatures)"
for zip in "$spool"/out/*/*.zip; do
	[ "${zip##*/}" = unsigned.zip ] && continue
	expect "natsuin-verifies-${zip##*/}" "$NATSUIN" verify "$zip"
done

# A byte changed anywhere that is signed is found.
for file in kousei.xml 999Z00000000000001_01.xml; do
	rm -rf "$dir/u"
	unzip -qq "$standard" -d "$dir/u"
	perl -pi -e 's/見本/別人/ and $n++ unless $n' "$dir"/u/*/"$file"
	expect "$file-was-changed" test -n \
		"$(cmp "$dir"/u/*/"$file" <(unzip -p "$standard" "*/$file"))"
	"$NATSUIN" verify "$dir"/u/* >"$dir/verify.out" 2>&1
	same "changed-$file-does-not-verify" 15 $?
	(cd "$dir/u" && zip -qr "$dir/changed-$file.zip" .)
	cp "$dir/changed-$file.zip" "$drop/"
done
# Others that must not be signed.
cp -r "$dir/f/00006" "$drop/incomplete"
rm "$drop/incomplete/999Z00000000000001_01.xml"
(cd "$drop" && zip -qr incomplete.zip incomplete && rm -r incomplete)
printf 'no archive' >"$drop/damaged.zip"
cp -r "$dir/f/00007" "$spool/in/two/again"
sed -i 's/新規申請/再提出/' "$spool/in/two/again/kousei.xml"
run_batch
same refused-exit-code 4 $?
reason() {
	report_get ".filings[] | select(.input.path == \"$1\") | .reason.code"
}
same changed-document signature-digest-wrong \
	"$(reason changed-kousei.xml.zip)"
same changed-form signature-digest-wrong \
	"$(reason changed-999Z00000000000001_01.xml.zip)"
same incomplete egov-member-missing "$(reason incomplete.zip)"
same two-signers-for-a-resubmission signer-count "$(reason again)"
expect damaged-is-refused test -n "$(reason damaged.zip)"
finish
