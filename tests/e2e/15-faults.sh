#!/usr/bin/env bash
# What a disk may do at the worst moment: calls that fail, and kills with
# other file systems (15-kill-each has those of a plain run, at every call).
# After each fault a run to the end, then what must hold (`invariants`).
. "${NATSUIN_SRC:?}/tests/lib/e2e.sh" || exit 1
. "$NATSUIN_SRC/tests/lib/faults.sh"

# with_fault INJECTION…: a run in which system calls of the batch process
# fail, or kill it.
with_fault() {
	local fault options=()
	for fault in "$@"; do
		options+=(-e "inject=$fault")
	done
	strace -o "$dir/strace" -e trace=all "${options[@]}" \
		"$NATSUIN" -v run >"$dir/fault.out" 2>"$dir/fault.log"
} 2>/dev/null

# calls CALL [INJECTION…]: how often an undisturbed run makes this call.
calls() {
	local call=$1
	shift
	fresh 1 3
	with_fault "$@"
	grep -c "^$call(" "$dir/strace"
}

# faults NAME CALL FAULT STEP [INJECTION…]: the fault at about every STEP-th
# call, each followed by a run to the end.  One statement.
faults() {
	local name=$1 call=$2 fault=$3 step=$4 n all tried=0 bad=0
	shift 4
	all=$(calls "$call" "$@")
	[ "$all" -gt 0 ] || bad=1
	for ((n = RANDOM % step + 1; n <= all; n += step)); do
		fresh 1 3
		(with_fault "$@" "$call:$fault:when=$n") 2>/dev/null
		[ -n "${fetched-}" ] && fetch
		run_batch || echo "# exit $? after $call number $n"
		[ -n "${fetched-}" ] && fetch
		tried=$((tried + 1))
		(invariants "$name-$call-$n") >"$dir/result"
		grep -q '^ok' "$dir/result" && continue
		bad=$((bad + 1))
		cat "$dir/result"
	done
	failures=$((failures + bad))
	same "$name-$call-of-$all" "0 of $tried" "$bad of $tried"
}

# A receiver who takes away what is delivered, at once.
fetch() {
	mkdir -p "$spool/out" "$spool/out.fetched"
	find "$spool/out" -name '*.xtx' ! -name '.*' \
		-exec mv --backup=numbered -t "$spool/out.fetched" {} +
}

if strace -o "$dir/strace" true 2>"$dir/why"; then
	faults killed fdatasync signal=KILL 4
	faults killed renameat signal=KILL 2
	# No RENAME_NOREPLACE: names move by link and unlink.
	faults linked linkat signal=KILL 2 renameat2:error=EINVAL
	faults linked unlinkat signal=KILL 9 renameat2:error=EINVAL
	fetched=yes
	faults fetched renameat2 signal=KILL 2
	fetched=
	if [ -n "$elsewhere" ]; then
		across=yes
		faults across renameat2 signal=KILL 4
		faults across fsync signal=KILL 9
		across=
	else
		skip across "there is no second file system"
	fi
	# A disk that fails: the run ends, the next one goes on.
	faults failing fsync error=EIO 8
	faults failing fdatasync error=EIO 8
	faults failing renameat2 error=EIO 3
	faults failing renameat error=EIO 2
	faults full pwrite64 error=ENOSPC 23
	faults full write error=ENOSPC 11
	faults rights renameat2 error=EACCES 4
	faults short openat error=EMFILE 25
else
	skip faults "strace may not trace here: $(head -n 1 "$dir/why")"
fi

# A small disk that fills up.
small() {
	mount -t tmpfs -o size=6m natsuin "$1" && cp -a "$spool/." "$1" &&
		export spool=$1 &&
		sed -i "s|root = .*|root = \"$1\"|" "$conf"
}
mkdir -p "$dir/disk"
fresh 1 6 60KB
mine=$spool
if (small "$dir/disk") 2>"$dir/why"; then
	spool=$dir/disk
	sed -i "s|root = .*|root = \"$spool\"|" "$conf"
	rm -rf "${mine:?}"
	head -c "$(($(df --output=avail -B1 "$spool" | tail -n 1) - 800000))" \
		/dev/zero >"$dir/disk/filler"
	sleep 0.12
	run_batch
	same small-disk-exit-code 75 $?
	rm "$spool/filler"
	run_batch
	same small-disk-then-exit-code 0 $?
	invariants small-disk
	# It is so full that not even the queue can be written.
	offer 7 4 60KB
	sleep 0.12
	head -c 8000000 /dev/zero >"$spool/filler" 2>/dev/null
	run_batch
	same full-disk-exit-code 75 $?
	rm "$spool/filler"
	run_batch
	same full-disk-then-exit-code 0 $?
	invariants full-disk
	spool=$mine
	umount "$dir/disk"
else
	skip small-disk "no tmpfs may be mounted: $(head -n 1 "$dir/why")"
fi
finish
