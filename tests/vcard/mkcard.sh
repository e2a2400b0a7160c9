#!/usr/bin/env bash
# Makes the directory of a virtual JPKI card.
#
#   tests/vcard/mkcard.sh [options] CARD_DIR NAME [-- test-pki options]
#
# Options:
#   --pki DIR      where certificates are made and kept (default: a new one,
#                  CARD_DIR.pki); cards of one DIR share their authorities
#   --pin TEXT     signature password (default ABC123)
#   --auth-pin N   PIN of the authentication key (default 1234)
#   --tries N      signature PIN tries left at the beginning (default 5)
#   --child        a card without a signature certificate
#   --label TEXT   of the token information (default JPKIAPICCTOKEN2)
# The trust anchor for signature certificates is PKI_DIR/signca.pem.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
pki='' pin=ABC123 auth_pin=1234 tries=5 child='' label=JPKIAPICCTOKEN2

while [[ ${1:-} == --* ]]; do
	case $1 in
	--pki) pki=$2 ;;
	--pin) pin=$2 ;;
	--auth-pin) auth_pin=$2 ;;
	--tries) tries=$2 ;;
	--label) label=$2 ;;
	--child)
		child=1
		shift
		continue
		;;
	*)
		sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
		exit 64
		;;
	esac
	shift 2
done
card=${1:?card directory} name=${2:?name}
shift 2
[ "${1:-}" != -- ] || shift
pki=${pki:-$card.pki}

# Four bytes, big endian, as octal escapes.
number() {
	printf '\\%03o\\%03o\\%03o\\%03o' $(($1 >> 24 & 255)) \
		$(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255))
}

# EF 0006: the layout of a PKCS#11 CK_TOKEN_INFO, 160 bytes: four texts
# (32 label, 32 manufacturer, 16 model, 16 serial), flags, ten numbers, two
# versions and the time.
token_info() {
	local unknown=$((0xFFFFFFFF)) n
	printf '%-32s%-32s%-16s%-16s' "$label" JPKI JPKI 00000000
	for n in $((0x40D)) 0 0 0 0 16 4 $unknown $unknown $unknown $unknown; do
		# shellcheck disable=SC2059 # the escapes are the data
		printf "$(number "$n")"
	done
	printf '\001\000\001\000%16s' ''
}

"$here/../../scripts/test-pki" jpki "$@" "$pki" "$name"
mkdir -p "$card"
umask 077
cp "$pki/$name.sign.der" "$card/sign.der"
cp "$pki/$name.sign.key" "$card/sign.key"
cp "$pki/$name.auth.der" "$card/auth.der"
cp "$pki/$name.auth.key" "$card/auth.key"
ca=signca
for word; do
	[ "${previous:-}" != --ca ] || ca=$word
	previous=$word
done
cp "$pki/$ca.der" "$card/signca.der"
cp "$pki/authca.der" "$card/authca.der"
if [ -n "$child" ]; then
	: >"$card/sign.der"
	printf '\000\217\000' >"$card/present.bin"
else
	printf '\217\217\000' >"$card/present.bin"
fi
token_info >"$card/token.bin"
printf '3BE000FF8131FE4514\n' >"$card/atr"
printf 'auth %s 3 3\nsign %s %s 5\n' "$auth_pin" "$pin" "$tries" \
	>"$card/pins"
