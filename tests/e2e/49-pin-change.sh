#!/usr/bin/env bash
# `natsuin pin change` on a card: everything is checked before anything is
# sent, the old PIN is presented once, each answer of the card is told, and
# stored PINs that are older than the change are not tried.
. "$NATSUIN_SRC/tests/lib/e2ecard.sh" || exit 1
CARD_KEY=$(printf '\tpin-file = "%s/tanaka.pin"' "$dir")
card_begin 2
card_pin ABC123

# change OLD NEW AGAIN [option]…
change() {
	local old=$1 new=$2 again=$3
	shift 3
	printf '%s\n%s\n%s\n' "$old" "$new" "$again" |
		"$NATSUIN" --pin-fd 0 pin change tanaka "$@" \
			>"$dir/out" 2>"$dir/err"
}
pins() { # pins NAME TRIES PIN: what the card's memory holds
	same "$1" "sign $3 $2 5" "$(grep '^sign' "$PCSCD_DIR/tanaka/pins")"
}
code() { # code NAME CODE: the error of the last command
	expect "$1" grep -qE "error=\"?$2\b" "$dir/err"
}
reset_card() { # reset_card PIN TRIES
	vcard_ctl 0 remove >/dev/null
	vcard_wait 0 empty
	printf 'auth 1234 3 3\nsign %s %s 5\n' "$1" "$2" \
		>"$PCSCD_DIR/tanaka/pins"
	vcard_ctl 0 swap "$PCSCD_DIR/tanaka" >/dev/null
	vcard_ctl 0 defaults >/dev/null
	vcard_wait 0 card
	vcard_ctl 0 zero >/dev/null
}

# What is wrong before anything is sent costs nothing.
change ABC123 NEW4567 NEW4568 -v
same differs-exit-code 77 $?
code differs pin-new-differs
change ABC123 abc123 ABC123 -v
same same-exit-code 77 $?
code same pin-new-same
change ABC123 NEW-45 NEW-45 -v
same malformed-exit-code 77 $?
code malformed pin-format
change ABC123 AB12 AB12 -v
code short pin-format
change ABC123 ABCDEFGH123456789 ABCDEFGH123456789 -v
code long pin-format
change ABC12 NEW4567 NEW4567 -v
code short-old pin-format
card_same verify 0 nothing-was-sent
card_same change_pin 0

# Done: small letters become capitals, one VERIFY, one change, card off.
change abc123 new4567 NEW4567
same change-exit-code 0 $?
expect says-where-to-write-it grep -qF "$dir/tanaka.pin" "$dir/out"
pins changed 5 NEW4567
card_same verify 1
card_same change_pin 1
same locked-afterwards 'ok auth 3 sign 5' "$(vcard_ctl 0 pins)"
expect audit-is-whole "$NATSUIN" audit verify
expect audit-tells grep -q '"kind":"pin-changed"' \
	"$spool/state/keys/tanaka.audit"

# The PIN file is older: no batch tries it, no command either.
drop_filings etax 1 2 4KB
run_batch
same outdated-exit-code 77 $?
same outdated-reason pin-stored-outdated \
	"$(report_get '.filings[0].reason.code')"
"$NATSUIN" unlock tanaka >"$dir/out" 2>"$dir/err"
same outdated-unlock-exit-code 77 $?
printf 'ABC123\n' | "$NATSUIN" --pin-fd 0 unlock tanaka \
	>"$dir/out" 2>"$dir/err"
same piped-unlock-exit-code 77 $?
card_same verify 1 stored-pin-is-not-tried
# Nor after somebody has unlocked the key with the new one.
printf 'NEW4567\n' | "$NATSUIN" -q --pin-fd 0 unlock tanaka --pin-changed
"$NATSUIN" -q lock tanaka
card_same verify 2 unlocked-by-hand
run_batch
same still-outdated-exit-code 77 $?
card_same verify 2 old-file-is-not-tried-after-that
card_pin NEW4567
run_batch
same new-file-exit-code 0 $?
same published 2 "$(find "$spool/out" -name '*.xtx' | wc -l)"
card_same verify 3 new-file-costs-one-verify

# A wrong old PIN: one VERIFY, marked, not tried again from a pipe.
reset_card ABC123 5
change WRONG12 NEW4567 NEW4567 -v
same wrong-exit-code 77 $?
code wrong pin-wrong
card_same verify 1 wrong-costs-one-verify
change WRONG12 NEW4567 NEW4567 -v
code wrong-again pin-tries-not-full
change WRONG12 NEW4567 NEW4567 -v --i-know
code not-again pin-file-refused-before
card_same verify 1 wrong-is-not-tried-again
pins wrong-changes-nothing 4 ABC123
change ABC123 NEW4567 NEW4567 --i-know --pin-changed
same forced-exit-code 0 $?
pins forced 5 NEW4567

# Few tries left: with two only by --i-know, with one never.
reset_card ABC123 2
change ABC123 NEW4567 NEW4567 -v --pin-changed
code two-left pin-tries-low
reset_card ABC123 1
change ABC123 NEW4567 NEW4567 -v --pin-changed --i-know
code one-left pin-tries-low
reset_card ABC123 0
change ABC123 NEW4567 NEW4567 -v --pin-changed --i-know
code none-left pin-blocked
card_same verify 0 few-tries-send-nothing

# Each answer of the card to the new PIN.
for answer in 6A80:pin-new-refused 6700:pin-new-refused \
	6982:card-pin-status-lost 6983:pin-blocked 6984:pin-blocked \
	6985:card-refused 6986:card-state-lost 6A82:card-file-missing \
	6A86:card-refused 6B00:card-refused 6D00:card-foreign \
	6E00:card-foreign 6581:pin-change-unsure 6F00:pin-change-unsure \
	63C4:pin-change-unsure; do
	sw=${answer%:*}
	reset_card ABC123 5
	vcard_ctl 0 fault "sw=$sw" ins=24 >/dev/null
	change ABC123 NEW4567 NEW4567 -v --pin-changed
	code "answer-$sw" "${answer#*:}"
	card_same 24 1 "answer-$sw-is-asked-once"
	pins "answer-$sw-changes-nothing" 5 ABC123
done

# The answer is lost: it is not known which PIN holds, and no stored one is
# tried until a person has typed the right one.
for how in lose remove; do
	reset_card ABC123 5
	vcard_ctl 0 fault "$how" ins=24 >/dev/null
	change ABC123 NEW4567 NEW4567 -v --pin-changed
	same "$how-exit-code" 77 $?
	code "$how" pin-change-unsure
	vcard_ctl 0 insert >/dev/null
	vcard_wait 0 card
	"$NATSUIN" -v cert tanaka >"$dir/out" 2>"$dir/err"
	code "$how-stored-is-not-tried" pin-stored-outdated
	card_same verify 1 "$how-costs-one-verify"
done
pins removed-before-changes-nothing 5 ABC123

# It does not come at all: the command is cut, and it is as unsure.
reset_card ABC123 5
sed -i 's/backend = "jpki"/&\n\tcard-timeout = "2s"/' "$conf"
vcard_ctl 0 fault hang=600000 ins=24 >/dev/null
change ABC123 NEW4567 NEW4567 -v --pin-changed
same hang-exit-code 69 $?
vcard_ctl 0 answer >/dev/null
sed -i '/card-timeout/d' "$conf"
"$NATSUIN" -v cert tanaka >"$dir/out" 2>"$dir/err"
code hang-stored-is-not-tried pin-stored-outdated

# While a keyholder runs, nothing is asked.
reset_card ABC123 5
printf 'ABC123\n' |
	"$NATSUIN" --pin-fd 0 -c "$conf" unlock tanaka --pin-changed \
	--for 10m >"$dir/out" 2>"$dir/err"
same unlock-exit-code 0 $?
holder=$(pgrep -f -- "-c $conf unlock tanaka" | tail -n 1)
change ABC123 NEW4567 NEW4567 -v
same unlocked-exit-code 77 $?
code unlocked pin-change-unlocked
"$NATSUIN" -q lock tanaka
card_same change_pin 0 unlocked-changes-nothing
pins unlocked-holds 5 ABC123

# Kinds of keys whose PIN other programs change say so.
openssl pkcs12 -export -inkey "$PCSCD_DIR/pki/tanaka.sign.key" \
	-in "$PCSCD_DIR/pki/tanaka.sign.pem" -out "$dir/tanaka.p12" \
	-passout pass:ABC123
chmod 600 "$dir/tanaka.p12"
sed -i "s|backend = \"jpki\"|backend = \"pkcs12\"\nfile = \"$dir/tanaka.p12\"|" \
	"$conf"
change ABC123 NEW4567 NEW4567 -v
same pkcs12-exit-code 78 $?
code pkcs12 pin-change-elsewhere
finish
