#!/usr/bin/env bash
# The batch is killed before its n-th rename, sync and so on, for every n,
# and run again each time: every filing is delivered once, under its own name,
# and nothing stays behind.  (12-kill does the same at random moments.)
. "$NATSUIN_SRC/tests/lib/e2e.sh"
if ! strace -o /dev/null true 2>/dev/null; then
	skip all "strace cannot trace here"
	exit 0
fi
spool_make
mkdir "$dir/inputs"
next=1
most=${E2E_CALLS:-40}

# killed CALL N: drops two filings and runs until the N-th CALL of the batch
# itself; true when it was killed.  strace's word goes before the shell's own
# ("Killed"), so both go to a file.
killed() {
	filings etax "$next" 2 4KB "$dir/more" || return 2
	next=$((next + 2))
	cp "$dir/more"/* "$dir/inputs/"
	mv "$dir/more"/* "$spool/in/kokuzei/"
	{
		strace -qq -o /dev/null -e "trace=$1" \
			-e "inject=$1:signal=SIGKILL:when=$2" \
			"$NATSUIN" -v run >>"$dir/run.log" 2>&1
	} 2>>"$dir/shell.log"
	[ $? -eq 137 ]
}

for call in renameat2 fsync fdatasync pwrite64 unlinkat; do
	# SQLite writes much oftener than it matters.
	step=1
	[ "$call" = pwrite64 ] && step=7
	n=1
	while [ "$n" -le "$most" ] && killed "$call" "$n"; do
		"$NATSUIN" -v run >>"$dir/run.log" 2>&1
		code=$?
		[ "$code" -eq 0 ] || break
		n=$((n + step))
	done
	echo "# $call: killed before number 1 to $((n - step))"
	expect "$call-was-killed-before" test "$n" -gt "$step"
	same "$call-runs-end-well" 0 "${code:-1}"
done
"$NATSUIN" -v run >>"$dir/run.log" 2>&1

total=$(find "$dir/inputs" -type f | wc -l)
find "$dir/inputs" -type f -printf '%f\n' | sort >"$dir/wanted"
find "$spool/out" -type f -printf '%f\n' | sort >"$dir/outputs"
expect outputs-are-each-one cmp "$dir/wanted" "$dir/outputs"
diff "$dir/wanted" "$dir/outputs" | head -n 10 | sed 's/^/# /'
find "$spool/done" -type f -printf '%f\n' | sort >"$dir/originals"
expect originals-are-each-one cmp "$dir/wanted" "$dir/originals"
same nothing-failed 0 "$(find "$spool/failed" -type f | wc -l)"
same nothing-in-work 0 "$(find "$spool/work" -mindepth 1 | wc -l)"
same nothing-in-drop 0 "$(find "$spool/in" -type f | wc -l)"
echo "# $total filings"
changed=0
while IFS= read -r out; do
	without_signatures "$out" | cmp -s - "$dir/inputs/${out##*/}" ||
		changed=$((changed + 1))
done < <(find "$spool/out" -type f)
same only-signatures-were-added 0 "$changed"
finish
