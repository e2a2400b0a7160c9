#!/usr/bin/env bash
# A canary PIN is in no log, file, core, environment, argument, swappable page
# or process of natsuin but the keyholder that uses it, and not in that one's
# memory when it ends. tests/tools/canary is the processes' ptrace parent and
# searches their memory; each case first proves that it finds the canary where
# it must be, while the card is busy with it.
. "$NATSUIN_SRC/tests/lib/e2ecard.sh" || exit 1
if [ "$(id -u)" -ne 0 ]; then
	skip all 'only root may look into processes that forbid it'
	exit 0
fi

# shellcheck disable=SC2034 # for e2ecard.sh
CARD_KEY=$(printf '\tcard-timeout = "10m"')
canary=CANARY7Q4X9Z2K
typed=canary7q4x9z2k # capitals are made of it in place
tool=$NATSUIN_BUILD/tests/tools/canary
natsuin_for_all
program=$(readlink -f "$NATSUIN")
tracers=()
export TMPDIR=$dir/tmp HOME=$dir/home XDG_STATE_HOME=
mkdir -p "$TMPDIR" "$HOME"
unset NATSUIN_PINENTRY DISPLAY WAYLAND_DISPLAY
ulimit -c unlimited

canary_cleanup() {
	local t
	for t in "${tracers[@]}"; do
		kill -KILL "$t" 2>/dev/null # and with it whom it follows
	done
	card_cleanup
}
trap canary_cleanup EXIT

key_make() {
	vcard_make "$1" --pin "$canary" || return 1
	vcard_start 0 "$PCSCD_DIR/$1" || return 1
	mkdir -p "$dir/anchors"
	cp "$PCSCD_DIR/pki/signca.pem" "$dir/anchors/"
}

gone() {
	! kill -0 "$1" 2>/dev/null
}
count() { # count PATTERN FILE
	grep -c -- "$1" "$2" 2>/dev/null
}
at_least() { # at_least N PATTERN FILE
	[ -f "$3" ] && [ "$(count "$2" "$3")" -ge "$1" ]
}

# traced NAME COMMAND…: in the background, its input from descriptor 3.
traced() {
	local name=$1
	shift
	"$tool" "$dir/needle" "$dir/$name.report" "$@" <&3 \
		>"$dir/$name.out" 2>"$dir/$name.err" &
	tracer=$!
	tracers+=("$tracer")
}

# look NAME: all processes of this tracer now; their lines in $seen.
look() {
	local report=$dir/$1.report n
	within 60 at_least 1 '^followed' "$report" || return 1
	n=$(count '^looked' "$report")
	pkill -USR1 -f -- "^$tool $dir/needle $report"
	within 60 at_least $((n + 1)) '^looked' "$report" || return 1
	seen=$(awk '/^looked/ { b = c; c = ""; next }
		/^look / { c = c $0 "\n" } END { printf "%s", b }' "$report" |
		awk -v exe="$program" '$5 == exe')
}

# Of the lines in $seen: in the keyholder, in locked memory, nowhere else.
only_in_keyholder() {
	awk '/ hits=0 / { next } / hits=\? / { next }
		$4 == "natsuin-key" && / loose=0$/ { found++; next }
		{ print; bad = 1 } END { exit bad || found != 1 }' <<<"$seen"
}
# A process that closed itself off before it was followed.
tell_unreadable() {
	if grep -qF " $program hits=?" "$dir/$1.report"; then
		skip "$1-closed-off" "only root can look into the audit writer"
	fi
}

# At the end of every process of natsuin there: nothing left. clean NAME N,
# N = how many there were at least.
clean() {
	awk -v exe="$program" -v least="$2" '
		$1 != "exit" || $5 != exe { next }
		{ n++ } / hits=0 / || / hits=\? / { next }
		{ print; bad = 1 } END { exit bad || n < least }' \
		"$dir/$1.report"
}
finished() { # finished NAME LEAST: waits, then looks at all that ended
	expect "$1-ends" within 60 gone "$tracer"
	wait "$tracer"
	status=$?
	expect "$1-leaves-nothing-in-memory" clean "$1" "$2"
	tell_unreadable "$1"
}

# busy NAME: the card has got the PIN and does not answer: the canary must be
# found now, in one place.
hang() {
	vcard_ctl 0 zero >/dev/null
	vcard_ctl 0 fault hang=600000 ins=20 "after=$queries" >/dev/null
}
verifying() {
	[ "$(vcard_count 0 verify)" -ge 1 ]
}
busy() {
	expect "$1-presents-the-pin" within 60 verifying
	look "$1"
	expect "$1-is-found-in-the-keyholder" only_in_keyholder
	vcard_ctl 0 answer >/dev/null
}
serving() {
	[ -S "$dir/run/tanaka.sock" ]
}
lock() {
	traced "$1-lock" "$NATSUIN" lock tanaka 3</dev/null
	wait "$tracer"
	expect "$1-lock-leaves-nothing-in-memory" clean "$1-lock" 1
}
# A session that is open keeps the PIN, in one place; then it is locked.
session() {
	local holder=$tracer
	expect "$1-serves" within 60 serving
	look "$1"
	expect "$1-unlocked-keeps-it-in-the-keyholder" only_in_keyholder
	lock "$1"
	tracer=$holder
	finished "$1" 3
	same "$1-card-is-off" 'ok auth 3 sign 5' "$(vcard_ctl 0 pins)"
}

card_begin 2
printf '%s\n' "$canary" >"$dir/needle"
if grep -q __asan_init "$program"; then
	skip canary "a sanitizer's memory is too large to be searched"
	exit 0
fi
if ! "$tool" "$dir/needle" "$dir/try.report" true; then
	skip canary "ptrace is not permitted here"
	exit 0
fi

# The tool finds what is there, locked or not, and nothing elsewhere.
traced proof sh -c "x=$typed; sleep 600" 3</dev/null
look proof
seen=$(grep '^look .*/sleep' "$dir/proof.report")
expect tool-finds-an-argument grep -q 'hits=[1-9]' \
	<(grep '^look .* sh ' "$dir/proof.report")
expect tool-finds-no-more grep -q 'hits=0' <<<"$seen"
pkill -P "$tracer"
kill -KILL "$tracer"
wait "$tracer" 2>/dev/null

# How often the tries are asked (the same command without a PIN) before it.
printf '%s\n' "$typed" | "$NATSUIN" --pin-fd 0 -q unlock tanaka
same first-unlock-exit-code 0 $?
"$NATSUIN" -q lock tanaka
queries=$(vcard_count 0 tries_query)
card_same verify 1

# From a descriptor; while unlocked a batch signs; then lock.
hang
traced fd "$NATSUIN" --pin-fd 0 unlock tanaka --for 10m 3< <(
	printf '%s\n' "$typed"
)
busy fd
expect fd-serves within 60 serving
holder_tracer=$tracer
drop_filings etax 1 3 4KB
traced batch "$NATSUIN" -v -v run 3</dev/null
finished batch 3
same batch-exit-code 0 "$status"
same batch-signed 3 "$(find "$spool/out" -name '*.xtx' | wc -l)"
tracer=$holder_tracer
session fd

# On a terminal: `script` gives one, and types when it is asked.
hang
mkfifo "$dir/keys"
exec 9<>"$dir/keys"
script -qefc "'$tool' '$dir/needle' '$dir/terminal.report' \
	'$NATSUIN' -v unlock tanaka --for 10m" "$dir/typescript" \
	<"$dir/keys" >"$dir/terminal.out" 2>&1 &
tracer=$!
tracers+=("$tracer")
expect terminal-asks within 60 grep -q 'PIN' "$dir/typescript"
expect terminal-shows-tries-first grep -q '5 tries left' "$dir/typescript"
printf '%s\n' "$typed" >&9
busy terminal
session terminal
exec 9>&-

# Through pinentry.
cat >"$dir/pinentry" <<PINENTRY
#!/bin/sh
echo OK
while read -r command _; do
	case \$command in
	GETPIN) echo "D \$(cat "$dir/needle")" ;;
	BYE) echo OK; exit 0 ;;
	esac
	echo OK
done
PINENTRY
chmod 755 "$dir/pinentry"
hang
NATSUIN_PINENTRY=$dir/pinentry traced pinentry \
	"$NATSUIN" unlock tanaka --for 10m 3</dev/null
busy pinentry
session pinentry

# A PIN that is refused; a PIN that is changed.
vcard_make other --pin RIGHT77 >/dev/null
vcard_ctl 0 load "$PCSCD_DIR/other" >/dev/null
hang
traced refused "$NATSUIN" -v --pin-fd 0 unlock tanaka 3< <(
	printf '%s\n' "$typed"
)
busy refused
finished refused 3
same refused-exit-code 77 "$status"
vcard_ctl 0 load "$PCSCD_DIR/tanaka" >/dev/null
hang
traced change "$NATSUIN" -v --pin-fd 0 pin change tanaka --pin-changed 3< <(
	printf '%s\nRIGHT77\nRIGHT77\n' "$typed"
)
busy change
finished change 2
same change-exit-code 0 "$status"
traced changed "$NATSUIN" -v --pin-fd 0 pin change tanaka --pin-changed 3< <(
	printf 'RIGHT77\n%s\n%s\n' "$typed" "$typed"
)
finished changed 2
same changed-exit-code 0 "$status"

# No core, even where cores are wanted.
traced abort "$NATSUIN" --pin-fd 0 unlock tanaka --pin-changed --for 10m \
	3< <(printf '%s\n' "$typed")
expect abort-serves within 60 serving
look abort
holder=$(awk '$4 == "natsuin-key" { print $2; exit }' <<<"$seen")
expect abort-finds-the-keyholder test -n "$holder"
kill -ABRT "$holder"
expect abort-ends within 60 gone "$tracer"
holder=$(grep "^end $holder " "$dir/abort.report")
expect abort-leaves-no-core grep -q 'signal=6 core=0' <<<"$holder"
holder=''
rm -f "$dir/run/tanaka.sock"

# The same user's other processes cannot look into a keyholder.
closed() { # closed USER FILE
	! setpriv --reuid "$1" --regid "$(id -g "$1")" --clear-groups \
		cat "/proc/$holder/$2" >/dev/null 2>&1
}
if [ "$(id -u)" -eq 0 ]; then
	user=daemon
	mkdir -p "$dir/home-$user"
	chown "$user" "$dir/home-$user"
	chmod 644 "$conf"
	chmod 1777 "$dir/run"
	hang
	HOME=$dir/home-$user traced other setpriv --reuid "$user" \
		--regid "$(id -g "$user")" --clear-groups \
		"$NATSUIN" --pin-fd 0 unlock tanaka --for 10m 3< <(
			printf '%s\n' "$typed"
		)
	expect other-presents-the-pin within 60 verifying
	look other
	expect other-is-found-in-the-keyholder only_in_keyholder
	holder=$(awk '$4 == "natsuin-key" { print $2; exit }' <<<"$seen")
	same other-runs-as "$(id -u "$user")" \
		"$(awk '/^Uid:/ { print $2 }' "/proc/$holder/status")"
	for file in mem maps environ auxv; do
		expect "other-$file-is-closed" closed "$user" "$file"
	done
	vcard_ctl 0 answer >/dev/null
	expect other-serves within 60 serving
	kill -TERM "$holder"
	holder=''
	finished other 3
else
	skip other-user "only root can become another user"
fi

# From a PIN file, the batch's own keyholder: nothing in batch, examiners or
# writer, and nothing on disk but the file itself.
card_pin "$canary"
sed -i "s|backend = \"jpki\"|&\n\tpin-file = \"$dir/tanaka.pin\"|" "$conf"
hang
drop_filings etax 11 3 4KB
traced file "$NATSUIN" -v -v run 3</dev/null
busy file
finished file 4
same file-exit-code 0 "$status"
same file-signed 6 "$(find "$spool/out" -name '*.xtx' | wc -l)"

# Nothing was written: spool, state, logs, output, temporary files.
search_files() {
	! grep -rliE -- "$canary" "$@"
}
expect no-file-has-it search_files "$spool" "$dir/run" "$dir/home" \
	"$dir"/home-* "$dir/tmp" "$dir"/*.out "$dir"/*.err "$dir"/*.report \
	"$dir/typescript" "$conf" "$PCSCD_DIR"/*.log
expect search-finds-files eval '! search_files "$dir/tanaka.pin"'
finish
