#!/usr/bin/env bash
# sign-with = "by-agent-id": the key whose number the filing names as its
# agent's, several of them in one batch; none or two of them sign nothing.
. "${NATSUIN_SRC:?}/tests/lib/e2e.sh" || exit 1
. "$NATSUIN_SRC/tests/lib/people.sh" || exit 1
people_make

# by-agent-id: the key with the agent's number, in one batch.
sed 's/sign-with = .*/sign-with = { "by-agent-id" }/' "$dir/plain.conf" \
	>"$conf"
for who in 2222222222222222/鈴木一郎 1111111111111111/髙橋太郎 \
	2222222222222222/鈴木一郎 1111111111111111/髙橋太郎; do
	named "${who#*/}" '見本 一郎' "${who%/*}"
done
run_batch
same by-agent-exit-code 0 $?
same by-agent-keys '鈴木一郎 suzuki same
髙橋太郎 tanaka same' "$(report_get '.filings[] |
	"\(.people.name) \(.signers[0].key) \(.people.verdict)"' | sort -u)"
same by-agent-all 4 "$(report_get '[.filings[].result |
	select(. == "published")] | length')"
# Only that one is asked for its PIN.
chmod 600 "$dir/tanaka.pin"
printf 'wrong\n' >"$dir/tanaka.pin"
chmod 400 "$dir/tanaka.pin"
named '鈴木一郎' '見本 一郎' 2222222222222222
run_batch
same by-agent-asks-no-other 0 $?
same by-agent-opens-no-other suzuki "$(report_get '[.keys[].name] |
	join(" ")')"
chmod 600 "$dir/tanaka.pin"
printf 'pass-tanaka\n' >"$dir/tanaka.pin"
chmod 400 "$dir/tanaka.pin"

# Nobody has the number, nobody is named, two have it: nothing is signed.
before=$(signed)
named '佐藤花子' '見本 一郎' 3333333333333333
run_batch
same by-agent-none 'held agent-key-none - ' "$(result)"
discard
number=$((number + 1))
"$NATSUIN_BUILD/tests/tools/filings" etax "$number" 1 4KB "$spool/in/kokuzei"
run_batch
same by-agent-missing 'held agent-id-missing - ' "$(result)"
discard
sed -i 's/2222222222222222/1111111111111111/' "$conf"
named '髙橋太郎' '見本 一郎'
run_batch
same by-agent-two 'held agent-key-ambiguous - ' "$(result)"
same by-agent-signs-nothing "$before" "$(signed)"
# The setting is put right: it is taken up.
sed -i '/^key "suzuki"/,/^}/s/1111111111111111/2222222222222222/' "$conf"
run_batch
same by-agent-then 'published - same ' "$(result)"

expect all-verify eval "find '$spool/out' -name '*.xtx' -print0 |
	xargs -0 '$NATSUIN' verify -q"

# It is no name of a key; e-Gov has no such number.
sed 's/key "suzuki"/key "by-agent-id"/' "$dir/plain.conf" >"$conf"
expect no-key-of-that-name grep -q 'natsuin.conf:[0-9]*: key "by-agent-id"' \
	<<<"$("$NATSUIN" --lang en status 2>&1)"
finish
