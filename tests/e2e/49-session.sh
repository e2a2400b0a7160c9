#!/usr/bin/env bash
# A session: what the operator sees when a key is unlocked, each way it ends,
# and that logging out is not one of them. At each end the process is gone,
# the socket removed, the card forgets the PIN, and status says so.
. "$NATSUIN_SRC/tests/lib/e2ecard.sh" || exit 1
card_begin 2
log=$spool/state/keys/tanaka.log

gone() {
	! kill -0 "$holder" 2>/dev/null
}
key() { # key JQ-EXPRESSION: of the key in `status --json`
	"$NATSUIN" --json status </dev/null | jq -r ".keys[0] | $1"
}
# unlock NAME [option]…
unlock() {
	local name=$1
	shift
	printf 'ABC123\n' | "$NATSUIN" --pin-fd 0 -c "$conf" unlock \
		tanaka "$@" \
		>"$dir/out" 2>"$dir/err"
	same "$name-unlocks" 0 $?
	holder=$(pgrep -f -- "-c $conf unlock" | sort -n | head -n 1)
	expect "$name-has-a-holder" test -n "$holder"
}
# over NAME WHY: the session has ended in every respect.
over() {
	expect "$1-process-is-gone" within 60 gone
	holder=''
	expect "$1-socket-is-gone" test ! -e "$dir/run/tanaka.sock"
	vcard_ctl 0 insert >/dev/null
	vcard_wait 0 card
	same "$1-card-forgets-the-pin" 'ok auth 3 sign 5' "$(vcard_ctl 0 pins)"
	same "$1-status" 'locked false null' "$(
		key '"\(.state) \(.unlocked) \(.until)"')"
	expect "$1-says-why" grep -q "key.session-over why=$2\$" "$log"
	"$NATSUIN" cert tanaka >"$dir/out" 2>&1 </dev/null
	same "$1-needs-the-pin-again" 77 $?
	rm -f "$log"
}

# What is shown.
unlock shown --for 2h --max-signatures 9
for line in 'Key "tanaka": JPKIAPICCTOKEN2, VR0 00 00, 5 tries left' \
	'is unlocked until' 'at most      9 signatures' '試験　花子' \
	'valid until' 'days left' 'natsuin lock tanaka'; do
	expect "shows-${line// /-}" grep -qF "$line" "$dir/out"
done
expect tries-come-first eval \
	'head -n 1 "$dir/out" | grep -q "5 tries left"'
same status-of-it 'unlocked true present 0 9 5' "$(
	key '"\(.state) \(.unlocked) \(.card) \(.signatures_made) \(
		.signatures_left) \(.tries_left)"')"
same left-the-terminal "$holder" "$(ps -o sid= -p "$holder" | tr -d ' ')"
same left-the-folder / "$(readlink "/proc/$holder/cwd")"
kill -HUP "$holder"
"$NATSUIN" status >/dev/null # answered after the signal
expect hup-ends-nothing kill -0 "$holder"
same hup-leaves-it-unlocked unlocked "$(key .state)"

"$NATSUIN" lock tanaka >"$dir/out" 2>&1
same lock-exit-code 0 $?
over lock locked

# Until a time of day: the next time that Japan's clock shows it.
when=$(TZ=Asia/Tokyo date -d '+3 hours' +%H:%M)
unlock until --until "$when"
same until-is-told "$(TZ=Asia/Tokyo date -d '+3 hours' +%Y-%m-%dT%H:%M)" \
	"$(key '.until[:16]')"
kill -TERM "$holder"
over sigterm signal

unlock int
kill -INT "$holder"
over sigint signal

unlock time --for 8s
over time time

drop_filings etax 1 2 4KB
unlock count --max-signatures 2
run_batch
same count-run-exit-code 0 $?
same count-signs 2 "$(find "$spool/out" -name '*.xtx' | wc -l)"
drop_filings etax 3 1 4KB
over count count

unlock removal
vcard_ctl 0 remove >/dev/null
over removal card

# Logging out: the terminal goes away with everything on it.
mkfifo "$dir/keys"
exec 9<>"$dir/keys"
script -qefc "'$NATSUIN' -c $conf unlock tanaka --for 10m; sleep 600" \
	"$dir/typescript" <"$dir/keys" >/dev/null 2>&1 &
terminal=$!
expect asks-on-the-terminal within 60 grep -q 'PIN' "$dir/typescript"
expect shows-tries-before-asking eval \
	'tr -d "\r" <"$dir/typescript" | grep -A1 "5 tries left" |
	grep -q "^PIN"'
printf 'ABC123\n' >&9
expect unlocked-on-the-terminal within 60 grep -q 'natsuin lock' \
	"$dir/typescript"
expect echo-is-off eval '! grep -q ABC123 "$dir/typescript"'
holder=$(pgrep -f -- "natsuin -c $conf unlock tanaka --for 10m$" | sort -n | tail -n 1)
pkill -HUP -P "$terminal"
kill -KILL "$terminal"
wait "$terminal" 2>/dev/null
exec 9>&-
run_batch
same after-logout-exit-code 0 $?
same after-logout-signs 3 "$(find "$spool/out" -name '*.xtx' | wc -l)"
same after-logout-unlocked unlocked "$(key .state)"
"$NATSUIN" -q lock
over logout locked

# The real pinentry-curses, where it is named: tries left first, one VERIFY.
vcard_ctl 0 zero >/dev/null
exec 9<>"$dir/keys"
TERM=xterm NATSUIN_PINENTRY=$(command -v pinentry-curses) script -qefc \
	"stty rows 40 cols 100; '$NATSUIN' -c $conf unlock tanaka --for 10m" \
	"$dir/curses" <"$dir/keys" >/dev/null 2>&1 &
terminal=$!
expect curses-asks within 60 grep -q 'Cancel' "$dir/curses"
expect curses-shows-the-tries grep -q 'PIN: ' \
	<(sed -n '/5 tries left/,$p' "$dir/curses")
printf 'abc123\r' >&9
wait "$terminal"
same curses-exit-code 0 $?
exec 9>&-
expect curses-shows-no-pin eval '! grep -qi abc123 "$dir/curses"'
expect curses-shows-the-days-left grep -q 'days left' "$dir/curses"
same curses-unlocked unlocked "$(key .state)"
card_same verify 1 curses-one-verify
holder=$(pgrep -f -- "natsuin -c $conf unlock tanaka --for 10m$" | sort -n |
	tail -n 1)
"$NATSUIN" -q lock
over curses locked

# From a systemd credential, in the foreground. (Where it is built with a
# sanitizer: nobody may look into a keyholder, nor may one that looks for leaks
# at its end.)
mkdir -m 700 "$dir/credentials"
(umask 077 && printf 'ABC123' >"$dir/credentials/tanaka.pin")
chmod 400 "$dir/credentials/tanaka.pin"
ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 \
	CREDENTIALS_DIRECTORY=$dir/credentials "$NATSUIN" unlock tanaka \
	--foreground --for 10m >"$dir/out" 2>"$dir/err" </dev/null &
holder=$!
expect credential-serves within 60 test -S "$dir/run/tanaka.sock"
same credential-unlocked unlocked "$(key .state)"
kill -TERM "$holder"
wait "$holder"
same credential-exit-code 0 $?
holder=''
expect credential-socket-is-gone test ! -e "$dir/run/tanaka.sock"
same credential-card-forgets 'ok auth 3 sign 5' "$(vcard_ctl 0 pins)"
finish
