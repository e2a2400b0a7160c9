#!/usr/bin/env bash
# natsuin init --demo and the reports of its first batch, as a person and as
# a program would use them.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
spool=$dir/demo
export NATSUIN_CONF=$spool/natsuin.conf

"$NATSUIN" init --demo "$spool" >"$dir/init.out" 2>&1
same init 0 $?
expect init-says-what-to-do grep -qF "$spool/natsuin.conf run" "$dir/init.out"
sha256sum "$spool/natsuin.conf" "$spool"/keys/* >"$dir/sums"
"$NATSUIN" init --demo "$spool" >"$dir/again.out" 2>&1
same init-again-is-refused 78 $?
expect nothing-was-overwritten sha256sum --quiet -c "$dir/sums"
same pin-is-for-its-owner 400 "$(stat -c %a "$spool/keys/zeirishi.pin")"
same work-is-private 700 "$(stat -c %a "$spool/work")"

run_batch
same one-is-refused 3 $?
same published 4 "$(report_get .summary.published)"
same failed 1 "$(report_get .summary.failed)"
same the-refused-one doctype-forbidden \
	"$(report_get '.filings[] | select(.result == "failed") | .reason.code')"
same two-signers 2 \
	"$(report_get '[.filings[] | .signers | length] | max')"
same every-check-is-answered 0 "$(report_get '[.filings[] |
	select(.result == "published") | .checks[] |
	select(.state == "not-reached")] | length')"
same masked-ids 0 "$(report_get '[.filings[] | .user_id // "" |
	select(test("[0-9]{5}"))] | length')"
expect record-follows-its-schema "$NATSUIN_BUILD/tests/tools/jsonschema" \
	"$NATSUIN_SRC/docs/report.schema.json" \
	"$spool/reports/$(last_batch)/report.json"

reports=$spool/reports/$(last_batch)
expect page-is-japanese grep -q '対応が必要なもの' "$reports/report.html"
expect page-loads-nothing bash -c \
	"! grep -qE '(src|href)=\"[^#\"]*:' '$reports/report.html'"
same sheet-begins-with-bom efbbbf \
	"$(head -c 3 "$reports/report.csv" | od -An -tx1 | tr -d ' ')"
same sheet-has-all-lines 6 "$(grep -c . "$reports/report.csv")"
expect index-links-to-it grep -qF \
	"href=\"$(last_batch)/report.html\"" "$spool/reports/index.html"

# Each filing is described in all three: names, hashes, signers, checks.
fields() {
	python3 "$NATSUIN_SRC/tests/lib/report_fields.py" "$1" 2>&1
}
fields "$reports" >"$dir/fields"
same page-and-sheet-lack-nothing '' "$(sed '$d' "$dir/fields")"
expect many-things-were-looked-for test \
	"$(sed -n 's/^looked for //p' "$dir/fields")" -ge 150
cp -r "$reports" "$dir/changed"
sed -i 's/残り[0-9]*日//' "$dir/changed/report.html"
expect what-is-missing-is-seen grep -q 'page lacks days left' \
	<(fields "$dir/changed")
expect page-is-for-a4-paper grep -q 'size: A4' "$reports/report.html"

# The manifest's hashes are those of the files.
report_get '.filings[] | select(.result == "published") |
	.output.sha256 + "  " + .output.path' >"$dir/outputs"
report_get '.filings[] | .input.sha256 // empty' >"$dir/inputs"
expect outputs-have-their-hashes bash -c \
	"cd '$spool' && sha256sum --quiet -c '$dir/outputs'"
while read -r hash _; do
	grep -q "\"$hash\"" "$reports/manifest.csv" || echo "$hash"
done <"$dir/outputs" >"$dir/unlisted"
expect manifest-lists-every-output test ! -s "$dir/unlisted"

# Everything that came out verifies, in the language asked for.
find "$spool/out" -type f -print0 |
	xargs -0 "$NATSUIN" --lang ja verify >"$dir/verify.out" 2>&1
same outputs-verify 0 $?
"$NATSUIN" report >"$dir/report.out"
expect report-is-named grep -qF "$reports/report.html" "$dir/report.out"
finish
