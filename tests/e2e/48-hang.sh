#!/usr/bin/env bash
# A card that hangs holds up no key but its own: what another card signs is
# published while it hangs, its own filings are held and finished later, and
# in a pool the other card takes them over.
. "${NATSUIN_SRC:?}/tests/lib/e2ecard.sh" || exit 1
CARD_KEY="pin-file = \"$dir/tanaka.pin\""
card_begin 2
card_pin ABC123 # of both cards
vcard_make suzuki
vcard_start 1 "$PCSCD_DIR/suzuki"
key_section suzuki 'etax-user-id = "1111111111111111"' >>"$conf"
printf 'drop "other" { sign-with = { "suzuki" } }\n' >>"$conf"
mkdir -p "$spool/in/other"
for card in tanaka suzuki; do
	hash=$(openssl dgst -sha256 -r "$PCSCD_DIR/$card/auth.der" |
		cut -d ' ' -f 1)
	sed -i "/^key \"$card\"/a\\	card-sha256 = \"$hash\"" "$conf"
done
watch=''
hang_cleanup() {
	[ -z "$watch" ] || kill -KILL "$watch" 2>/dev/null
	card_cleanup
}
trap hang_cleanup EXIT

cut_after() { # cut_after TIME: of tanaka's card
	sed -i "/^\tcard-timeout = /d
		/^key \"tanaka\"/a\\	card-timeout = \"$1\"" "$conf"
}
outputs() { # outputs PATTERN
	find "$spool/out" -name "$1" 2>/dev/null | wc -l
}
published() { # published PATTERN COUNT
	[ "$(outputs "$1")" -eq "$2" ]
}
# Signature commands that tanaka's card was given, the hanging one too.
asked() {
	[ "$(vcard_count 0 2A)" -ge "$1" ]
}
hang_after() { # hang_after SIGNATURES: counted from now on
	vcard_ctl 0 defaults >/dev/null
	vcard_ctl 0 fault hang=600000 ins=2A after="$1" >/dev/null
}
watch_begin() {
	"$NATSUIN" -v watch >"$dir/run.out" 2>"$dir/run.log" &
	watch=$!
}
watch_kill() {
	kill -KILL "$watch"
	wait "$watch" 2>/dev/null
	watch=''
}
# A card that is pulled stops whatever it does.
put_in_again() {
	vcard_ctl 0 remove >/dev/null
	vcard_wait 0 empty
	vcard_ctl 0 defaults >/dev/null
	vcard_ctl 0 insert >/dev/null
	vcard_wait 0 card
}

# While one card hangs (it may, for minutes), the other's filings, which come
# only then, are published.
cut_after 10m
hang_after 3
vcard_ctl 1 zero >/dev/null
drop_filings etax 1 10 4KB
watch_begin
expect one-hangs until_there asked 4
filings etax 50001 20 4KB "$spool/in/other"
expect other-is-published until_there published '5*.xtx' 20
same it-still-hangs 4 "$(vcard_count 0 2A)"
expect nobody-cut-it eval '! grep -q card-timeout "$dir/run.log"'
# The third was signed, but may not have been given out yet.
expect published-before-it-hung grep -qx '[23]' <<<"$(outputs '0*.xtx')"
same other-one-verify 1 "$(vcard_count 1 verify)"
same other-signs-each-once 20 "$(vcard_count 1 sign)"
watch_kill
put_in_again
run_batch
same then-exit-code 0 $?
same then-published 10 "$(outputs '0*.xtx')"

# Cut after card-timeout: held with that reason, not the filing's fault.
cut_after 3s
hang_after 3
drop_filings etax 101 10 4KB
filings etax 50101 20 4KB "$spool/in/other"
run_batch
same cut-exit-code 69 $?
report_get '[.filings[] | "\(.result) \(.reason.code)"] | group_by(.) |
	map("\(length) \(.[0])") | join(", ")' >"$dir/results"
expect cut-results grep -qxE \
	'(7 held card-timeout, 23|8 held card-timeout, 22) published null' \
	"$dir/results"
same cut-others-published 20 "$(outputs '501*.xtx')"
card_same verify 1 cut-one-verify
put_in_again
run_batch
same cut-then-exit-code 0 $?
same cut-then-published 10 "$(outputs '001*.xtx')"
card_same verify 1 cut-then-one-verify

# In a pool the other card signs what the hanging one was given.
sed -i 's/sign-with = { "tanaka" }/sign-with = { "both" }/' "$conf"
printf 'pool "both" { keys = { "tanaka", "suzuki" } }\n' >>"$conf"
hang_after 3
vcard_ctl 1 zero >/dev/null
# So slow that it has not signed everything before the other card is open.
vcard_ctl 1 set latency 200 >/dev/null
drop_filings etax 201 40 4KB
run_batch
same pool-exit-code 0 $?
same pool-published 40 "$(outputs '002*.xtx')"
expect pool-other-signs-the-rest grep -qE '^3[78]$' \
	<<<"$(vcard_count 1 sign)"
same pool-one-verify-each '1 1' \
	"$(vcard_count 0 verify) $(vcard_count 1 verify)"

# A card that hangs while it is opened, with more filings waiting for it than
# examiners can be given: the other's are claimed and published all the same.
sed -i 's/sign-with = { "both" }/sign-with = { "tanaka" }/' "$conf"
cut_after 10m
vcard_ctl 1 defaults >/dev/null
put_in_again
vcard_ctl 0 fault hang=600000 ins=20 >/dev/null # when the tries are asked
watch_begin
filings etax 50301 5 4KB "$spool/in/other"
expect other-is-open until_there published '5030*.xtx' 5
drop_filings etax 301 30 4KB
expect theirs-are-claimed until_there grep -q 'state=claimed.*00330' \
	"$dir/run.log"
filings etax 50311 60 4KB "$spool/in/other"
expect opening-holds-up-nobody until_there published '503*.xtx' 65
same opening-still-hangs 0 "$(outputs '003*.xtx')"
watch_kill
put_in_again
run_batch
same opened-exit-code 0 $?
same opened-published 30 "$(outputs '003*.xtx')"
same each-once "$(outputs '*.xtx')" "$(find "$spool/out" -name '*.xtx' \
	-printf '%f\n' | sort -u | wc -l)"
expect all-verify eval "find '$spool/out' -name '*.xtx' -print0 |
	xargs -0 '$NATSUIN' verify -q"
finish
