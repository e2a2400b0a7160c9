#!/usr/bin/env bash
# One filing, a key file, the whole way: the output is what other programs
# accept, and nothing but the signature was added.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
spool_make

drop_filings etax 1 1 20KB
cp "$spool/in/kokuzei/00001.xtx" "$dir/input.xtx"
run_batch
same exit-code 0 $?
out=$(find "$spool/out" -name '00001.xtx')
expect output-is-there test -f "$out"
expect xmlsec1-verifies xmlsec1 --verify --id-attr:id ZZZ0010 \
	--trusted-pem "$dir/ca.pem" "$out"
expect xmllint-validates xmllint --noout --nonet \
	--schema "$NATSUIN_SRC/schemas/demo/shohi/ZZZ0010-100.xsd" "$out"
without_signatures "$out" >"$dir/stripped.xtx"
expect only-the-signature-was-added cmp "$dir/input.xtx" "$dir/stripped.xtx"
batch=$(last_batch)
expect original-is-in-done cmp "$dir/input.xtx" \
	"$spool/done/$batch/00001.xtx"
same nothing-in-work 0 "$(find "$spool/work" -mindepth 1 | wc -l)"
same nothing-in-drop 0 "$(find "$spool/in/kokuzei" -type f | wc -l)"
same report-line published "$(report_get '.filings[0].result')"
expect id-has-the-user-id grep -qE 'Id="_1111111111111111[0-9]{17}"' "$out"
for file in report.html report.csv manifest.csv; do
	expect "$file" test -s "$spool/reports/$batch/$file"
done
expect index test -s "$spool/reports/index.html"
same one-reference 1 "$(grep -c 'URI="#ZZZ0010"' "$out")"

run_batch
same nothing-to-do-exits-0 0 $?
expect says-so grep -q 'nothing to sign' "$dir/run.out"

# A second signer added later leaves the first valid.
key_make suzuki
sed -i 's/sign-with = { "tanaka" }/sign-with = { "tanaka", "suzuki" }/' "$conf"
key_section suzuki 'etax-user-id = "2222222222222222"' >>"$conf"
drop_file "$out" second.xtx
run_batch
same second-signer-exit-code 0 $?
both=$(find "$spool/out" -name 'second.xtx')
same two-signatures 2 "$(grep -o '<dsig:Signature ' "$both" | wc -l)"
without_signatures "$both" >"$dir/stripped2.xtx"
expect still-only-signatures cmp "$dir/input.xtx" "$dir/stripped2.xtx"
# xmlsec1 verifies the first Signature it finds: look at each alone.
perl -0777 -pe 's{(<dsig:Signature .*?</dsig:Signature>).*?(</dsig:Signature>)}{$1}s' \
	"$both" >"$dir/first.xtx"
perl -0777 -pe 's{<dsig:Signature .*?</dsig:Signature>}{}s' \
	"$both" >"$dir/other.xtx"
expect first-verifies xmlsec1 --verify --id-attr:id ZZZ0010 \
	--trusted-pem "$dir/ca.pem" "$dir/first.xtx"
expect second-verifies xmlsec1 --verify --id-attr:id ZZZ0010 \
	--trusted-pem "$dir/ca.pem" "$dir/other.xtx"
expect natsuin-verifies "$NATSUIN" verify "$both"

# On a terminal a bar says how far it is, of no more than there are.
drop_filings etax 1000 300 4KB
touch -d '2 minutes ago' "$spool"/in/kokuzei/*
script -qec "'$NATSUIN' run" "$dir/terminal" >/dev/null
tr '\r' '\n' <"$dir/terminal" >"$dir/lines"
sed -nE 's|.*] ([0-9]+)/([0-9]+)  signed .*|\1 \2|p' "$dir/lines" \
	>"$dir/progress"
expect progress-has-an-estimate grep -qE '[1-9]/.* about [0-9]+:[0-9]{2} left' \
	"$dir/lines"
expect progress-is-shown test -s "$dir/progress"
expect progress-counts-each-once awk \
	'$1 > $2 || $2 > 300 { bad = 1 } END { exit bad }' "$dir/progress"
expect progress-line-is-taken-away eval \
	"tail -c 400 '$dir/terminal' | grep -qa 'batch .*: 300 signed'"
finish
