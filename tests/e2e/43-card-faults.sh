#!/usr/bin/env bash
# A card that fails in the middle of a batch: every filing is published
# once or held, the next run finishes the rest, and nothing is the filing's
# fault. The card's own counters say how often it signed.
. "$NATSUIN_SRC/tests/lib/e2ecard.sh" || exit 1
CARD_KEY="pin-file = \"$dir/tanaka.pin\" card-timeout = \"5s\""
card_begin 2
card_pin ABC123
count=20
next=1

results() { # results RESULT: of the newest batch
	report_get "[.filings[] | select(.result == \"$1\")] | length"
}
published() {
	find "$spool/out" -name "*.xtx" 2>/dev/null | wc -l
}
each_once() { # no filing has two outputs
	[ "$(find "$spool/out" -name '*.xtx' -printf '%f\n' | sort -u |
		wc -l)" -eq "$(published)" ]
}

# broken NAME EXIT-CODE FAULT…: one batch with the fault after the 8th
# signature, and one without that finishes it.
broken() {
	local name=$1 code=$2 before lines
	shift 2
	before=$(published)
	drop_filings etax $next $count 20KB
	next=$((next + count))
	vcard_ctl 0 defaults >/dev/null
	vcard_ctl 0 fault "$@" ins=2A after=8 >/dev/null
	run_batch
	same "$name-exit-code" "$code" $?
	lines=$(report_get '.filings | length')
	same "$name-reports-all" $count "$lines"
	same "$name-fails-none" 0 "$(results failed)"
	same "$name-holds-the-rest" $((count - $(published) + before)) \
		"$(results held)"
	expect "$name-published-some" test "$(published)" -gt "$before"
	card_same verify 1 "$name-one-verify"
	vcard_ctl 0 clear-faults >/dev/null
	vcard_ctl 0 remove >/dev/null
	vcard_wait 0 empty
	vcard_ctl 0 insert >/dev/null
	vcard_wait 0 card
	run_batch
	same "$name-then-exit-code" 0 $?
	same "$name-then-publishes-all" $((before + count)) "$(published)"
	expect "$name-each-once" each_once
	card_same verify 2 "$name-second-verify"
}

broken pulled 69 lose
broken pulled-before 69 remove
broken flipped 69 flip
broken short 69 short
broken broken-card 69 sw=6F00 times=99
broken hanging 69 hang=600000

# The card forgot the password and is the same: given once more, and the
# batch goes on as if nothing had been.
forgotten() { # forgotten NAME FAULT…
	local name=$1 before
	shift
	before=$(published)
	drop_filings etax $next $count 20KB
	next=$((next + count))
	vcard_ctl 0 defaults >/dev/null
	vcard_ctl 0 fault "$@" ins=2A after=8 >/dev/null
	run_batch
	same "$name-exit-code" 0 $?
	same "$name-publishes-all" $((before + count)) "$(published)"
	expect "$name-each-once" each_once
	card_same verify 2 "$name-two-verify"
	card_same verify_ok 2 "$name-none-refused"
	card_same sign "$count" "$name-signs-each-once"
}
forgotten pin-status-lost sw=6982
forgotten no-current-file sw=6986
forgotten no-answer byte

# Out and in again while it signs. Whether pcscd sees that is chance: the
# batch goes on, or holds the rest for the next one.
before=$(published)
drop_filings etax $next $count 20KB
next=$((next + count))
vcard_ctl 0 defaults >/dev/null
vcard_ctl 0 fault reinsert ins=2A after=8 >/dev/null
run_batch
case $? in
0) card_same verify 2 reinserted-and-seen-by-nobody ;;
69) card_same verify 1 reinserted-and-noticed ;;
*) same reinserted-exit-code '0 or 69' other ;;
esac
same reinserted-fails-none 0 "$(results failed)"
vcard_wait 0 card
run_batch
same reinserted-publishes-all $((before + count)) "$(published)"
expect reinserted-each-once each_once

# The password itself is never answered: one try, told on the terminal, and
# the right one may be used again.
vcard_ctl 0 defaults >/dev/null
vcard_ctl 0 fault hang=600000 ins=20 after=3 >/dev/null
printf 'ABC123\n' | "$NATSUIN" --pin-fd 0 -c "$conf" unlock tanaka \
	>"$dir/out" 2>"$dir/err"
same hanging-unlock-exit-code 69 $?
expect hanging-unlock-says-so grep -q card-timeout "$dir/err"
card_same verify 1 hanging-unlock-one-verify
vcard_ctl 0 remove >/dev/null
vcard_wait 0 empty
vcard_ctl 0 insert >/dev/null
vcard_wait 0 card
before=$(published)
drop_filings etax $next 2 20KB
run_batch
same after-hanging-unlock-exit-code 0 $?
same after-hanging-unlock-publishes $((before + 2)) "$(published)"
card_same verify 2 after-hanging-unlock-one-verify

verified() {
	local file bad=0
	while IFS= read -r file; do
		xmlsec1 --verify --id-attr:id ZZZ0010 \
			--trusted-pem "$dir/anchors/signca.pem" "$file" \
			>/dev/null 2>&1 || bad=1
	done < <(find "$spool/out" -name '*[05].xtx')
	return "$bad"
}
expect outputs-verify verified
expect audit-verifies "$NATSUIN" audit verify
finish
