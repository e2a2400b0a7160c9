#!/usr/bin/env bash
# 1,000 filings with 5 bad ones, kill -9 of the whole process group at 50
# random moments, runs in between: 995 are published, 5 fail, the report has
# every line, and the outputs are the bytes that were promised before.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
count=${E2E_FILINGS:-1000}
spool_make
drop=$spool/in/kokuzei
bad_filings "$drop"
drop_filings etax 1 $((count - 5)) 4KB
cp -r "$drop" "$dir/inputs"

# More work, for runs that end before they are hit.
cat >"$dir/refill" <<-EOF
	next=\$(($count + \$(find "$dir/inputs" -type f | wc -l)))
	"$NATSUIN_BUILD/tests/tools/filings" etax \$next 50 4KB "$dir/more" \
		1111111111111111
	cp "$dir/more"/* "$dir/inputs/"
	mv "$dir/more"/* "$drop/"
EOF
kills "${E2E_KILLS:-50}" 40 "$dir/refill"

total=$(find "$dir/inputs" -name '0*.xtx' | wc -l)
find "$spool/out" -type f -printf '%f\n' | sort >"$dir/outputs"
same every-filing-is-published "$total" "$(wc -l <"$dir/outputs")"
same none-is-published-twice 0 "$(uniq -d "$dir/outputs" | wc -l)"
same originals-are-kept "$total" "$(find "$spool/done" -type f | wc -l)"
same the-bad-ones-failed 5 "$(find "$spool/failed" -name 'bad-?.xtx' | wc -l)"
same nothing-else-failed 5 \
	"$(find "$spool/failed" -type f ! -name '*.reason.txt' | wc -l)"
same nothing-in-work 0 "$(find "$spool/work" -mindepth 1 | wc -l)"
same nothing-in-drop 0 "$(find "$drop" -type f | wc -l)"

# Each output is its input plus one signature, and verifies.
sha256sum "$dir/inputs"/* >"$dir/offered"
invariants spool-is-at-rest

# One line per filing over all batches' reports, whatever became of it.
jq -r '.filings[] | .result + " " + .input.path' \
	"$spool"/reports/*/report.json | sort >"$dir/lines"
same report-lines $((total + 5)) "$(wc -l <"$dir/lines")"
same no-line-twice 0 "$(cut -d' ' -f2 "$dir/lines" | sort | uniq -d | wc -l)"
same published-lines "$total" "$(grep -c '^published ' "$dir/lines")"
same failed-lines 5 "$(grep -c '^failed bad-' "$dir/lines")"
expect audit-chain-is-whole "$NATSUIN" audit verify
finish
