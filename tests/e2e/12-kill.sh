#!/usr/bin/env bash
# kill -9 of the whole process group at random moments, runs in between: every
# filing is published once, the outputs are the bytes that were promised, and
# the report has every line.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
count=${E2E_FILINGS:-300}
kills=${E2E_KILLS:-50}
seed=${E2E_SEED:-$RANDOM}
RANDOM=$seed
echo "# seed $seed"
spool_make
drop_filings etax 1 "$count" 4KB
printf 'This is not XML.\n' >"$spool/in/kokuzei/bad-1.xtx"
touch -d '2 minutes ago' "$spool/in/kokuzei/bad-1.xtx"
cp -r "$spool/in/kokuzei" "$dir/inputs"

killed=0
for ((i = 0; i < kills; i++)); do
	setsid "$NATSUIN" -v run >>"$dir/run.log" 2>&1 &
	group=$!
	sleep "$(printf '0.%03d' $((RANDOM % 600 + 20)))"
	if kill -KILL -- "-$group" 2>/dev/null; then
		killed=$((killed + 1))
	fi
	wait "$group" 2>/dev/null
	# New work for the later kills, so that there is always something.
	if ((i % 10 == 9)); then
		filings etax $((10000 + i * 10)) 10 4KB "$dir/more"
		cp "$dir/more"/* "$dir/inputs/"
		mv "$dir/more"/* "$spool/in/kokuzei/"
	fi
	# Everything that is published has been published whole.
	find "$spool/out" -name '*.xtx' ! -name '.*' -print0 |
		xargs -0 -r grep -L '</DATA>' >"$dir/broken"
	[ -s "$dir/broken" ] && break
done
same no-partial-output 0 "$(wc -l <"$dir/broken")"
expect runs-were-killed test "$killed" -gt 10
"$NATSUIN" -v run >>"$dir/run.log" 2>&1
run_batch
same last-run-exits-0 0 $?

total=$(find "$dir/inputs" -name '*.xtx' ! -name 'bad-*' | wc -l)
find "$spool/out" -type f -printf '%f\n' | sort >"$dir/outputs"
same every-filing-is-published "$total" "$(wc -l <"$dir/outputs")"
same none-is-published-twice 0 "$(uniq -d "$dir/outputs" | wc -l)"
same originals-are-kept "$total" \
	"$(find "$spool/done" -type f | wc -l)"
same the-bad-one-failed 1 "$(find "$spool/failed" -name 'bad-1.xtx' | wc -l)"
same nothing-in-work 0 "$(find "$spool/work" -mindepth 1 | wc -l)"
same nothing-in-drop 0 "$(find "$spool/in/kokuzei" -type f | wc -l)"

# Each output is its input plus one signature, and verifies.
changed=0
while IFS= read -r out; do
	without_signatures "$out" | cmp -s - "$dir/inputs/${out##*/}" ||
		changed=$((changed + 1))
done < <(find "$spool/out" -type f)
same only-signatures-were-added 0 "$changed"
expect all-verify "$NATSUIN" verify -q "$spool"/out/*/*.xtx

# One line per filing over all batches' reports, none twice as published.
jq -r '.filings[] | select(.result == "published") | .input.path' \
	"$spool"/reports/*/report.json | sort >"$dir/lines"
same report-lines "$total" "$(wc -l <"$dir/lines")"
same no-line-twice 0 "$(uniq -d "$dir/lines" | wc -l)"
sqlite3 "$spool/state/natsuin.db" 'PRAGMA integrity_check' >"$dir/check"
same database-is-sound ok "$(cat "$dir/check")"
expect audit-chain-is-whole "$NATSUIN" audit verify
finish
