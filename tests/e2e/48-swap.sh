#!/usr/bin/env bash
# Two cards that change places at random, before, between and during
# signatures, while batches run one after the other: whatever is published
# carries the certificate of the key that was planned for it, and no other.
# E2E_SEED gives the seed, E2E_ROUNDS the number of swaps (1,000).
. "${NATSUIN_SRC:?}/tests/lib/e2ecard.sh" || exit 1
rounds=${E2E_ROUNDS:-1000}
seed=${E2E_SEED:-$RANDOM}
RANDOM=$seed
echo "# seed $seed, $rounds swaps"
CARD_KEY="pin-file = \"$dir/tanaka.pin\""
card_begin 2
card_pin ABC123 # of both cards: none is refused, whichever is there
vcard_make suzuki
vcard_start 1 "$PCSCD_DIR/suzuki"
key_section suzuki 'etax-user-id = "1111111111111111"' >>"$conf"
printf 'drop "other" { sign-with = { "suzuki" } }\n' >>"$conf"
sed -i 's/settle = "200ms"/settle = "100ms"/' "$conf"
mkdir -p "$spool/in/other"
hash_of() { # hash_of CARD FILE
	openssl dgst -sha256 -r "$PCSCD_DIR/$1/$2.der" | cut -d ' ' -f 1
}
with() { # with SETTING-OF-TANAKA SETTING-OF-SUZUKI
	sed "/^key \"tanaka\"/,/^}/s|^}|\t$1\n}|
		/^key \"suzuki\"/,/^}/s|^}|\t$2\n}|" "$dir/plain.conf"
}
cp "$conf" "$dir/plain.conf"
# Cards known before the PIN, in whichever reader; and known after it, each
# key bound to a reader.
with "card-sha256 = \"$(hash_of tanaka auth)\"" \
	"card-sha256 = \"$(hash_of suzuki auth)\"" >"$dir/card.conf"
with "reader = \"VR0 00 00\"\n\tcertificate-sha256 = \"$(hash_of tanaka \
	sign)\"" "reader = \"VR0 00 01\"\n\tcertificate-sha256 = \"$(
	hash_of suzuki sign)\"" >"$dir/pinned.conf"
for r in 0 1; do
	vcard_ctl "$r" set latency 10 >/dev/null
done

# Each swap puts one of the two memories into each reader, at random: now the
# right way round, now crossed, now the same card twice. One in 25 is a card
# pulled and another put in, which pcscd may see (it looks every 400 ms).
swapper() {
	local n how pause cards=(tanaka suzuki)
	for ((n = 0; n < rounds; n++)); do
		how=load pause=0.0$((RANDOM % 6))
		((n % 25 != 24)) || how=swap pause=0.$((RANDOM % 8))
		vcard_ctl 0 "$how" "$PCSCD_DIR/${cards[RANDOM % 2]}"
		vcard_ctl 1 "$how" "$PCSCD_DIR/${cards[RANDOM % 2]}"
		sleep "$pause"
	done >"$dir/swapper.out"
	touch "$dir/swapped"
}
next=1
offered=0
offer_both() { # offer_both COUNT
	drop_filings etax "$next" "$1" 4KB
	filings etax "$((next + 50000))" "$1" 4KB "$spool/in/other"
	next=$((next + $1))
	offered=$((offered + $1))
}

swapper &
swapper=$!
batches=0
: >"$dir/all.log"
while [ ! -e "$dir/swapped" ]; do
	cp "$dir/$(shuf -n 1 -e card pinned \
		--random-source=<(yes "$seed$batches")).conf" "$conf"
	# Not more than can be signed afterwards in a short time.
	[ "$offered" -ge 200 ] || offer_both 8
	sleep 0.12
	run_batch
	batches=$((batches + 1))
	cat "$dir/run.log" >>"$dir/all.log"
done
wait "$swapper"
echo "# $batches batches, $offered filings of each key"
echo "# $(grep -o 'code=[a-z-]*' "$dir/all.log" | sort | uniq -c | sort -rn |
	awk '{ printf "%s %s, ", $1, $2 }')"
expect swaps-were-noticed grep -qE \
	'signature-wrong|card-other|card-changed|not-pinned' "$dir/all.log"
expect some-signed-meanwhile test \
	"$(find "$spool/out" -name '*.xtx' | wc -l)" -gt 0

# Each card where it belongs: the rest is signed.
# As a person does it: out for longer than pcscd looks away (400 ms), for it
# would not see one that is back at once and was unpowered meanwhile.
put_in() { # put_in READER CARD
	vcard_ctl "$1" remove >/dev/null
	vcard_wait "$1" empty
	sleep 1
	vcard_ctl "$1" load "$PCSCD_DIR/$2" >/dev/null
	vcard_ctl "$1" insert >/dev/null
	vcard_wait "$1" card
}
put_in 0 tanaka
put_in 1 suzuki
run_batch
same then-exit-code 0 $?
grep -E ' (warn|error|alert) ' "$dir/run.log" | head -n 20 | sed 's/^/# /'
same each-once "$((2 * offered))" "$(find "$spool/out" -name '*.xtx' \
	-printf '%f\n' | sort -u | wc -l)"
same none-twice "$((2 * offered))" "$(find "$spool/out" -name '*.xtx' |
	wc -l)"

# strangers CARD PATTERN: outputs without this card's certificate.
strangers() {
	local want file
	want=$(base64 -w0 <"$PCSCD_DIR/$1/sign.der")
	find "$spool/out" -name "$2" | while read -r file; do
		[ "$want" = "$(perl -0777 -ne 's/\s//g, print for
			m{<dsig:X509Certificate>(.*?)</}s' "$file")" ] ||
			echo "$file"
	done
}
strangers tanaka '0*.xtx' >"$dir/strangers"
strangers suzuki '5*.xtx' >>"$dir/strangers"
expect each-has-its-own-certificate eval '! grep . "$dir/strangers"'
expect all-verify eval "find '$spool/out' -name '*.xtx' -print0 |
	xargs -0 '$NATSUIN' verify -q"
same no-try-is-lost 'ok auth 3 sign 5' "$(vcard_ctl 0 pins)"
finish
