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
expect doctor-shows-the-atr says 'reader VR0 00 00: a card is in it, ATR 3b'
expect doctor-shows-the-empty-reader says 'reader VR0 00 01: no card in it'
expect doctor-locks-memory says 'a PIN can be kept out of the swap'
natsuin cert tanaka
same cert-wants-the-pin 77 $?
card_same verify 0 looking-costs-nothing

# status connects to no card: the reader says whether one is in.
keys() { # keys JQ-EXPRESSION: of `status --json`, the key tanaka
	"$NATSUIN" --json status </dev/null 2>"$dir/err" |
		jq -r ".keys[] | select(.key == \"tanaka\") | $1"
}
before=$(vcard_count 0 commands)
same status-locked 'locked false present null null null' "$(
	keys '"\(.state) \(.unlocked) \(.card) \(.tries_left) \(
		.until) \(.pin_refused)"')"
same status-has-all-members 'algorithm card certificate_notes certificate_seen'\
' key not_after pin_refused problem registered signatures_left signatures_made state tries_left unlocked until '\
'where' "$(keys 'keys | sort | join(" ")')"
same status-leaves-the-card-alone "$before" "$(vcard_count 0 commands)"

# Exported without a password: as the card has it, never over another file.
exports() { # exports WHICH FILE-IN-CARD
	rm -f "$dir/export.der"
	natsuin cert tanaka --export der --which "$1" -o "$dir/export.der"
	same "export-$1-exit-code" 0 $?
	expect "export-$1-is-the-cards" cmp "$dir/export.der" \
		"$PCSCD_DIR/tanaka/$2"
}
exports auth auth.der
exports sign-ca signca.der
exports auth-ca authca.der
natsuin cert tanaka --export der --which auth -o "$dir/export.der"
same export-again-exit-code 78 $?
expect export-overwrites-nothing cmp "$dir/export.der" \
	"$PCSCD_DIR/tanaka/authca.der"
natsuin cert tanaka --export pem --which sign-ca
same export-pem "$(openssl x509 -in "$PCSCD_DIR/pki/signca.pem" -outform der |
	sha256sum)" "$(openssl x509 -in "$dir/out" -outform der | sha256sum)"
natsuin cert tanaka --export text
same export-unknown-format 64 $?
natsuin cert tanaka -o "$dir/other"
same export-without-format 64 $?
natsuin cert "$dir/export.der" --export pem
same export-of-a-file 64 $?
card_same verify 0 exporting-costs-nothing

# With it.
with_pin ABC123 cert tanaka
same cert-exit-code 0 $?
expect cert-shows-the-holder says '試験　花子'
expect cert-is-the-signature-certificate says 'JPKI signature certificate'
expect cert-hides-the-address eval '! says "address  "'
expect cert-shows-usage says 'non-repudiation'
expect cert-shows-policy says '1.2.392.200149.8.5.1.'
card_same verify 1 cert-costs-one-verify
same locked-afterwards 'ok auth 3 sign 5' "$(vcard_ctl 0 pins)"
with_pin abc123 cert tanaka
same small-letters-are-capitals 0 $?
with_pin ABC123 cert --holder tanaka
for item in '試験　花子' 'date of birth' 'sex  ' 'address  '; do
	expect "holder-shows-${item%% *}" says "$item"
done
with_pin ABC123 cert tanaka --export der -o "$dir/sign.der"
same export-sign-exit-code 0 $?
expect export-sign-is-the-cards cmp "$dir/sign.der" "$PCSCD_DIR/tanaka/sign.der"
same export-sign-mode 600 "$(stat -c %a "$dir/sign.der")"
same cert-json-personal "$(printf 'false\ntrue')" "$(
	with_pin ABC123 --json cert tanaka
	jq -r '.certificate.holder | has("address")' "$dir/out"
	with_pin ABC123 --json cert --holder tanaka
	jq -r '.certificate.holder | has("address")' "$dir/out")"
with_pin AB-123 cert tanaka
same malformed-exit-code 77 $?
card_same verify 6 malformed-costs-nothing

# A keyholder has the card: the commands ask it.
with_pin ABC123 -c "$conf" unlock tanaka --for 10m
same unlock-exit-code 0 $?
holder=$(pgrep -f -- "-c $conf unlock" | tail -n 1)
natsuin status
expect status-unlocked says 'unlocked until'
expect status-counts says '0 made'
expect status-tells-tries says '5 tries left'
expect status-tells-the-end says 'days left'
same status-json 'unlocked true present 0 null 5 null' "$(
	keys '"\(.state) \(.unlocked) \(.card) \(.signatures_made) \(
		.signatures_left) \(.tries_left) \(.pin_refused)"')"
natsuin cert --export der -o "$dir/held.der"
expect export-from-the-keyholder cmp "$dir/held.der" \
	"$PCSCD_DIR/tanaka/sign.der"
natsuin pin tries tanaka
expect tries-from-the-keyholder says '5 tries left'
natsuin cert tanaka
expect cert-from-the-keyholder says '試験　花子'
natsuin doctor
expect doctor-from-the-keyholder says 'unlocked, VR0 00 00'
expect doctor-shows-who-holds-it says 'held by one program'
natsuin cert --card tanaka
same card-in-use-exit-code 69 $?
expect card-in-use complains 'natsuin status'
card_same verify 7 asking-costs-nothing

# Taken out: the session ends, and everything says what is missing.
vcard_ctl 0 remove >/dev/null
vcard_wait 0 empty
ended() {
	local i
	for ((i = 0; i < 1200; i++)); do
		[ -e "$dir/run/tanaka.sock" ] || return 0
		sleep 0.05
	done
	return 1
}
expect removal-ends-the-session ended
same status-misses-the-card 'locked absent' "$(keys '"\(.state) \(.card)"')"
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
vcard_ctl 0 remove >/dev/null
vcard_wait 0 empty

# No memory may be locked; no PIN entry but the terminal; no pcscd.
poor() {
	local drop=()
	if [ "$(id -u)" -eq 0 ]; then
		drop=(setpriv --reuid nobody --clear-groups --inh-caps=-all
			--bounding-set=-all)
		natsuin_for_all
		chmod 644 "$conf"
	fi
	prlimit --memlock=0:0 "${drop[@]}" env NATSUIN_PINENTRY=/nowhere \
		"$NATSUIN" --json doctor >"$dir/out" 2>"$dir/err" </dev/null
}
poor
same poor-exit-code 78 $?
same poor-codes 'no-secure-memory pinentry-none' "$(jq -r '[.[].code |
	select(. == "no-secure-memory" or . == "pinentry-none")] | sort |
	join(" ")' "$dir/out")"
pcscd_halt
natsuin --json doctor
same no-pcscd-exit-code 78 $?
expect no-pcscd-is-named jq -e 'any(.[]; .subject == "card readers" and
	.code == "pcsc-unavailable" and .state == "bad")' "$dir/out"
same status-without-pcscd null "$(keys .card)"
finish
