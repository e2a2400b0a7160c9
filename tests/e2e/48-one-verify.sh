#!/usr/bin/env bash
# The card's own counter of VERIFY: a wrong PIN costs one, however many
# filings and examiners wait for it and whatever is started again; a night of
# 2,000 filings costs one.
. "${NATSUIN_SRC:?}/tests/lib/e2ecard.sh" || exit 1
CARD_KEY="pin-file = \"$dir/tanaka.pin\""
E2E_SPOOL='examiners = 4'
card_begin 2
held() {
	report_get '[.filings[] | select(.result == "held")] | length'
}

card_pin WRONG1
drop_filings etax 1 1000 2KB
run_batch
same wrong-pin-exit-code 77 $?
same wrong-pin-holds-all 1000 "$(held)"
card_same verify 1 wrong-pin-costs-one-verify
same one-try-less 'ok auth 3 sign 4' "$(vcard_ctl 0 pins)"
vcard_ctl 0 zero >/dev/null
run_batch
same again-exit-code 77 $?
same again-holds-all 1000 "$(held)"
card_same verify 0 again-costs-none
same no-try-less 'ok auth 3 sign 4' "$(vcard_ctl 0 pins)"

card_pin ABC123
drop_filings etax 1001 1000 2KB
run_batch
same night-exit-code 0 $?
same night-published 2000 \
	"$(report_get '[.filings[] | select(.result == "published")] | length')"
same night-outputs 2000 "$(find "$spool/out" -name '*.xtx' | wc -l)"
card_same verify 1 night-costs-one-verify
card_same sign 2000 night-signs-each-once
same all-tries-again 'ok auth 3 sign 5' "$(vcard_ctl 0 pins)"
finish
