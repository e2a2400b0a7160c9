#!/usr/bin/env bash
# The card's owner unlocks it in the evening; cron runs the batch as another
# user at night. Nobody else may use it, and the batch believes no other
# user's keyholder. Two real uids, so it needs root.
. "$NATSUIN_SRC/tests/lib/e2ecard.sh" || exit 1

owner=daemon runner=nobody stranger=bin
if [ "$(id -u)" -ne 0 ]; then
	skip two-users "only root can become two other users"
	exit 0
fi

# as USER COMMAND…: with the user's ids and its own state folder only.
as() {
	local user=$1
	shift
	mkdir -p "$dir/home-$user"
	chown "$user" "$dir/home-$user"
	setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups \
		env -C / -i PATH=/usr/bin:/bin HOME="$dir/home-$user" \
		LANG=C.UTF-8 NATSUIN_CONF="$conf" \
		PCSCLITE_CSOCK_NAME="$PCSCLITE_CSOCK_NAME" "$@"
}
# As cron starts it: nothing to talk to, no terminal, hardly a variable.
cron() {
	local user=$1
	shift
	setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups \
		env -C / -i SHELL=/bin/sh PATH=/usr/bin:/bin \
		HOME="$dir/home-$user" LOGNAME="$user" \
		sh -c "$*" </dev/null >"$dir/cron.out" 2>&1
}
unlock() { # unlock USER PIN [option]…
	local user=$1 pin=$2
	shift 2
	printf '%s\n' "$pin" |
		as "$user" "$NATSUIN" --pin-fd 0 -c "$conf" unlock tanaka "$@" \
			>"$dir/unlock.out" 2>&1
}
run_by_cron() {
	cron "$1" "$NATSUIN -v -c $conf run"
}
held() {
	report_get '[.filings[] | select(.result == "held")] | length'
}
published() {
	find "$spool/out" -name '*.xtx' | wc -l
}

CARD_KEY=$(printf '\towner = "%s"\n\tused-by = { "%s" }' "$owner" "$runner")
card_begin 2
natsuin_for_all
as "$runner" test -x "$NATSUIN" || {
	skip two-users "$NATSUIN is not reachable for other users"
	exit 0
}
chmod 644 "$conf"
chown -R "$runner" "$spool"
chmod 1777 "$dir/run"
drop_filings etax 1 20 20KB
chown "$runner" "$spool"/in/kokuzei/*

mkdir -p "$dir/home-$runner"
chown "$runner" "$dir/home-$runner"
run_by_cron "$runner"
same locked-exit-code 77 $?
same locked-holds-all 20 "$(held)"
card_same verify 0

unlock "$owner" WRONG1
same wrong-pin-exit-code 77 $?
card_same verify 1 wrong-pin-costs-one-verify
expect no-socket-then test ! -e "$dir/run/tanaka.sock"

unlock "$owner" ABC123 --pin-changed
same unlock-exit-code 0 $?
expect tells-the-certificate grep -q '試験　花子\|Chiyoda' "$dir/unlock.out"
holder=$(pgrep -u "$owner" -f -- "-c $conf unlock" | tail -n 1)
expect keyholder-is-the-owners test -n "$holder"

# A stranger: neither the socket nor the card.
as "$stranger" "$NATSUIN" lock tanaka >"$dir/stranger.out" 2>&1
expect stranger-cannot-lock test $? -ne 0
as "$stranger" "$NATSUIN" pin tries tanaka >"$dir/stranger.out" 2>&1
expect stranger-learns-nothing test $? -ne 0
for command in 'cert tanaka' 'pin change tanaka' 'unlock tanaka'; do
	# shellcheck disable=SC2086 # words
	as "$stranger" "$NATSUIN" --pin-fd 0 $command >"$dir/stranger.out" \
		2>&1 < <(printf 'ABC123\nNEW4567\nNEW4567\n')
	expect "stranger-cannot-${command%% *}" test $? -ne 0
done
as "$stranger" "$NATSUIN" --json status >"$dir/stranger.out" 2>"$dir/err"
same stranger-sees-no-more 'unknown false null null null' "$(
	jq -r '.keys[0] | "\(.state) \(.unlocked) \(.until) \(.where) \(
		.signatures_made)"' "$dir/stranger.out")"
"$NATSUIN" lock tanaka >"$dir/stranger.out" 2>&1
expect root-is-nobody-special test $? -ne 0
as "$stranger" rm -f "$dir/run/tanaka.sock" 2>"$dir/err"
expect stranger-cannot-take-the-socket-away test -S "$dir/run/tanaka.sock"
expect still-unlocked kill -0 "$holder"
card_same verify 2 strangers-cost-nothing

run_by_cron "$runner"
same night-exit-code 0 $?
same night-publishes-all 20 "$(published)"
card_same verify 2 one-verify-for-the-night
card_same sign 20
card_same cert_reads 1

# A second night in the same session.
drop_filings etax 21 5 20KB
chown "$runner" "$spool"/in/kokuzei/*
run_by_cron "$runner"
same second-night-exit-code 0 $?
card_same verify 2 no-verify-for-the-second-night
card_same sign 25

# The batch believes only the key's owner.
sed "s/owner = \"$owner\"/owner = \"$stranger\"/" "$conf" >"$dir/other.conf"
chmod 644 "$dir/other.conf"
drop_filings etax 31 3 20KB
chown "$runner" "$spool"/in/kokuzei/*
cron "$runner" "$NATSUIN -v -c $dir/other.conf run"
code=$?
expect wrong-owner-is-refused test "$code" -ne 0
expect wrong-owner-is-named grep -q 'keyholder-wrong-owner' "$dir/cron.out"
card_same sign 25 wrong-owner-signs-nothing

as "$owner" "$NATSUIN" lock tanaka >"$dir/lock.out" 2>&1
same lock-exit-code 0 $?
gone() {
	local i
	for ((i = 0; i < 1200; i++)); do
		kill -0 "$holder" 2>/dev/null || return 0
		sleep 0.05
	done
	return 1
}
expect keyholder-is-gone gone
same card-is-locked 'ok auth 3 sign 5' "$(vcard_ctl 0 pins)"
run_by_cron "$runner"
same locked-again-exit-code 77 $?
same nothing-signed-after-lock 25 "$(published)"

# An impostor: a real keyholder with the right card, under the key's name,
# but of another user. The batch hangs up before it asks for anything.
mkdir -p "$dir/home-$stranger"
chown "$stranger" "$dir/home-$stranger"
printf 'ABC123\n' | as "$stranger" "$NATSUIN" --pin-fd 0 -c \
	"$dir/other.conf" unlock tanaka >"$dir/unlock.out" 2>&1
same impostor-unlocks 0 $?
holder=$(pgrep -u "$stranger" -f -- "-c $dir/other.conf unlock" | tail -n 1)
same impostor-serves "$stranger" "$(stat -c %U "$dir/run/tanaka.sock")"
run_by_cron "$runner"
expect impostor-is-refused test $? -ne 0
expect impostor-is-named grep -q 'keyholder-wrong-owner' "$dir/cron.out"
same impostor-signs-nothing 25 "$(published)"
card_same sign 25 impostor-is-asked-nothing
as "$stranger" "$NATSUIN" -c "$dir/other.conf" lock tanaka >"$dir/lock.out" 2>&1
same impostor-locks 0 $?
holder=''
finish
