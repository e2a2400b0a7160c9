#!/usr/bin/env bash
# A P-384 key in a PKCS#11 token (SoftHSM2), from drop to out: refused by
# default, signed where it is allowed, and xmlsec1 accepts the outputs.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
. "$NATSUIN_SRC/tests/lib/tokens.sh"
tokens_available || {
	echo "not ok $scenario: SoftHSM2 or pkcs11-tool is not installed"
	exit 1
}

key_make() {
	token_office "$1" ec || return 1
	(umask 077 && printf 'pin-4711\n' >"$dir/tanaka.pin")
	chmod 400 "$dir/tanaka.pin"
}
key_section() {
	printf 'key "%s" {\n\tbackend = "pkcs11"\n\tmodule = "%s"\n' "$1" \
		"$TOKENS_MODULE"
	printf '\ttoken-label = "office"\n\tpin-file = "%s"\n%s\n}\n' \
		"$dir/tanaka.pin" "${2-}"
}

spool_make
drop_filings etax 1 10 10KB
run_batch
same not-allowed-exit-code 4 $?
same not-allowed-reason algorithm-not-allowed \
	"$(report_get '[.filings[].reason.code] | unique | join(" ")')"
same nothing-signed 0 "$(grep -c '"kind": *"sign"' \
	"$spool/state/keys/tanaka.audit")"

printf 'algorithms {\n\tetax = { "ecdsa-sha384" }\n}\n' >>"$conf"
run_batch
same exit-code 0 $?
same published 10 "$(find "$spool/out" -name '*.xtx' | wc -l)"
same xmlsec1-verifies-each 10 \
	"$(xmlsec1_verifies "$dir/hsm/ca.pem" "$spool"/out/*/*.xtx)"
same each-says-ecdsa 10 "$(cat "$spool"/out/*/*.xtx |
	grep -o 'SignatureMethod Algorithm="[^"]*#ecdsa-sha384"' | wc -l)"
expect natsuin-verifies "$NATSUIN" verify "$spool"/out/*/*.xtx
expect audit-chain-is-whole "$NATSUIN" audit verify
finish
