#!/usr/bin/env bash
# 1,000 filings with 5 bad ones: 995 published, 5 failed, 1,000 report lines.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
spool_make
drop=$spool/in/kokuzei

bad_filings "$drop"
drop_filings etax 1 995 4KB

run_batch
same exit-code 3 $?
same published 995 "$(report_get \
	'[.filings[] | select(.result == "published")] | length')"
same failed 5 "$(report_get \
	'[.filings[] | select(.result == "failed")] | length')"
same report-lines 1000 "$(report_get '.filings | length')"
# One first: a single filing was signed before the first was verified.
same one-first 1 "$(sed '/job.good/q' "$dir/run.log" |
	grep -c 'key.asked')"
batch=$(last_batch)
same outputs 995 "$(find "$spool/out/$batch" -type f | wc -l)"
same originals 995 "$(find "$spool/done/$batch" -type f | wc -l)"
same reasons 5 "$(find "$spool/failed/$batch" -name '*.reason.txt' | wc -l)"
same nothing-in-work 0 "$(find "$spool/work" -mindepth 1 | wc -l)"
reason() {
	report_get ".filings[] | select(.input.path == \"$1\") | .reason.code"
}
same not-xml xml-malformed "$(reason bad-1.xtx)"
same doctype doctype-forbidden "$(reason bad-2.xtx)"
same wrong-schema schema-invalid "$(reason bad-3.xtx)"
same duplicate-id id-duplicate "$(reason bad-4.xtx)"
# Which filing it was is known as far as it could be read.
same refused-are-named 'bad-3.xtx not-passed bad-5.xtx not-reached' "$(
	report_get '[.filings[] | select(.result == "failed") |
		select(.taxpayer != null) |
		"\(.input.path) \(.checks.schema.state)"] | join(" ")')"
same tampered existing-signature-invalid "$(reason bad-5.xtx)"
sample=("$spool/out/$batch"/000[0-4]*.xtx)
same xmlsec1-verifies-a-sample ${#sample[@]} \
	"$(xmlsec1_verifies "$dir/ca.pem" "${sample[@]}")"
same ids-are-all-different 995 "$(grep -ohE \
	'Signature [^>]*Id="[^"]*"' "$spool/out/$batch"/*.xtx |
	grep -oE 'Id="[^"]*"' | sort -u | wc -l)"
finish
