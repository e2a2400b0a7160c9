#!/usr/bin/env bash
# What is dropped again: our own output, the same bytes under another name,
# changed white space outside the signed element, a partly signed file, a
# correction for the same period.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
spool_make
filings etax 1 1 4KB "$dir/f"
filings etax 2 1 4KB "$dir/f"
drop_file "$dir/f/00001.xtx" one.xtx
run_batch
same first-exit-code 0 $?
out=$(find "$spool/out" -name one.xtx)

result() {
	report_get ".filings[] | select(.input.path == \"$1\") | .result"
}
code() {
	report_get ".filings[] | select(.input.path == \"$1\") | .reason.code"
}

drop_file "$out" own-output.xtx
drop_file "$dir/f/00001.xtx" other-name.xtx
sed 's/^ <ZZZ0010/\n\n   <ZZZ0010/' "$dir/f/00001.xtx" >"$dir/white.xtx"
drop_file "$dir/white.xtx" white-space.xtx
expect white-space-differs test -n "$(cmp "$dir/white.xtx" "$dir/f/00001.xtx")"
drop_file "$dir/f/00002.xtx" two.xtx
run_batch
same exit-code 3 $?
same own-output duplicate "$(result own-output.xtx)"
same own-output-code already-signed "$(code own-output.xtx)"
same other-name duplicate "$(code other-name.xtx)"
same white-space duplicate "$(code white-space.xtx)"
same new-one published "$(result two.xtx)"
same names-the-earlier-one 1 "$(report_get \
	'.filings[] | select(.input.path == "other-name.xtx") | .reason.detail' |
	grep -c one.xtx)"

# Twice in one batch: one of the two is signed.
filings etax 3 1 4KB "$dir/f"
drop_file "$dir/f/00003.xtx" twin-a.xtx
drop_file "$dir/f/00003.xtx" twin-b.xtx
run_batch
same twins-exit-code 3 $?
same twins-published 1 "$(report_get \
	'[.filings[] | select(.result == "published")] | length')"
same twins-duplicate 1 "$(report_get \
	'[.filings[] | select(.result == "duplicate")] | length')"
# signed, not signed, waiting, signed before
same index-counts-as-the-report '1 0 0 1' "$(grep -F "$(last_batch)/" \
	"$spool/reports/index.html" |
	sed -E 's|<td class="n [a-z]*">([0-9]+)</td>|\n=\1\n|g' |
	sed -n 's/^=//p' | paste -sd ' ')"

# A correction: same taxpayer, procedure and period, other content.
sed 's/<ZZB00010>[0-9]*/<ZZB00010>77/' "$dir/f/00003.xtx" >"$dir/fix.xtx"
drop_file "$dir/fix.xtx" correction.xtx
run_batch
same correction-exit-code 0 $?
same correction-published published "$(result correction.xtx)"
same correction-warns 1 "$(report_get \
	'[.filings[].warnings[] | select(.code == "resubmission")] | length')"

# Where the drop folder holds corrections, a person decides.
sed -i 's/^drop "kokuzei" {/&\n\tresubmission = hold/' "$conf"
sed 's/<ZZB00010>[0-9]*/<ZZB00010>78/' "$dir/f/00003.xtx" >"$dir/fix2.xtx"
drop_file "$dir/fix2.xtx" held.xtx
run_batch
same held-exit-code 4 $?
same held held "$(result held.xtx)"
same held-code resubmission-held "$(code held.xtx)"
run_batch
same stays-held 1 "$("$NATSUIN" queue list --json | jq length)"
job=$("$NATSUIN" queue list --json | jq -r '.[0].job')
expect released "$NATSUIN" queue release "$job"
run_batch
same released-exit-code 0 $?
same released-is-published 1 "$(find "$spool/out" -name held.xtx | wc -l)"

# Discard and retry.
sed 's/<ZZB00010>[0-9]*/<ZZB00010>79/' "$dir/f/00003.xtx" >"$dir/fix3.xtx"
drop_file "$dir/fix3.xtx" discard.xtx
run_batch
job=$("$NATSUIN" queue list --json | jq -r '.[0].job')
expect discarded "$NATSUIN" queue discard "$job"
same discarded-is-in-failed 1 \
	"$(find "$spool/failed" -name discard.xtx | wc -l)"
expect retried "$NATSUIN" queue retry "$job"
same retried-is-back 1 "$(find "$spool/in" -name discard.xtx | wc -l)"

# A partly signed file: only the missing signer signs.
key_make suzuki
key_section suzuki >>"$conf"
sed -i 's/sign-with = { "tanaka" }/sign-with = { "tanaka", "suzuki" }/
	/resubmission = hold/d' "$conf"
rm -f "$spool/in/kokuzei/discard.xtx"
before=$(grep -oE 'Signature [^>]*Id="[^"]*"' "$out")
drop_file "$out" partly.xtx
run_batch
same partly-exit-code 0 $?
both=$(find "$spool/out" -name partly.xtx)
same partly-has-two 2 "$(grep -o '<dsig:Signature ' "$both" | wc -l)"
expect first-signature-stays grep -qF "$before" "$both"
finish
