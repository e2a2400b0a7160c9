#!/usr/bin/env bash
# A batch through the real pcscd and a card: 100 filings cost the card one
# VERIFY, one reading of its certificate and 100 signatures. A card that is
# not there, or a wrong PIN, holds everything and loses nothing.
. "$NATSUIN_SRC/tests/lib/e2ecard.sh" || exit 1
CARD_KEY="pin-file = \"$dir/tanaka.pin\""
card_begin 2
held() {
	report_get '[.filings[] | select(.result == "held")] | length'
}

# Without a card: nothing happens to the filings.
drop_filings etax 1 100 20KB
card_pin ABC123
vcard_ctl 0 remove >/dev/null
vcard_wait 0 empty
run_batch
same no-card-exit-code 69 $?
same no-card-holds-all 100 "$(held)"

# Inserted again, with the wrong PIN: one VERIFY, whatever is run.
card_pin WRONG1
vcard_ctl 0 insert >/dev/null
vcard_wait 0 card
run_batch
same wrong-pin-exit-code 77 $?
card_same verify 1 wrong-pin-costs-one-verify
same wrong-pin-holds-all 100 "$(held)"
run_batch
same again-exit-code 77 $?
card_same verify 1 again-costs-none
same nothing-lost 100 "$(find "$spool/work" -name '*.xtx' | wc -l)"
card_same sign 0

# The right PIN.
card_pin ABC123
vcard_ctl 0 zero >/dev/null
run_batch
same exit-code 0 $?
same all-published 100 "$(find "$spool/out" -name '*.xtx' | wc -l)"
same all-reported 100 \
	"$(report_get '[.filings[] | select(.result == "published")] | length')"
same revocation-is-not-for-signers \
	'not-checked revocation-jpki-verifiers-only' "$(report_get \
	'[.filings[].checks.revocation | "\(.state) \(.code)"] | unique |
	join(" ")')"
expect and-the-page-says-so grep -q 'certified verifiers only, not to signers' \
	"$spool/reports/$(last_batch)/report.html"
same nobody-was-asked 0 "$(grep -c fetch.start "$dir/run.log")"
card_same verify 1
card_same cert_reads 1
card_same sign 100
card_same auth_sign 0
card_same select_ap 1
card_same select_key 1
same card-is-locked-afterwards 'ok auth 3 sign 5' "$(vcard_ctl 0 pins)"

verified() {
	local file bad=0
	while IFS= read -r file; do
		xmlsec1 --verify --id-attr:id ZZZ0010 \
			--trusted-pem "$dir/anchors/signca.pem" "$file" \
			>"$dir/xmlsec.out" 2>&1 || {
			cat "$dir/xmlsec.out"
			bad=1
		}
	done < <(find "$spool/out" -name '000[0-4]*.xtx')
	return "$bad"
}
expect xmlsec1-verifies verified
finish
