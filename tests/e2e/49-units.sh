#!/usr/bin/env bash
# The systemd units are ones that systemd understands, and are installed.
. "$NATSUIN_SRC/tests/lib/e2e.sh" || exit 1

make -s -C "$NATSUIN_SRC" B="$NATSUIN_BUILD" install DESTDIR="$dir/root" \
	>"$dir/install.log" 2>&1
same install-exit-code 0 $?
units=$dir/root/usr/lib/systemd/system
for unit in "$NATSUIN_SRC"/conf/systemd/*; do
	expect "installed-${unit##*/}" cmp "$unit" "$units/${unit##*/}"
done
expect no-unit-stores-a-pin eval '! grep -n "^SetCredential" "$units"/*'
expect unlock-wants-an-encrypted-pin grep -q \
	'^LoadCredentialEncrypted=%i\.pin:' "$units/natsuin-unlock@.service"
# A refused PIN must not start it again by itself.
for unit in natsuin-unlock@ natsuin-watch; do
	expect "$unit-stays-down-after-a-refused-pin" grep -qE \
		'^RestartPreventExitStatus=.*\b77\b' "$units/$unit.service"
done

if ! command -v systemd-analyze >/dev/null; then
	skip units-verify "systemd-analyze is not installed"
	finish
fi
sed -i "s|/usr/bin/natsuin |$NATSUIN |" "$units"/*.service
verified() { # verified UNIT: no word about this file
	SYSTEMD_UNIT_PATH=$units: systemd-analyze verify --man=no \
		"$units/$1" >"$dir/verify" 2>&1
	! grep -F "$2" "$dir/verify"
}
# It must be able to find something.
sed 's/^Restart=.*/Restart=perhaps/' "$units/natsuin-unlock@.service" \
	>"$units/broken@.service"
expect verify-sees-faults eval '! verified broken@tanaka.service broken@'
for unit in natsuin.service natsuin.timer natsuin-watch.service; do
	expect "$unit-verifies" verified "$unit" "$unit"
done
expect natsuin-unlock-verifies verified natsuin-unlock@tanaka.service \
	natsuin-unlock@
finish
