#!/usr/bin/env bash
# The examiners of a real batch, watched from outside: after they have closed
# their box they open nothing, connect to nothing and start nothing; and they
# hold no descriptor but their socket and what they were sent.
set -u
# shellcheck source=tests/lib/e2e.sh
. "$NATSUIN_SRC/tests/lib/e2e.sh"
spool_make
drop_filings etax 1 5 20KB
printf '<!DOCTYPE DATA SYSTEM "file:///etc/hostname"><DATA/>' \
	>"$spool/in/kokuzei/doctype.xtx"
printf '<DATA xmlns="http://xml.e-tax.nta.go.jp/XSD/shohi"' \
	>"$spool/in/kokuzei/half.xtx"
touch -d '2 minutes ago' "$spool/in/kokuzei/"*.xtx
sleep 0.3
# A file per process: in a common one a slow machine's lines are in two parts.
strace -ff -e trace=%file,%process,%network,seccomp,prctl,memfd_create \
	-o "$dir/trace" "$NATSUIN" run >"$dir/run.out" 2>"$dir/run.log"
same exit-code 3 $?

# Calls of each examiner after its filter was loaded (the keyholder and its
# writer have other filters).
grep -l '^execve("[^"]*", \["natsuin-examiner"' "$dir"/trace.* >"$dir/boxes"
while IFS= read -r box; do
	awk '
		boxed && /^[a-z]/ { print }
		/^seccomp\(SECCOMP_SET_MODE_FILTER/ && / = 0$/ { boxed = 1 }
		END { if (boxed) print "boxed" > "/dev/stderr" }
	' "$box"
done <"$dir/boxes" >"$dir/after" 2>"$dir/boxed"
expect several-were-boxed test "$(wc -l <"$dir/boxed")" -ge 1
# A process that is killed from outside just as it enters a call may be shown
# with the killer's call, which never ends (a real one would be refused, and
# logged: see below).
grep -vE '^kill\([0-9]+, SIGKILL <unfinished \.\.\.>$' \
	"$dir/after" >"$dir/own"
grep -vE '^(exit_group|exit|recvmsg|sendmsg|recvfrom|sendto|newfstatat)\(' \
	"$dir/own" >"$dir/others"
same nothing-but-messages '' "$(cut -d'(' -f1 "$dir/others" | sort -u)"
# newfstatat appears as asked; the box answers it without a path.  (strace
# needs to be root to read what an examiner keeps to itself.)
if grep -q 'newfstatat([^,]*, 0x' "$dir/after"; then
	skip no-path-was-looked-at 'strace cannot read the paths here'
else
	same no-path-was-looked-at 0 "$(grep newfstatat "$dir/after" |
		grep -vcE '\(([0-9]+, ""|AT_FDCWD, "natsuin-bundle:)')"
fi
same nothing-of-the-machine 0 "$(cat "$dir"/trace.* | grep -c '"/etc/hostname"')"
same no-refusal-was-logged 0 "$(grep -c 'sandbox.refused' "$dir/run.log")"
same five-are-signed 5 "$(find "$spool/out" -name '0*.xtx' | wc -l)"

# What one examiner has built is read back by another: which requests (3 is
# to build, 4 to verify; signer/exam/protocol.h) each gets, by the job's token.
sed -i 's/^spool {/&\n\texaminers = 1/' "$conf"
drop_filings etax 11 20 4KB
touch -d '2 minutes ago' "$spool/in/kokuzei/"*.xtx
sleep 0.3
strace -ff -s 64 -xx -e trace=recvmsg -o "$dir/asked" \
	"$NATSUIN" -q run 2>>"$dir/run.log"
head='.*"\\x4e\\x54\\x01\\x00\\x02.*"'
number='\\x6e((\\x[0-9a-f]{2}){8})'
for process in "$dir"/asked.*; do
	sed -nE "s/$head$number$number$number.*/\3 \5/p" \
		"$process" | tr -d '\\x' | sed "s/$/ ${process##*.}/"
done >"$dir/requests"
for request in 3 4; do
	grep "^000000000000000$request " "$dir/requests" | cut -d' ' -f2- |
		sort >"$dir/request.$request"
	same "requests-$request" 20 "$(wc -l <"$dir/request.$request")"
done
same none-verifies-what-it-built '' \
	"$(comm -12 "$dir/request.3" "$dir/request.4")"
finish
