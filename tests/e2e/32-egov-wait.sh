#!/usr/bin/env bash
# A folder that is copied slowly, in the order of names, is taken once and
# whole; one that never becomes complete fails and the missing file is named.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
E2E_SPOOL='incomplete-after = "5m"' spool_make 'format = "egov"'
drop=$spool/in/kokuzei
filings egov 1 2 4KB "$dir/f"
filings individual 11 1 4KB "$dir/f"
published() {
	[ -n "$(find "$spool/out" -name "$1")" ]
}
failed() {
	[ -n "$(find "$spool/failed" -name "$1*reason.txt")" ]
}

watch() {
	"$NATSUIN" -v watch >>"$dir/watch.out" 2>>"$dir/run.log" &
	watcher=$!
}
end_watch() {
	kill -TERM "$watcher"
	wait "$watcher"
	same "$1-ends-cleanly" 0 $?
}
watch
# Pauses are longer than `settle`, so each state looks finished.
slow_copy() {
	local file
	mkdir "$drop/$2"
	for file in "$dir/f/$1"/*; do
		cp "$file" "$drop/$2/"
		sleep 0.6
	done
}
slow_copy 00001 slow
slow_copy 00011 slow-individual
expect slow-is-published until_there published slow.zip
expect individual-is-published until_there published slow-individual.zip
for pair in slow:00001 slow-individual:00011; do
	same "${pair%:*}-once" 1 \
		"$(find "$spool/out" -name "${pair%:*}.zip" | wc -l)"
	same "${pair%:*}-has-all-files" \
		"$(find "$dir/f/${pair#*:}" -type f | wc -l)" \
		"$(unzip -Z1 "$(find "$spool/out" -name "${pair%:*}.zip")" |
			wc -l)"
done
same none-failed 0 "$(find "$spool/failed" -type f | wc -l)"

# Never complete.
end_watch watch
sed -i 's/incomplete-after = "5m"/incomplete-after = "2s"/' "$conf"
watch
cp -r "$dir/f/00002" "$dir/partial"
rm "$dir/partial/tenpu.txt"
cp -r "$dir/partial" "$drop/partial"
expect partial-fails until_there failed partial
expect the-missing-file-is-named grep -rq tenpu.txt "$spool/failed" \
	--include='*reason.txt'
end_watch second-watch
finish
