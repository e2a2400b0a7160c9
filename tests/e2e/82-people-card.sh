#!/usr/bin/env bash
# The wrong card in the reader. Its certificate can be read only after the
# PIN, so one VERIFY is what it costs: no signature is asked for, and with the
# right card the filings are taken up.
. "${NATSUIN_SRC:?}/tests/lib/e2ecard.sh" || exit 1
make_card() { # make_card NAME HOLDER
	"$NATSUIN_SRC/tests/vcard/mkcard.sh" --pki "$PCSCD_DIR/pki" \
		"$PCSCD_DIR/$1" "$1" -- --holder "$2"
}
key_make() { # for spool_make: somebody else's card
	make_card suzuki '鈴木　一郎' && make_card tanaka '髙橋　太郎' &&
		vcard_start 0 "$PCSCD_DIR/suzuki" || return 1
	mkdir -p "$dir/anchors"
	cp "$PCSCD_DIR/pki/signca.pem" "$dir/anchors/"
}
card_begin 2
sed -i 's/sign-with = .*/&\n\tsigner-must-match = "accountant"/' "$conf"
with_pin() { # that somebody gives: a stored one goes to the last card only
	run_batch --pin-fd 9 9<<<ABC123
}
results() {
	report_get '[.filings[] | "\(.result) \(.people.verdict)"] |
		group_by(.) | map("\(length) \(.[0])") | join(", ")'
}

filings etax 1 20 4KB "$dir/made"
sed -i 's|<DAIRI_NM \(.*\)>[^<]*<|<DAIRI_NM \1>高橋 太郎<|' "$dir/made"/*.xtx
mv "$dir/made"/*.xtx "$spool/in/kokuzei/"
with_pin
same wrong-card-exit-code 4 $?
same wrong-card-holds-all '20 held different' "$(results)"
same wrong-card-reason signer-mismatch \
	"$(report_get '[.filings[].reason.code] | unique | join(" ")')"
card_same sign 0
card_same verify 1
expect pin-is-not-blamed eval '! ls "$spool/state/keys"/*.pin-refused'
same nothing-lost 20 "$(find "$spool/work" -name '*.xtx' | wc -l)"

# The right one.
vcard_ctl 0 remove >/dev/null
vcard_wait 0 empty
vcard_ctl 0 load "$PCSCD_DIR/tanaka" >/dev/null
vcard_ctl 0 insert >/dev/null
vcard_wait 0 card
vcard_ctl 0 zero >/dev/null
with_pin
same right-card-exit-code 0 $?
same right-card '20 published variant' "$(results)"
card_same sign 20
card_same verify 1 right-card-costs-one-verify
finish
