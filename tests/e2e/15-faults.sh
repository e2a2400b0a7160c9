#!/usr/bin/env bash
# What a disk, a key, an examiner or an operator may do at the worst moment.
# After each fault a run to the end, then what must hold (`invariants`).
. "${NATSUIN_SRC:?}/tests/lib/e2e.sh" || exit 1
spool_make
sed -i 's/settle = "200ms"/settle = "100ms"/' "$conf"

# A fresh spool with COUNT filings on offer.
fresh() {
	rm -rf "$spool" "$dir/offered"
	mkdir -p "$spool/in/kokuzei"
	offer "$1" "$2" 4KB
	sleep 0.12
}

# with_fault EXPRESSION [run's options]: a run in which a system call of the
# batch process fails, or kills it.
with_fault() {
	local fault=$1
	shift
	strace -o "$dir/strace" -e trace="${fault%%:*}" -e inject="$fault" \
		"$NATSUIN" -v run "$@" >"$dir/fault.out" 2>"$dir/fault.log"
}

# How often an undisturbed run makes this call.
calls_of() {
	fresh 1 3
	strace -o "$dir/strace" -e trace="$1" "$NATSUIN" run >/dev/null 2>&1
	grep -c "^$1(" "$dir/strace"
}

# kill_at CALL FROM STEP: kills a run at the n-th call, then one to the end.
kill_at() {
	local call=$1 n=$2 step=$3 all bad=0 tried=0
	all=$(calls_of "$call")
	expect "run-calls-$call" test "$all" -gt 0
	for (( ; n <= all; n += step)); do
		fresh 1 3
		(with_fault "$call:signal=KILL:when=$n") 2>/dev/null
		run_batch
		invariants "killed-at-$call-$n" >"$dir/result" || true
		tried=$((tried + 1))
		grep -q '^ok' "$dir/result" && continue
		bad=$((bad + 1))
		cat "$dir/result"
	done
	failures=$((failures + bad))
	same "killed-at-any-$call-of-$all" "0 of $tried" "$bad of $tried"
}

if ! strace -o "$dir/strace" true 2>"$dir/why"; then
	skip faults "strace may not trace here: $(head -n 1 "$dir/why")"
	finish
fi

# Between two durable steps, each once.
kill_at renameat2 1 1
kill_at fdatasync 1 1
kill_at fsync 1 1
kill_at renameat 1 2

# The folder of delivery is away (a share that is not mounted).
sed -i "s|^drop .*|&\n\tdeliver = \"$dir/share\"|" "$conf"
fresh 1 3
run_batch
same away-exit-code 4 $?
invariants away
same away-all-are-held 3 "$(report_get \
	'[.filings[] | select(.reason.code == "deliver-missing")] | length')"
mkdir "$spool/out/share"
ln -s "$spool/out/share" "$dir/share"
run_batch
same back-exit-code 0 $?
invariants back
same back-all-are-there 3 "$(find "$spool/out/share" -name '*.xtx' | wc -l)"
finish
