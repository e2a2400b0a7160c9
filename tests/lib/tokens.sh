# shellcheck shell=bash
# SoftHSM2 tokens for tests: a store of their own, keys and certificates of
# a test authority.
#
#   . "$NATSUIN_SRC/tests/lib/tokens.sh"
#   tokens_begin DIR               # exports SOFTHSM2_CONF
#   token_make office 4711pin      # a token with this label and PIN
#   token_pair tanaka rsa          # DIR/tanaka.{key,pem,der}; rsa, ec, auth
#   token_put office 4711pin tanaka 01   # key and certificate onto it
#   token_office tanaka rsa        # all of this in $dir/hsm, for a scenario
#   token_serial office            # its serial number
#
# TOKENS_MODULE is SoftHSM2's module.

TOKENS_MODULE=$(find /usr/lib -name libsofthsm2.so 2>/dev/null | head -n 1)

tokens_available() {
	[ -n "$TOKENS_MODULE" ] &&
		command -v softhsm2-util pkcs11-tool >/dev/null
}

tokens_begin() {
	TOKENS_DIR=$1
	mkdir -p "$TOKENS_DIR/tokens"
	printf 'directories.tokendir = %s\nobjectstore.backend = file\n' \
		"$TOKENS_DIR/tokens" >"$TOKENS_DIR/softhsm2.conf"
	export SOFTHSM2_CONF=$TOKENS_DIR/softhsm2.conf
}

token_make() {
	softhsm2-util --init-token --free --label "$1" --pin "$2" \
		--so-pin officer-pin
}

token_serial() {
	pkcs11-tool --module "$TOKENS_MODULE" -L 2>/dev/null |
		sed -n "/token label *: $1\$/,/serial num/s/.*serial num *: //p"
}

tokens_authority() {
	[ -e "$TOKENS_DIR/ca.pem" ] || openssl req -x509 -newkey rsa:2048 \
		-nodes -days 3650 -subj '/C=JP/O=natsuin test/CN=test CA' \
		-addext 'keyUsage=critical,keyCertSign,cRLSign' \
		-keyout "$TOKENS_DIR/ca.key" -out "$TOKENS_DIR/ca.pem"
}

# token_pair NAME KIND [DAYS]: rsa and ec for signing, auth (RSA) without
# nonRepudiation.
token_pair() {
	local base=$TOKENS_DIR/$1 usage=digitalSignature,nonRepudiation
	local algorithm=(-algorithm RSA -pkeyopt rsa_keygen_bits:2048)
	tokens_authority || return 1
	case $2 in
	ec) algorithm=(-algorithm EC -pkeyopt ec_paramgen_curve:P-384) ;;
	auth) usage=digitalSignature ;;
	esac
	printf '%s\n' 'basicConstraints=critical,CA:FALSE' \
		"keyUsage=critical,$usage" >"$base.ext"
	openssl genpkey "${algorithm[@]}" -out "$base.key" &&
		openssl req -new -key "$base.key" -utf8 \
			-subj "/C=JP/O=natsuin test/CN=$1" -out "$base.csr" &&
		openssl x509 -req -in "$base.csr" -CA "$TOKENS_DIR/ca.pem" \
			-CAkey "$TOKENS_DIR/ca.key" -CAcreateserial \
			-days "${3:-365}" -extfile "$base.ext" \
			-out "$base.pem" &&
		openssl x509 -in "$base.pem" -outform DER -out "$base.der"
}

# token_put LABEL PIN NAME ID [certificate only]
token_put() {
	local p11=(pkcs11-tool --module "$TOKENS_MODULE" --token-label "$1"
		--login --pin "$2")
	if [ -z "${5-}" ]; then
		softhsm2-util --import "$TOKENS_DIR/$3.key" --token "$1" \
			--pin "$2" --label "$3" --id "$4" || return 1
	fi
	"${p11[@]}" --write-object "$TOKENS_DIR/$3.der" --type cert \
		--label "$3" --id "$4"
}

# token_fingerprint NAME: of its certificate, as natsuin writes it.
token_fingerprint() {
	openssl dgst -sha256 -r "$TOKENS_DIR/$1.der" | cut -d' ' -f1
}

# token_office NAME KIND: a token "office" with the PIN pin-4711 and one key,
# for a scenario's key_make; its authority is an anchor.
token_office() {
	tokens_begin "$dir/hsm"
	{
		token_make office pin-4711 && token_pair "$1" "$2" &&
			token_put office pin-4711 "$1" 07
	} >"$dir/hsm.log" 2>&1 || {
		cat "$dir/hsm.log"
		return 1
	}
	mkdir -p "$dir/anchors"
	cp "$dir/hsm/ca.pem" "$dir/anchors/"
}
