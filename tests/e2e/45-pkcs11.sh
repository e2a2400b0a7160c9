#!/usr/bin/env bash
# A PKCS#11 token (SoftHSM2) from drop to out: filings are signed and xmlsec1
# accepts them; a wrong PIN is tried once; the commands know the token.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
. "$NATSUIN_SRC/tests/lib/tokens.sh"
tokens_available || {
	echo "not ok $scenario: SoftHSM2 or pkcs11-tool is not installed"
	exit 1
}

key_make() {
	tokens_begin "$dir/hsm"
	{
		token_make office pin-4711 && token_make other pin-0815 &&
			token_pair "$1" rsa && token_pair login auth &&
			token_put office pin-4711 "$1" 07 &&
			token_put office pin-4711 login 08
	} >"$dir/hsm.log" 2>&1 || {
		cat "$dir/hsm.log"
		return 1
	}
	mkdir -p "$dir/anchors"
	cp "$dir/hsm/ca.pem" "$dir/anchors/"
	pin pin-4711
}

pin() {
	rm -f "$dir/tanaka.pin"
	(umask 077 && printf '%s\n' "$1" >"$dir/tanaka.pin")
	chmod 400 "$dir/tanaka.pin"
}

key_section() {
	printf 'key "%s" {\n\tbackend = "pkcs11"\n\tmodule = "%s"\n' "$1" \
		"$TOKENS_MODULE"
	printf '\ttoken-label = "office"\n\tpin-file = "%s"\n%s\n}\n' \
		"$dir/tanaka.pin" "${2-}"
}

spool_make
drop_filings etax 1 20 10KB
run_batch
same exit-code 0 $?
same published 20 "$(find "$spool/out" -name '*.xtx' | wc -l)"
finish
