#!/usr/bin/env bash
# e-Gov drops that were there before: our own output, the same application as
# an archive and under another name; a partly signed one gets what is missing.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
spool_make 'format = "egov"'
drop=$spool/in/kokuzei
filings egov 1 2 4KB "$dir/f"
code() {
	report_get ".filings[] | select(.input.path == \"$1\") | .reason.code"
}

cp -r "$dir/f/00001" "$drop/first"
run_batch
same exit-code 0 $?
out=$(find "$spool/out" -name first.zip)
cp "$out" "$dir/one-signature.zip"

cp "$out" "$drop/own-output.zip"
(cd "$dir/f" && zip -qr "$drop/archive.zip" 00001)
cp -r "$dir/f/00001" "$drop/other-name"
sed -i 's|</構成情報>|&\n\n|' "$drop/other-name/kousei.xml"
run_batch
same again-exit-code 4 $?
same own-output already-signed "$(code own-output.zip)"
same as-archive duplicate "$(code archive.zip)"
same white-space-outside duplicate "$(code other-name)"
same one-output 1 "$(find "$spool/out" -name '*.zip' | wc -l)"

# A second signer later: only the missing signature is made.
key_make suzuki
sed -i 's/sign-with = { "tanaka" }/sign-with = { "tanaka", "suzuki" }/' "$conf"
key_section suzuki >>"$conf"
cp "$dir/one-signature.zip" "$drop/partly.zip"
run_batch
same partly-exit-code 0 $?
both=$(find "$spool/out" -name partly.zip)
expect both-verify "$NATSUIN" verify "$both"
same two-signatures 2 "$(unzip -p "$both" '*/kousei.xml' |
	grep -o '<Signature ' | wc -l)"
unzip -p "$both" '*/kousei.xml' |
	perl -0777 -pe 's{(</Signature>)<Signature .*?</Signature>}{$1}s' \
		>"$dir/first.xml"
unzip -p "$dir/one-signature.zip" '*/kousei.xml' >"$dir/before.xml"
expect first-signature-is-untouched cmp "$dir/first.xml" "$dir/before.xml"
finish
