# shellcheck shell=bash
# A private pcscd with virtual readers and JPKI cards, for tests.
#
#   . "$NATSUIN_SRC/tests/lib/pcscd.sh"
#   pcscd_available || { echo "skip name: $PCSCD_WHY"; exit 0; }
#   trap pcscd_stop EXIT
#   pcscd_start 2                  # readers 0 and 1; exports
#                                  # PCSCLITE_CSOCK_NAME
#   vcard_make tanaka [options]    # card directory $PCSCD_DIR/tanaka
#   vcard_start 0 "$PCSCD_DIR/tanaka" --set latency=50
#   vcard_ctl 0 counters           # one JSON object
#   vcard_count 0 verify           # one number of it
#   vcard_log 0                    # path of its time log
#   pcscd_stop                     # ends everything, fails if it cannot
#
# Or as a program, for tests in C: `pcscd.sh serve READERS` starts, prints
# "ready DIR", executes the functions above read as lines from standard
# input ("vcard_start 0 DIR"), answers each by its output and a line "done
# STATUS", and stops everything at end of file.
#
# What is private: the daemon's socket (passed as LISTEN_FDS), its
# configuration, one real copy of the driver per pair of readers (the driver
# keeps one table per loaded file), the ports, and the network where the
# machine allows it (vpcd listens on every address; otherwise only the ports
# are private). It never runs as root: a root pcscd removes the system's own
# socket when it ends. pcscd and the cards also end when this shell ends.

: "${NATSUIN_SRC:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${NATSUIN_BUILD:=$NATSUIN_SRC/build}"
PCSCD_PROGRAM=${PCSCD_PROGRAM:-/usr/sbin/pcscd}
PCSCD_DRIVER=${PCSCD_DRIVER:-/usr/lib/pcsc/drivers/serial/libifdvpcd.so}
PCSCD_DIR='' PCSCD_PID='' PCSCD_PORT='' PCSCD_PAIRS=0
PCSCD_WHY='' PCSCD_MADE=''
declare -A VCARD_PID=()

# Whether the real parts are installed; the reason is in PCSCD_WHY.
pcscd_available() {
	local part
	for part in "$PCSCD_PROGRAM" "$PCSCD_DRIVER"; do
		[ -e "$part" ] || PCSCD_WHY="$part is not installed"
	done
	[ -x "$NATSUIN_BUILD/tests/vcard/vcard" ] ||
		PCSCD_WHY="make vcard has not been run"
	[ -z "$PCSCD_WHY" ] || return 1
	# pcscd insists on a /run/pcscd, though it gets its socket elsewhere.
	[ "$(id -u)" -eq 0 ] || [ -d /run/pcscd ] || pcscd_isolated ||
		PCSCD_WHY="no namespaces for ordinary users, no /run/pcscd"
	[ -z "$PCSCD_WHY" ]
}

# Whether this machine allows a network and a /run of our own.
pcscd_isolated() {
	vcard_tool launch --netns /bin/true 2>/dev/null
}

vcard_tool() {
	"$NATSUIN_BUILD/tests/vcard/vcard" "$@"
}

# The name that PC/SC gives to reader number R.
pcscd_reader() {
	printf 'VR%d 00 %02X\n' $(($1 / 2)) $(($1 % 2))
}

pcscd_configure() {
	local pairs=$1 i
	mkdir "$PCSCD_DIR/conf" "$PCSCD_DIR/lib"
	for ((i = 0; i < pairs; i++)); do
		cp -L "$PCSCD_DRIVER" "$PCSCD_DIR/lib/libifdvpcd$i.so"
		printf 'FRIENDLYNAME "VR%d"\nDEVICENAME /dev/null:%d\n' \
			"$i" $((PCSCD_PORT + 2 * i))
		printf 'LIBPATH %s/lib/libifdvpcd%d.so\nCHANNELID %d\n' \
			"$PCSCD_DIR" "$i" "$i"
	done >"$PCSCD_DIR/conf/vpcd"
}

# Starts the daemon with N readers (rounded up to a pair, 16 at most).
pcscd_start() {
	local pairs=$((($1 + 1) / 2))
	PCSCD_PAIRS=$pairs
	PCSCD_DIR=$(mktemp -d /tmp/natsuin-pcscd.XXXXXX) || return 1
	chmod 755 "$PCSCD_DIR"
	PCSCD_PORT=$(vcard_tool ports $((pairs * 2))) || return 1
	pcscd_configure "$pairs"
	export PCSCLITE_CSOCK_NAME=$PCSCD_DIR/pcscd.comm
	pcscd_again
}

# Starts the daemon (again, after pcscd_halt: its cards must be started
# again too) and waits for its readers.
pcscd_again() {
	local ids=()
	if pcscd_isolated; then
		ids=(--netns)
	elif [ ! -d /run/pcscd ]; then
		mkdir /run/pcscd || return 1
		PCSCD_MADE=/run/pcscd
	fi
	[ "$(id -u)" -ne 0 ] || ids+=(--user nobody)
	rm -f "$PCSCD_DIR/pcscd.comm"
	"$NATSUIN_BUILD/tests/vcard/vcard" launch "${ids[@]}" \
		--socket "$PCSCD_DIR/pcscd.comm" "$PCSCD_PROGRAM" \
		--foreground -c "$PCSCD_DIR/conf" \
		>>"$PCSCD_DIR/pcscd.log" 2>&1 </dev/null &
	PCSCD_PID=$!
	vcard_tool wait readers $((PCSCD_PAIRS * 2)) || {
		cat "$PCSCD_DIR/pcscd.log" >&2
		return 1
	}
}

# Makes a card directory named NAME; further arguments go to mkcard.sh.
# Cards share their authorities: $PCSCD_DIR/pki/signca.pem.
vcard_make() {
	local name=$1
	shift
	"$NATSUIN_SRC/tests/vcard/mkcard.sh" --pki "$PCSCD_DIR/pki" "$@" \
		"$PCSCD_DIR/$name" "$name"
}

# Puts a card into reader R and waits until PC/SC sees it.
vcard_start() {
	local r=$1 dir=$2
	shift 2
	"$NATSUIN_BUILD/tests/vcard/vcard" run --card "$dir" \
		--port $((PCSCD_PORT + r)) --control "$PCSCD_DIR/card$r.ctl" \
		--log "$PCSCD_DIR/card$r.log" --netns "$PCSCD_PID" "$@" \
		>>"$PCSCD_DIR/card$r.err" 2>&1 </dev/null &
	VCARD_PID[$r]=$!
	[[ " $* " == *" --removed "* ]] || vcard_wait "$r" card
}

# Waits for `card` or `empty` in reader R.  A card that went out and in within
# one look of pcscd (now and then, when its reader was busy) may stay unseen
# for good: then it is put in again, as a person would, and that is told.
vcard_wait() {
	local reader
	reader=$(pcscd_reader "$1")
	vcard_tool wait "$2" "$reader" && return
	if [ "$2" = card ]; then
		echo "# $reader: not seen for a minute; put in again" >&2
		vcard_ctl "$1" remove >/dev/null &&
			vcard_tool wait empty "$reader" &&
			vcard_ctl "$1" insert >/dev/null &&
			vcard_tool wait card "$reader" && return
	fi
	cat "$PCSCD_DIR/card$1.err" >&2
	return 1
}

vcard_ctl() {
	local r=$1
	shift
	vcard_tool ctl "$PCSCD_DIR/card$r.ctl" "$@"
}

vcard_count() {
	vcard_ctl "$1" counters | sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p"
}

vcard_log() {
	printf '%s\n' "$PCSCD_DIR/card$1.log"
}

# Ends one process started here; false when it had to be killed.
pcscd_end_process() {
	local i
	kill "$1" 2>/dev/null || {
		wait "$1" 2>/dev/null
		return 0
	}
	for ((i = 0; i < 1500; i++)); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.02
	done
	if kill -0 "$1" 2>/dev/null; then
		kill -9 "$1" 2>/dev/null
		wait "$1" 2>/dev/null
		echo "pcscd.sh: process $1 had to be killed" >&2
		return 1
	fi
	wait "$1" 2>/dev/null
	return 0
}

vcard_stop() {
	local r=$1 bad=0
	[ -n "${VCARD_PID[$r]:-}" ] || return 0
	pcscd_end_process "${VCARD_PID[$r]}" || bad=1
	unset "VCARD_PID[$r]"
	return $bad
}

# Stops the daemon alone; pcscd_again starts it anew.
pcscd_halt() {
	local bad=0
	[ -z "$PCSCD_PID" ] || pcscd_end_process "$PCSCD_PID" || bad=1
	PCSCD_PID=''
	return $bad
}

pcscd_stop() {
	local r bad=0
	for r in "${!VCARD_PID[@]}"; do
		vcard_stop "$r" || bad=1
	done
	pcscd_halt || bad=1
	[ -z "$PCSCD_DIR" ] || rm -rf "$PCSCD_DIR"
	[ -z "$PCSCD_MADE" ] || rmdir "$PCSCD_MADE" 2>/dev/null
	PCSCD_DIR='' PCSCD_MADE=''
	unset PCSCLITE_CSOCK_NAME
	return $bad
}

pcscd_serve() {
	local line
	pcscd_available || {
		echo "unavailable $PCSCD_WHY"
		return 0
	}
	trap pcscd_stop EXIT
	pcscd_start "$1" || return 1
	echo "ready $PCSCD_DIR"
	while IFS= read -r line; do
		# Lines come from our own test programs.
		eval "$line" </dev/null
		echo "done $?"
	done
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	[ "${1:-}" = serve ] || {
		echo "usage: pcscd.sh serve READERS" >&2
		exit 64
	}
	pcscd_serve "$2"
fi
