#!/usr/bin/env bash
# What keys, examiners, operators and settings may do at the worst moment;
# after each a run to the end, then what must hold (`invariants`).
. "${NATSUIN_SRC:?}/tests/lib/e2e.sh" || exit 1
. "$NATSUIN_SRC/tests/lib/faults.sh"

# Examiners are killed all the time: a filing is tried a second time, and one
# that two died on fails with its reason.
fresh 1 30
scripted latency=50ms
background
hits=0
while kill -0 "$batch" 2>/dev/null; do
	for victim in $(processes natsuin-examiner | shuf -n 1); do
		kill -KILL "$victim" 2>/dev/null && hits=$((hits + 1))
	done
	sleep 0.1
done
wait "$batch"
expect examiners-were-killed test "$hits" -ge 3
run_batch
invariants examiners-killed
echo "# $hits kills: $(results) $(reasons)"

# Both hang: their filings fail after the time that they may take, no others.
fresh 1 8
sed -i 's/^report {/limits {\n\texaminer-cpu = 2\n}\n&/
	s/^spool {/&\n\texaminers = 2/' "$conf"
gated 4
background
expect hanging-examiner-had-worked until_there has_published
processes natsuin-examiner | xargs kill -STOP
open_gate
wait "$batch"
same hanging-examiner-exit-code 3 $?
same hanging-examiner-results "2 failed, 6 published" "$(results)"
same hanging-examiner-reason examiner-too-long "$(reasons)"
invariants examiner-hung

# Examiners that cannot enter their sandbox fail no filing.
if strace -o "$dir/strace" true 2>"$dir/why"; then
	fresh 1 3
	strace -f -o "$dir/strace" -e trace=seccomp,prctl \
		-e inject=seccomp,prctl:error=EINVAL \
		"$NATSUIN" -v run >"$dir/run.out" 2>"$dir/run.log"
	same no-sandbox-exit-code 78 $?
	expect no-sandbox-says-so grep -q examiner-unusable "$dir/run.log"
	same no-sandbox-fails-none 0 "$(find "$spool/failed" -type f | wc -l)"
	run_batch
	same no-sandbox-then-exit-code 0 $?
	invariants no-sandbox-then
else
	skip no-sandbox "strace may not trace here: $(head -n 1 "$dir/why")"
fi

# The keyholder is killed in the middle; then the key comes back.
fresh 1 10
gated 4
background
expect keyholder-had-signed until_there has_published
kill -KILL "$(processes natsuin-keyholder)"
wait "$batch"
same keyholder-killed-exit-code 77 $?
same keyholder-killed-reason keyholder-ended "$(reasons)"
invariants keyholder-killed
open_gate
run_batch
same keyholder-back-exit-code 0 $?
invariants keyholder-back
same keyholder-back-all 10 "$(find "$spool/out" -type f | wc -l)"

# The card is pulled, loses its PIN, or signs something else.
for fault in card-removed:69 pin-lost:77 wrong-signature:69; do
	fresh 1 6
	scripted "sign:3=${fault%:*}"
	run_batch
	same "${fault%:*}-exit-code" "${fault#*:}" $?
	# The second may have been signed, but not yet been given out.
	expect "${fault%:*}-results" grep -qE \
		'^(4 held, 2|5 held, 1) published$' <<<"$(results)"
	invariants "${fault%:*}"
	cp "$dir/plain.conf" "$conf"
	run_batch
	same "${fault%:*}-then-exit-code" 0 $?
	invariants "${fault%:*}-then"
done
# With the very first one nothing is signed that was not verified.
fresh 1 6
scripted sign:1=wrong-signature
run_batch
same wrong-first-results "6 held" "$(results)"
cp "$dir/plain.conf" "$conf"
run_batch
invariants wrong-first-then

# An operator and the start name the same held filing, three times in all.
fresh 1 3
mv "$dir/tanaka.pin" "$dir/away.pin"
run_batch </dev/null
same no-pin-exit-code 77 $?
invariants no-pin
mv "$dir/away.pin" "$dir/tanaka.pin"
for _ in 1 2; do
	python3 - "$spool/state/natsuin.db" <<-EOF
		import sqlite3, sys
		with sqlite3.connect(sys.argv[1]) as db:
		    db.execute("INSERT INTO request(kind, job, uid, created_ms)"
		               " SELECT 'release', name, 0, 1 FROM job")
	EOF
done
run_batch
same released-twice-exit-code 0 $?
invariants released-twice

# Twins are held for the card, both are released: one is signed.
fresh 1 1
offer_file "$spool/in/kokuzei/00001.xtx" twin.xtx
sleep 0.12
mv "$dir/tanaka.pin" "$dir/away.pin"
run_batch </dev/null
mv "$dir/away.pin" "$dir/tanaka.pin"
"$NATSUIN" queue list --json | jq -r '.[].job' |
	xargs "$NATSUIN" queue release >/dev/null
run_batch
same twins-results "1 duplicate, 1 published" "$(results)"

# Requests at random while filings are in flight, some of them at the key.
fresh 1 8
gated 3
background
expect requests-come-in-the-middle until_there has_published
"$NATSUIN" run >"$dir/second.out" 2>&1
same second-run-exits-75 75 $?
expect second-run-says-it-first grep -q 'already working on this spool' \
	<(head -n 1 "$dir/second.out")
for turn in $(seq 12); do
	job=$("$NATSUIN" queue list --json 2>/dev/null |
		jq -r "[.[].job][$((RANDOM % 8))] // empty" 2>/dev/null)
	kind=$(shuf -n 1 -e release discard retry)
	[ -n "$job" ] && timeout 5 "$NATSUIN" queue "$kind" "$job" \
		>>"$dir/requests" 2>&1
	[ "$turn" -ne 8 ] || open_gate
done
wait "$batch"
expect requests-were-made test -s "$dir/requests"
run_batch
invariants requests-in-flight

# SIGTERM in the middle: what is in flight ends, the rest waits.
fresh 1 200
gated 3
background
expect term-comes-in-the-middle until_there has_published
kill -TERM "$batch"
expect term-was-seen until_there grep -q 'batch.stop signal=15' "$dir/run.log"
open_gate
wait "$batch"
same term-exit-code 0 $?
expect term-left-some test "$(find "$spool/out" -type f | wc -l)" -lt 200
run_batch
same term-then-exit-code 0 $?
same term-then-all 200 "$(find "$spool/out" -type f | wc -l)"
invariants term

# The settings change between a crash and the next run.
key_make suzuki
crashed() {
	fresh 1 4
	gated 3
	background
	until_there has_published
	kill -KILL "$batch"
	wait "$batch" 2>/dev/null
	open_gate
	cp "$dir/plain.conf" "$conf"
}
crashed 2>/dev/null
sed -i 's/sign-with = { "tanaka" }/sign-with = { "suzuki" }/' "$conf"
key_section suzuki 'etax-user-id = "1111111111111111"' >>"$conf"
run_batch
same other-signer-exit-code 0 $?
invariants other-signer
same other-signer-is-the-only-one suzuki "$(jq -r \
	'.filings[-1].signers[].key' "$spool"/reports/*/report.json | sort -u)"

crashed 2>/dev/null
sed -i 's/^drop "kokuzei"/drop "other"/' "$conf"
run_batch
same drop-gone-reason drop-not-configured "$(reasons)"
invariants drop-gone
cp "$dir/plain.conf" "$conf"
run_batch
same drop-back-exit-code 0 $?
invariants drop-back

# The folder of delivery is away (a share that is not mounted).
fresh 1 3
sed -i "s|^drop .*|&\n\tdeliver = \"$dir/share\"|" "$conf"
run_batch
same away-exit-code 4 $?
invariants away
same away-all-are-held "3 held" "$(results)"
mkdir "$spool/out/share"
ln -s "$spool/out/share" "$dir/share"
run_batch
same share-back-exit-code 0 $?
invariants share-back
same share-back-all 3 "$(find "$spool/out/share" -name '*.xtx' | wc -l)"

# out/, done/ and reports/ vanish between two runs.
rm -rf "${spool:?}/out" "$dir/share" "$spool/reports" "$spool/done" \
	"$dir/offered"
cp "$dir/plain.conf" "$conf"
offer 4 2 4KB
sleep 0.12
run_batch
same folders-vanished-exit-code 0 $?
same folders-vanished-all 2 "$(find "$spool/out" -name '*.xtx' | wc -l)"

# A damaged queue is said and left alone; with it back all goes on.
fresh 1 3
run_batch
offer 4 2 4KB
sleep 0.12
cp "$spool/state/natsuin.db" "$dir/good.db"
for damage in 0 4096 empty; do
	if [ "$damage" = empty ]; then
		: >"$spool/state/natsuin.db"
	else
		head -c 2000 /dev/urandom | dd status=none conv=notrunc bs=1 \
			seek="$damage" of="$spool/state/natsuin.db"
	fi
	cp "$spool/state/natsuin.db" "$dir/bad.db"
	run_batch
	same "damaged-$damage-exit-code" 75 $?
	expect "damaged-$damage-says-so" grep -q damaged "$dir/run.log"
	expect "damaged-$damage-is-left-alone" \
		cmp "$dir/bad.db" "$spool/state/natsuin.db"
	cp "$dir/good.db" "$spool/state/natsuin.db"
done
run_batch
same queue-back-exit-code 0 $?
invariants queue-back

# What lies in work/ and is nobody's.
fresh 1 2
run_batch
cp "$spool"/done/*/00001.xtx "$dir/a.xtx"
printf 'precious' >"$spool/work/letter.txt"
printf 'more' >"$spool/work/letter.output"
cp "$dir/a.xtx" "$spool/work/20200101-000000-0001=a.xtx"
cp "$dir/a.xtx" "$spool/work/20200101-000000-0002.input"
run_batch
same nobodys-exit-code 0 $?
expect letter-stays test -f "$spool/work/letter.txt"
expect output-stays test -f "$spool/work/letter.output"
expect original-is-rescued cmp "$dir/a.xtx" \
	"$spool/failed/unknown/20200101-000000-0001/a.xtx"
expect copy-is-rescued cmp "$dir/a.xtx" \
	"$spool/failed/unknown/20200101-000000-0002/private-copy"
finish
