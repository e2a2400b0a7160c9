#!/usr/bin/env bash
# The commands that look at a card: cert, doctor, pin tries, status, unlock
# and lock, with the card in, held by a keyholder, and taken out.
. "$NATSUIN_SRC/tests/lib/e2ecard.sh" || exit 1
card_begin 2

natsuin() {
	"$NATSUIN" "$@" >"$dir/out" 2>"$dir/err" </dev/null
}
says() {
	grep -qF -- "$1" "$dir/out"
}
complains() {
	grep -qF -- "$1" "$dir/err"
}
with_pin() {
	printf '%s\n' "$1" | "$NATSUIN" --pin-fd 0 "${@:2}" \
		>"$dir/out" 2>"$dir/err"
}

# Without a password.
natsuin cert --card
same card-exit-code 0 $?
expect card-shows-label says JPKIAPICCTOKEN2
expect card-shows-tries says '5 tries left'
expect card-shows-authentication says 'JPKI for user authentication'
natsuin --json cert --card tanaka
same card-json "$(openssl x509 -in "$PCSCD_DIR/pki/tanaka.auth.pem" -noout \
	-fingerprint -sha256 | sed 's/.*=//;s/://g' | tr 'A-F' 'a-f')" \
	"$(jq -r .authentication.sha256 "$dir/out")"
natsuin pin tries tanaka
expect tries says '5 tries left'
natsuin doctor
expect doctor-sees-the-card says 'JPKIAPICCTOKEN2, VR0 00 00'
expect doctor-tells-tries says '5 PIN tries left'
natsuin cert tanaka
same cert-wants-the-pin 77 $?
card_same verify 0 looking-costs-nothing

# With it.
with_pin ABC123 cert tanaka
same cert-exit-code 0 $?
expect cert-shows-the-holder says '試験　花子'
expect cert-is-the-signature-certificate says 'JPKI signature certificate'
card_same verify 1 cert-costs-one-verify
same locked-afterwards 'ok auth 3 sign 5' "$(vcard_ctl 0 pins)"
with_pin abc123 cert tanaka
same small-letters-are-capitals 0 $?
with_pin AB-123 cert tanaka
same malformed-exit-code 77 $?
card_same verify 2 malformed-costs-nothing

# A keyholder has the card: the commands ask it.
with_pin ABC123 -c "$conf" unlock tanaka --for 10m
same unlock-exit-code 0 $?
holder=$(pgrep -f -- "-c $conf unlock" | tail -n 1)
natsuin status
expect status-unlocked says 'unlocked'
natsuin pin tries tanaka
expect tries-from-the-keyholder says '5 tries left'
natsuin cert tanaka
expect cert-from-the-keyholder says '試験　花子'
natsuin doctor
expect doctor-from-the-keyholder says 'unlocked, VR0 00 00'
natsuin cert --card tanaka
same card-in-use-exit-code 69 $?
expect card-in-use complains 'natsuin status'
card_same verify 3 asking-costs-nothing

# Taken out: the session ends, and everything says what is missing.
vcard_ctl 0 remove >/dev/null
vcard_wait 0 empty
ended() {
	local i
	for ((i = 0; i < 200; i++)); do
		[ -e "$dir/run/tanaka.sock" ] || return 0
		sleep 0.05
	done
	return 1
}
expect removal-ends-the-session ended
natsuin doctor
expect doctor-misses-the-card says 'There is no card in the reader'
natsuin cert --card
same no-card-exit-code 69 $?
natsuin pin tries tanaka
same no-card-tries-exit-code 69 $?

# Somebody else's card kind: no signature certificate.
vcard_make kodomo --child
vcard_ctl 0 swap "$PCSCD_DIR/kodomo" >/dev/null
vcard_wait 0 card
natsuin cert --card
expect child-card-is-named says 'none on this card'
finish
