#!/usr/bin/env bash
# natsuin watch: a batch and its report per quiet time; what the looks into
# the drop folders find counts, inotify only makes it early; SIGTERM ends it
# cleanly, with a report of what it did.
. "${NATSUIN_SRC:?}/tests/lib/e2e.sh" || exit 1
spool_make
filings etax 1 9 4KB "$dir/f"

# watch POLL QUIET [COMMAND…]
watch() {
	sed -i "/quiet = /d
		s/^\tpoll = .*/\tpoll = \"$1\"\n\tquiet = \"$2\"/" "$conf"
	"${@:3}" "$NATSUIN" -v watch >>"$dir/watch.out" 2>>"$dir/run.log" &
	watcher=$!
}
end_watch() {
	kill -TERM "$watcher"
	wait "$watcher"
	same "$1-ends-cleanly" 0 $?
}
published() {
	local name
	for name in "$@"; do
		[ -n "$(find "$spool/out" -name "$name.xtx")" ] || return 1
	done
}
reports() {
	find "$spool/reports" -name report.json | wc -l
}
reported() {
	[ "$(reports)" -ge "$1" ]
}
drop() {
	drop_file "$dir/f/0000$1.xtx" "$1.xtx"
}

# One batch, while it is never quiet for an hour; ended, it is reported.
watch 200ms 1h
drop 1
expect first-is-published until_there published 1
drop 2
expect second-is-published until_there published 2
same none-is-reported-yet 0 "$(reports)"
end_watch busy
same one-batch 1 "$(reports)"
same one-batch-has-both 2 "$(report_get '.filings | length')"

# One each, where it is quiet in between.
watch 200ms 1s
drop 3
expect quiet-is-reported until_there reported 2
drop 4
expect next-quiet-is-reported until_there reported 3
same each-has-its-batch 4.xtx "$(report_get '.filings[].input.path')"
end_watch quiet
same an-empty-end-is-no-batch 3 "$(reports)"

# Nothing is looked at for an hour, so it is inotify that tells; the first
# drop may be found by the look at the start.
watch 1h 1s
drop 5
expect hurried-start-is-reported until_there reported 4
drop 6
mkdir "$spool/in/kokuzei/folder"
drop_file "$dir/f/00007.xtx" folder/7.xtx
expect inotify-tells until_there published 6 7
end_watch hurried

# Without inotify (a network share, too many watches) all is found as well.
if strace -o /dev/null true 2>"$dir/why"; then
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 # it cannot, traced
	watch 200ms 1s strace -D -qq -o "$dir/trace" \
		-e trace=inotify_init1 -e inject=inotify_init1:error=EMFILE
	drop 8
	expect without-inotify-is-published until_there published 8
	drop 9
	expect without-inotify-again until_there published 9
	end_watch deaf
	expect without-inotify-there-was-none until_there \
		grep INJECTED "$dir/trace"
else
	skip without-inotify "strace may not trace here: $(head -n 1 "$dir/why")"
fi
same nothing-in-work 0 "$(find "$spool/work" -mindepth 1 | wc -l)"
same none-failed 0 "$(find "$spool/failed" -type f | wc -l)"
finish
