# shellcheck shell=bash
# How busy a card is kept by natsuin with everything on, from the card's own
# log: 1 - gaps / span over its signature commands. Sourced by scripts/bench,
# which has `row`; or by itself:
#   tests/bench/card.sh [COUNT-OF-20KB [COUNT-OF-2MB [COUNT-FOR-8-CARDS]]]
# 0 leaves a case out.
# A delayed disk is tests/tools/slowdisk.c holding each fsync for 30 ms (under
# strace, delay or not, each gap of a card is half a millisecond longer).

# card_case LABEL LATENCY-MS SIZE COUNT [COMMAND…]: one batch; COMMAND starts
# natsuin. One row with the busy share, and what the card counted if odd.
card_case() {
	local label=$1 latency=$2 size=$3 count=$4 share
	shift 4
	vcard_stop 0
	rm -f "$(vcard_log 0)"
	vcard_start 0 "$PCSCD_DIR/tanaka" --set "latency=$latency" || return 1
	rm -rf "$spool"
	mkdir -p "$spool/in/kokuzei"
	drop_filings etax 1 "$count" "$size" || return 1
	sleep 0.3 # they settle
	"$@" "$NATSUIN" -q run >"$dir/run.out" 2>"$dir/run.log" || {
		tail -n 5 "$dir/run.log" >&2
		row "card busy, $label" failed '>= 99 %'
		return 1
	}
	[ "$(vcard_count 0 sign)" -eq "$count" ] &&
		[ "$(vcard_count 0 verify)" -eq 1 ] ||
		echo "card bench: unexpected $(vcard_ctl 0 counters)" >&2
	share=$(vcard_tool busy "$(vcard_log 0)" |
		sed -n 's/^busy \([0-9.]*\)$/\1/p')
	row "card busy, $label, $count x $size, card takes $latency ms" \
		"$(jq -nr "$share * 10000 | round / 100") %" '>= 99 %'
}

# The key of card number R: known by its own certificate, in whichever reader.
pool_key() {
	local hash
	hash=$(openssl dgst -sha256 -r "$PCSCD_DIR/card$1/auth.der" |
		cut -d ' ' -f 1)
	printf 'key "card%d" {\n\tbackend = "jpki"\n' "$1"
	printf '\tcard-sha256 = "%s"\n\tpin-file = "%s"\n' "$hash" \
		"$dir/tanaka.pin"
	printf '\tetax-user-id = "1111111111111111"\n}\n'
}

# pool_case CARDS LATENCY-MS SIZE COUNT: a pool of so many cards, one in each
# reader, signs one batch. One row: the mean of the cards' busy shares.
pool_case() {
	local cards=$1 latency=$2 size=$3 count=$4 r share names='' logs=()
	vcard_stop 0
	sed -i '/^key "tanaka"/,/^}/d; /^drop/,/^}/d' "$conf"
	for ((r = 0; r < cards; r++)); do
		[ -e "$PCSCD_DIR/card$r" ] || vcard_make "card$r" || return 1
		rm -f "$(vcard_log "$r")"
		vcard_start "$r" "$PCSCD_DIR/card$r" --set "latency=$latency" ||
			return 1
		pool_key "$r" >>"$conf"
		names="$names${names:+, }\"card$r\""
		logs+=("$(vcard_log "$r")")
	done
	printf 'pool "office" { keys = { %s } }\n' "$names" >>"$conf"
	printf 'drop "kokuzei" { sign-with = { "office" } }\n' >>"$conf"
	rm -rf "$spool"
	mkdir -p "$spool/in/kokuzei"
	drop_filings etax 1 "$count" "$size" || return 1
	sleep 0.3 # they settle
	"$NATSUIN" -q run >"$dir/run.out" 2>"$dir/run.log" || {
		tail -n 5 "$dir/run.log" >&2
		row "$cards cards busy" failed '>= 97 %'
		return 1
	}
	share=$(vcard_tool busy "${logs[@]}" |
		sed -n 's/^busy \([0-9.]*\)$/\1/p')
	row "$cards cards busy, one pool, $count x $size, each takes $latency ms" \
		"$(jq -nr "$share * 10000 | round / 100") %" '>= 97 %'
}

# card_bench COUNT-OF-20KB COUNT-OF-2MB COUNT-FOR-8-CARDS
card_bench() (
	# shellcheck source=tests/lib/e2ecard.sh
	. "$NATSUIN_SRC/tests/lib/e2ecard.sh" || exit 1
	pcscd_available || {
		row 'card busy' "not measured: $PCSCD_WHY" '>= 99 %'
		exit 0
	}
	CARD_KEY="pin-file = \"$dir/tanaka.pin\""
	card_begin 8
	card_pin ABC123
	slow_disk=("$NATSUIN_BUILD/tests/tools/slowdisk" 30)
	if [ "$1" -gt 0 ]; then
		card_case 'everything on' 50 20KB "$1"
		card_case '  each fsync 30 ms later' 50 20KB "$1" \
			"${slow_disk[@]}"
	fi
	if [ "$2" -gt 0 ]; then
		card_case 'everything on' 300 2MB "$2"
		card_case '  each fsync 30 ms later' 300 2MB "$2" \
			"${slow_disk[@]}"
	fi
	[ "$3" -eq 0 ] || pool_case 8 100 20KB "$3"
)

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	NATSUIN_SRC=$(cd "$(dirname "$0")/../.." && pwd)
	# shellcheck disable=SC2031 # card_bench runs in a subshell
	NATSUIN_BUILD=${NATSUIN_BUILD:-$NATSUIN_SRC/build}
	# shellcheck disable=SC2031
	NATSUIN=${NATSUIN:-$NATSUIN_BUILD/natsuin}
	export NATSUIN_SRC NATSUIN_BUILD NATSUIN
	row() {
		printf '%-66s %-10s %s\n' "$1" "$2" "$3"
	}
	card_bench "${1:-1000}" "${2:-100}" "${3:-2400}"
fi
