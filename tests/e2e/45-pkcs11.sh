#!/usr/bin/env bash
# PKCS#11 tokens from drop to out: SoftHSM2 (watched by pkcs11-spy), OpenSC's
# module on a virtual card, and a scripted module for what those cannot show.
# A PIN is presented once; a module runs in the keyholder only, and when it
# crashes or hangs no filing is lost.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
. "$NATSUIN_SRC/tests/lib/tokens.sh"
. "$NATSUIN_SRC/tests/lib/pcscd.sh"
spy=$(find /usr/lib -name pkcs11-spy.so | head -n 1)
opensc=$(find /usr/lib -name opensc-pkcs11.so | head -n 1)
script=$NATSUIN_BUILD/tests/p11script/p11script.so
if ! tokens_available || [ -z "$spy$opensc" ]; then
	echo "not ok $scenario: SoftHSM2 or OpenSC is not installed"
	exit 1
fi
export PKCS11SPY=$TOKENS_MODULE PKCS11SPY_OUTPUT=$dir/spy.log

cleanup() {
	"$NATSUIN" lock tanaka >"$dir/lock.out" 2>&1
	pcscd_stop
	e2e_cleanup
}
trap cleanup EXIT

key_make() {
	token_office "$1" rsa || return 1
	{
		token_make other pin-0815 && token_pair login auth &&
			token_put office pin-4711 login 08
	} >>"$dir/hsm.log" 2>&1 || {
		cat "$dir/hsm.log"
		return 1
	}
	pin pin-4711
}

pin() {
	rm -f "$dir/tanaka.pin"
	(umask 077 && printf '%s\n' "$1" >"$dir/tanaka.pin")
	chmod 400 "$dir/tanaka.pin"
}

key_section() {
	printf 'key "%s" {\n\tbackend = "pkcs11"\n\tmodule = "%s"\n' "$1" \
		"$spy"
	printf '\ttoken-label = "office"\n\tpin-file = "%s"\n%s\n}\n' \
		"$dir/tanaka.pin" "${2-}"
}

# The key's module and token from now on.
use() { # use MODULE LABEL
	sed -i -e "s|^\tmodule = .*|\tmodule = \"$1\"|" \
		-e "s|^\ttoken-label = .*|\ttoken-label = \"$2\"|" "$conf"
}
called() { # called FUNCTION: by the spy
	[ -e "$PKCS11SPY_OUTPUT" ] || : >"$PKCS11SPY_OUTPUT"
	grep -c ": $1\$" "$PKCS11SPY_OUTPUT"
}
followed() { # followed FUNCTION: by the scripted module
	[ -e "$dir/calls" ] || : >"$dir/calls"
	grep -c "^$1 " "$dir/calls"
}
outputs() {
	find "$spool/out" -name '*.xtx' | wc -l
}
reasons() {
	report_get '[.filings[] | "\(.result) \(.reason.code)"] | unique |
		join(", ")'
}
says() { # says TEXT COMMAND…
	"$NATSUIN" "${@:2}" </dev/null >"$dir/said" 2>&1
	cat "$dir/said"
	grep -qF -- "$1" "$dir/said"
}

# A batch with the PIN from a file.
spool_make
offer 1 20 10KB
run_batch
same exit-code 0 $?
same published 20 "$(outputs)"
same one-login 1 "$(called C_Login)"
same twenty-signatures 20 "$(called C_Sign)"
same xmlsec1-verifies-each 20 \
	"$(xmlsec1_verifies "$dir/hsm/ca.pem" "$spool"/out/*/*.xtx)"
same module-is-left-in-order "$(called C_Initialize)" "$(called C_Finalize)"

# What the commands tell, without a PIN.
logins=$(called C_Login)
expect doctor-names-the-token says 'office (' doctor
expect doctor-judges-its-certificate grep -qF 'certificate in order' \
	"$dir/said"
expect tries-are-not-told says 'not told by this kind of key' pin tries
use "$spy" absent
expect doctor-lists-tokens says '"office" (' doctor
use "$spy" office
same looking-costs-nothing "$logins" "$(called C_Login)"

# A wrong PIN: one login, everything held, not tried again.
pin pin-4712
offer 21 3 4KB
run_batch
same wrong-pin-exit-code 77 $?
same wrong-pin-reason 'held pin-wrong' "$(reasons)"
same wrong-pin-one-login $((logins + 1)) "$(called C_Login)"
run_batch
same again-exit-code 77 $?
# The token's flag of a refused try: only an operator goes on.
pin pin-4711
run_batch
same flagged-exit-code 77 $?
same flagged-reason 'held pin-tries-low' "$(reasons)"
same not-tried-again $((logins + 1)) "$(called C_Login)"
printf 'pin-4711\n' | "$NATSUIN" --pin-fd 0 unlock --i-know --pin-changed \
	>"$dir/unlock.out" 2>&1
same operator-unlocks 0 $?
run_batch
same through-the-keyholder 0 $?
same all-published 23 "$(outputs)"
same operators-one-login $((logins + 2)) "$(called C_Login)"
expect locks "$NATSUIN" lock tanaka

# Two certificates for signing: the error names them, a setting decides.
token_pair second rsa >"$dir/hsm.log" 2>&1
token_put office pin-4711 second 09 >>"$dir/hsm.log" 2>&1
offer 24 1 4KB
run_batch
same ambiguous-reason 'held pkcs11-certificate-ambiguous' "$(reasons)"
expect doctor-names-both says "$(token_fingerprint tanaka)" doctor
sed -i "/token-label/a\\	certificate-sha256 = \"$(token_fingerprint \
	tanaka)\"" "$conf"
run_batch
same pinned-exit-code 0 $?
same pinned-published 24 "$(outputs)"

# A module that follows a script.
follow() {
	rm -f "$dir/calls"
	export P11SCRIPT="key=$dir/hsm/tanaka.key cert=$dir/hsm/tanaka.der
		pin=pin-4711 log=$dir/calls $*"
	P11SCRIPT=$(tr -s '\n\t ' ' ' <<<"$P11SCRIPT")
}
use "$script" SCRIPT
sed -i '/token-label/a\	card-timeout = "2s"' "$conf"
follow flags=final
offer 25 4 4KB
run_batch
same final-try-exit-code 77 $?
same final-try-is-never-spent 0 "$(followed C_Login)"
follow crash=C_Sign
run_batch
same crash-reason 'held keyholder-ended' "$(reasons)"
same crash-one-login 1 "$(followed C_Login)"
follow hang=C_Sign
run_batch
same hang-reason 'held card-timeout' "$(reasons)"
same hang-one-login 1 "$(followed C_Login)"
# It ends in the login itself, whose count cannot be seen: not once more.
follow crash=C_Login
run_batch
same login-crash-reason 'held keyholder-ended' "$(reasons)"
run_batch
same unseen-end-reason 'held pin-file-refused-before' "$(reasons)"
same unseen-end-one-login 1 "$(followed C_Login)"
pin pin-4711
follow crash=C_Initialize
expect unlock-tells-of-a-crash says 'broke down' unlock
expect doctor-survives-a-crash says 'broke down' doctor
follow hang=C_GetSlotList
expect doctor-waits-not-for-ever says 'did not answer in time' doctor
same nothing-published-by-these 24 "$(outputs)"
follow always hashing hidden thread
run_batch
same always-hashing-hidden 0 $?
same four-signatures 4 "$(followed C_Sign)"
same login-and-one-for-each 5 "$(followed C_Login)"
same threads-of-a-module-are-confined 1 "$(followed confined)"
same all-are-out 28 "$(outputs)"
expect loaded-more-than-never grep -q '^loaded ' "$dir/calls"
"$NATSUIN" verify "$spool"/out/*/*.xtx >"$dir/verify.out" 2>&1
same natsuin-verifies 0 $?
"$NATSUIN" doctor >"$dir/said" 2>&1
same module-in-keyholders-only natsuin-key \
	"$(sed 's/.* //' "$dir/calls" | sort -u)"
invariants spool-is-whole

# OpenSC on a virtual My Number card: a VERIFY at login, and one for each
# signature, because OpenSC says that its key always wants one.
if pcscd_available; then
	pcscd_start 2 && vcard_make tanaka && vcard_start 0 "$PCSCD_DIR/tanaka"
	cp "$PCSCD_DIR/pki/signca.pem" "$dir/anchors/"
	sed -i '/certificate-sha256/d' "$conf"
	sed -i 's/card-timeout = .*/card-timeout = "30s"/' "$conf"
	use "$opensc" 'JPKI (Digital Signature PIN)'
	pin ABC123
	offer 29 3 4KB
	run_batch
	same opensc-exit-code 0 $?
	same opensc-published 31 "$(outputs)"
	same opensc-verifies 4 "$(vcard_count 0 verify)"
	same opensc-signatures 3 "$(vcard_count 0 sign)"
	pin ABC124
	offer 32 3 4KB
	run_batch
	same opensc-wrong-pin 77 $?
	run_batch
	same opensc-wrong-pin-again 77 $?
	same opensc-one-more-verify 5 "$(vcard_count 0 verify)"
else
	skip opensc "$PCSCD_WHY"
fi
finish
