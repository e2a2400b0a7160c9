# shellcheck shell=bash
# For end-to-end scenarios with a card: tests/lib/e2e.sh with the key
# "tanaka" on a virtual My Number card in reader 0 of a private pcscd.
#
#   . "$NATSUIN_SRC/tests/lib/e2ecard.sh"
#   card_begin 2          # pcscd with 2 readers, the card, the spool;
#                         # leaves the scenario (skip) where it cannot
#   card_pin ABC123       # writes the PIN file
#   card_same verify 1    # what the card counted
. "$NATSUIN_SRC/tests/lib/e2e.sh" || exit 1
. "$NATSUIN_SRC/tests/lib/pcscd.sh" || exit 1

holder='' # a detached keyholder that the scenario started
card_cleanup() {
	[ -z "$holder" ] || kill "$holder" 2>/dev/null
	pcscd_stop
	e2e_cleanup
}
trap card_cleanup EXIT

# For spool_make: the key is the card, its authority the anchor.
key_make() {
	vcard_make "$1" || return 1
	vcard_start 0 "$PCSCD_DIR/$1" || return 1
	mkdir -p "$dir/anchors"
	cp "$PCSCD_DIR/pki/signca.pem" "$dir/anchors/"
}

key_section() {
	printf 'key "%s" {\n\tbackend = "jpki"\n%s\n%s\n}\n' "$1" \
		"${2-}" "${CARD_KEY-}"
}

card_begin() {
	pcscd_available || {
		skip card "$PCSCD_WHY"
		exit 0
	}
	pcscd_start "$1" || exit 1
	spool_make
}

card_pin() {
	rm -f "$dir/tanaka.pin"
	(umask 077 && printf '%s\n' "$1" >"$dir/tanaka.pin")
	chmod 400 "$dir/tanaka.pin"
}

# card_same COUNTER WANTED [NAME]
card_same() {
	same "${3:-card-counts-$2-$1}" "$2" "$(vcard_count 0 "$1")"
}
