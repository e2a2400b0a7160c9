#!/usr/bin/env bash
# `natsuin pin change` on a PKCS#11 token (SoftHSM2): the token has the new
# PIN, and everything that can be wrong is found before it is told.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
. "$NATSUIN_SRC/tests/lib/tokens.sh"
spy=$(find /usr/lib -name pkcs11-spy.so | head -n 1)
if ! tokens_available || [ -z "$spy" ]; then
	echo "not ok $scenario: SoftHSM2 or OpenSC is not installed"
	exit 1
fi
export PKCS11SPY=$TOKENS_MODULE PKCS11SPY_OUTPUT=$dir/spy.log
# What a module leaves behind is not ours to judge.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"

key_make() {
	token_office "$1" rsa
}
key_section() {
	printf 'key "%s" {\n\tbackend = "pkcs11"\n\tmodule = "%s"\n' "$1" \
		"$spy"
	printf '\ttoken-label = "office"\n%s\n}\n' "${2-}"
}
called() { # called FUNCTION: how often, by the spy
	grep -c "^[0-9]*: $1\$" "$PKCS11SPY_OUTPUT"
}
change() { # change OLD NEW AGAIN
	printf '%s\n%s\n%s\n' "$@" |
		"$NATSUIN" -v --pin-fd 0 pin change tanaka \
			>"$dir/out" 2>"$dir/err"
}
opens() { # opens PIN: by another program
	pkcs11-tool --module "$TOKENS_MODULE" --token-label office --login \
		--pin "$1" -O --type privkey 2>&1 | grep -q 'Private Key'
}

spool_make
: >"$PKCS11SPY_OUTPUT"
change pin-4711 new-1234 new-4321
same differs-exit-code 77 $?
change pin-4711 pin-4711 pin-4711
same same-exit-code 77 $?
change pin-4711 abc abc
same short-exit-code 77 $?
same nothing-was-told '0' "$(called C_SetPIN)"
change wrong-123 new-1234 new-1234
same wrong-exit-code 77 $?
same wrong-does-not-get-that-far '0' "$(called C_SetPIN)"
expect old-pin-holds opens pin-4711
printf 'pin-4711\nnew-1234\nnew-1234\n' | "$NATSUIN" -v --pin-fd 0 pin change \
	tanaka --pin-changed --i-know >"$dir/out" 2>"$dir/err"
same change-exit-code 0 $?
same told-once '1' "$(called C_SetPIN)"
expect old-pin-is-gone eval '! opens pin-4711'
expect new-pin-holds opens new-1234 # and its token counts no wrong PIN

# A piped PIN may be the old one: only an operator's word lets it be tried.
drop_filings etax 1 1 4KB
printf 'new-1234\n' | run_batch --pin-fd 0
same piped-exit-code 77 $?
same piped-reason pin-stored-outdated \
	"$(report_get '.filings[0].reason.code')"
printf 'new-1234\n' | "$NATSUIN" --pin-fd 0 unlock tanaka --pin-changed \
	--for 10m >"$dir/out" 2>"$dir/err"
same unlock-exit-code 0 $?
run_batch
same run-exit-code 0 $?
"$NATSUIN" -q lock tanaka
expect no-pin-in-the-spool eval \
	'! grep -rqE "new-1234|pin-4711" "$spool" "$dir/out" "$dir/err"'
finish
