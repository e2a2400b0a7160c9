#!/usr/bin/env bash
# The virtual card is not only our own idea of one: OpenSC's tools, which
# know real cards, accept it, and openssl verifies what it signs.
set -u
. "$NATSUIN_SRC/tests/lib/pcscd.sh" || exit 1

failures=0
check() { # check NAME COMMAND...
	local name=$1
	shift
	if "$@" >"$work/out" 2>&1; then
		echo "ok opensc-$name"
	else
		echo "not ok opensc-$name: exit $?"
		sed 's/^/# /' "$work/out"
		failures=$((failures + 1))
	fi
}

pcscd_available || {
	echo "skip opensc: $PCSCD_WHY"
	exit 0
}
module=$(find /usr/lib -name opensc-pkcs11.so 2>/dev/null | head -n 1)
if [ -z "$module" ] || ! command -v pkcs11-tool pkcs15-tool >/dev/null; then
	echo "skip opensc: opensc is not installed"
	exit 0
fi
work=$(mktemp -d)
finish() {
	pcscd_stop
	rm -rf "$work"
}
trap finish EXIT
if ! pcscd_start 2 || ! vcard_make tanaka ||
	! vcard_start 0 "$PCSCD_DIR/tanaka"; then
	echo "not ok opensc: the card did not start"
	exit 1
fi
printf 'to be signed\n' >"$work/data"
openssl dgst -sha256 -binary "$work/data" >"$work/digest"
{
	printf '\60\61\60\15\6\11\140\206\110\1\145\3\4\2\1\5\0\4\40'
	cat "$work/digest"
} >"$work/digestinfo"
for kind in sign auth; do
	openssl x509 -in "$PCSCD_DIR/pki/tanaka.$kind.pem" -noout -pubkey \
		>"$work/$kind.pub"
done

p11() {
	pkcs11-tool --module "$module" "$@"
}
# Slot 0 is the authentication PIN's, slot 1 the signature password's.
sign_slot=(--slot-index 1 --login --pin ABC123)

lists() { # lists WANTED COMMAND...
	local wanted=$1
	shift
	"$@" 2>&1 | tee "$work/list"
	grep -q "$wanted" "$work/list"
}
hides() { # the signature certificate is not there before its password
	p11 --slot-index 1 -O >"$work/list" 2>&1
	cat "$work/list"
	! grep -q 'label: *Digital Signature Certificate$' "$work/list"
}
signs() { # signs KIND MECHANISM INPUT LOGIN...
	local kind=$1 mechanism=$2 input=$3 id=01
	shift 3
	[ "$kind" = auth ] || id=02
	rm -f "$work/signature"
	p11 "$@" --sign --id $id -m "$mechanism" --input-file "$input" \
		--output-file "$work/signature" &&
		openssl dgst -sha256 -verify "$work/$kind.pub" \
			-signature "$work/signature" "$work/data"
}
reads_certificate() { # reads_certificate ID FILE [option]...
	local id=$1 file=$2
	shift 2
	pkcs15-tool "$@" --read-certificate "$id" >"$work/cert.pem" &&
		openssl x509 -in "$work/cert.pem" -outform DER |
		cmp - "$PCSCD_DIR/tanaka/$file"
}
refuses_certificate() {
	! pkcs15-tool --read-certificate 2 >"$work/cert.pem" 2>&1
}
tries() {
	pkcs15-tool -D 2>&1 | tee "$work/list" | grep -c 'Tries left' |
		grep -qx 2 && grep -q 'Tries left *: 5' "$work/list"
}
wrong_password() {
	local before after
	before=$(vcard_count 0 verify_wrong)
	p11 --slot-index 1 --login --pin WRONG1 -O 2>&1 && return 1
	after=$(vcard_count 0 verify_wrong)
	[ $((after - before)) -eq 1 ]
}

check lists-slots lists 'Digital Signature PIN' p11 -L
check lists-objects lists 'User Authentication Certificate' p11 -O
check hides-signature-certificate hides
# Before the first login: OpenSC leaves a card verified when it ends.
check refuses-signature-certificate refuses_certificate
check shows-it-after-login lists 'Digital Signature Certificate$' \
	p11 "${sign_slot[@]}" -O
check lists-mechanisms lists 'SHA256-RSA-PKCS' p11 -M
check signs-digestinfo signs sign RSA-PKCS "$work/digestinfo" \
	"${sign_slot[@]}"
cp "$work/signature" "$work/first" 2>/dev/null
check signs-data signs sign SHA256-RSA-PKCS "$work/data" "${sign_slot[@]}"
check same-signature cmp "$work/first" "$work/signature"
check signs-for-authentication signs auth SHA256-RSA-PKCS "$work/data" \
	--slot-index 0 --login --pin 1234
check tries-left tries
check reads-authentication-certificate reads_certificate 1 auth.der
check reads-signature-ca reads_certificate 4 signca.der
check wrong-password-costs-one-try wrong_password

directory=$PCSCD_DIR
if pcscd_stop && ! pgrep -f "$directory" >/dev/null; then
	echo "ok opensc-leaves-nothing"
else
	echo "not ok opensc-leaves-nothing"
	failures=$((failures + 1))
fi
[ "$failures" -eq 0 ]
