#!/usr/bin/env bash
# Nothing is taken early: growing, held open, renamed in, truncated, empty;
# and two runs at once.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
spool_make
drop=$spool/in/kokuzei
filings etax 1 8 200KB "$dir/f"

# A slow writer: pieces with pauses longer than `settle`, the file closed
# between them; meanwhile the batch watches.
"$NATSUIN" -v watch >"$dir/watch.out" 2>"$dir/run.log" &
watcher=$!
(
	head -c 60000 "$dir/f/00001.xtx" >"$drop/slow.xtx"
	sleep 0.7
	head -c 120000 "$dir/f/00001.xtx" | tail -c +60001 >>"$drop/slow.xtx"
	sleep 0.7
	tail -c +120001 "$dir/f/00001.xtx" >>"$drop/slow.xtx"
)
# A writer that keeps the file open.
(
	exec 9>"$drop/open.xtx"
	head -c 90000 "$dir/f/00002.xtx" >&9
	sleep 0.8
	tail -c +90001 "$dir/f/00002.xtx" >&9
)
cp "$dir/f/00003.xtx" "$drop/part.part"
mv "$drop/part.part" "$drop/renamed.xtx"
: >"$drop/empty.xtx"
ln -s "$dir/f/00004.xtx" "$drop/link.xtx"
cp "$dir/f/00005.xtx" "$drop/.hidden.xtx"
published() {
	local found
	found=$(find "$spool/out" -name "$1")
	[ -n "$found" ]
}
expect slow-is-published until_there published slow.xtx
expect open-is-published until_there published open.xtx
expect renamed-is-published until_there published renamed.xtx
for pair in slow:00001 open:00002 renamed:00003; do
	out=$(find "$spool/out" -name "${pair%:*}.xtx")
	without_signatures "$out" >"$dir/stripped"
	expect "${pair%:*}-is-whole" cmp "$dir/stripped" "$dir/f/${pair#*:}.xtx"
done
expect empty-stays test -e "$drop/empty.xtx"
expect link-stays test -L "$drop/link.xtx"
expect link-target-is-untouched test -f "$dir/f/00004.xtx"
expect hidden-stays test -e "$drop/.hidden.xtx"
same none-failed 0 "$(find "$spool/failed" -type f | wc -l)"

"$NATSUIN" run >"$dir/second.out" 2>&1
same second-run-exits-75 75 $?
expect second-run-says-it-shortly test "$(wc -l <"$dir/second.out")" -le 2
kill -TERM "$watcher"
wait "$watcher"
same watch-ends-cleanly 0 $?
expect watch-wrote-a-report test -n "$(find "$spool/reports" -name report.json)"

# Truncated: it has long settled, but while it is fresh its writer may go on.
# One that stays like that is refused in the end.
head -c 90000 "$dir/f/00006.xtx" >"$drop/truncated.xtx"
cp "$dir/f/00007.xtx" "$drop/shrunk.xtx"
truncate -s 90000 "$drop/shrunk.xtx"
cp "$dir/f/00004.xtx" "$drop/whole.xtx"
sleep 0.3 # settled: longer than `settle`
run_batch
same truncated-exit-code 0 $?
expect whole-beside-it-is-published published whole.xtx
expect truncated-stays-while-fresh test -e "$drop/truncated.xtx"
expect shrunk-stays-while-fresh test -e "$drop/shrunk.xtx"
for pair in truncated:00006 shrunk:00007; do
	tail -c +90001 "$dir/f/${pair#*:}.xtx" >>"$drop/${pair%:*}.xtx"
done
sleep 0.3
run_batch
same written-on-exit-code 0 $?
for pair in truncated:00006 shrunk:00007; do
	without_signatures "$(find "$spool/out" -name "${pair%:*}.xtx")" |
		cmp - "$dir/f/${pair#*:}.xtx" >"$dir/stripped" 2>&1
	same "${pair%:*}-is-whole-in-the-end" 0 $?
done
sed -i 's/^\tpoll = /\tincomplete-after = "1s"\n&/' "$conf"
head -c 90000 "$dir/f/00008.xtx" >"$drop/given-up.xtx"
sleep 1.1
run_batch
same given-up-exit-code 4 $?
same given-up-reason xml-truncated "$(report_get '.filings[].reason.code')"
finish
