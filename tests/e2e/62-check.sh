#!/usr/bin/env bash
# natsuin check: what the batch would say of a file, and nothing else; then
# natsuin queue, as a person reads it.
. "${NATSUIN_SRC:?}/tests/lib/e2e.sh" || exit 1
spool_make
bad_filings "$dir/bad"
filings etax 1 2 4KB "$dir/good"
filings egov 1 1 4KB "$dir/good"
(cd "$dir/good" && mv 00001 folder && zip -qr archive.zip folder)
mv "$dir/good/00001.xtx" "$spool/in/kokuzei/"
printf '<HOJIN_DOFUKEN xmlns="http://eltax.jp/HOJIN_DOFUKEN"/>' \
	>"$dir/bad/eltax.xml"

check() {
	"$NATSUIN" --json check "$@" >"$dir/out" 2>"$dir/err"
}
spool_sum() {
	find "$spool" "$dir/good" "$dir/bad" -printf '%p %s %T@ %i\n' | sort |
		sha256sum
}
# There is no key, so nothing could be signed by mistake.
mv "$dir/tanaka.p12" "$dir/away.p12"
before=$(spool_sum)
check "$spool/in/kokuzei/00001.xtx" "$dir/good/00002.xtx" \
	"$dir/good/folder" "$dir/good/archive.zip"
same good-exit-code 0 $?
same good-are-ready 'true etax ZZZ0010
true etax ZZZ0010
true egov 999Z000000000000
true egov 999Z000000000000' \
	"$(jq -r '.[] | "\(.ready) \(.format) \(.procedure)"' "$dir/out")"
check "$dir"/bad/bad-?.xtx "$dir/bad/eltax.xml" "$dir/none.xtx"
same bad-exit-code 4 $?
same bad-codes 'xml-malformed doctype-forbidden schema-invalid id-duplicate '\
'existing-signature-invalid format-eltax' "$(
	jq -r '[.[0:6][].code] | join(" ")' "$dir/out")"
same missing-file false "$(jq '.[6].ready' "$dir/out")"
check "$dir/good/00002.xtx" "$dir/bad/bad-1.xtx"
same some-exit-code 3 $?
"$NATSUIN" --lang en check "$dir/good/00002.xtx" "$dir/bad/bad-2.xtx" \
	"$dir/bad/eltax.xml" >"$dir/out"
expect says-ready grep -q '00002.xtx: ready to be signed$' "$dir/out"
expect says-the-schema grep -q 'valid by schema ZZZ0010-1.0.0' "$dir/out"
expect says-why-not grep -q 'bad-2.xtx: cannot be signed: .*DOCTYPE' "$dir/out"
expect says-eltax grep -q 'eltax.xml: cannot be signed: .*eLTAX' "$dir/out"
same says-what-to-do 2 "$(grep -c '^  → ' "$dir/out")"
"$NATSUIN" --lang ja check "$dir/good/00002.xtx" >"$dir/out"
expect says-it-in-japanese grep -q '署名できます' "$dir/out"
rm -r "$dir/schemas"
check "$dir/good/00002.xtx"
same without-a-schema '0 schema-missing' "$? $(
	jq -r '[.[0].warnings[].code | select(test("schema"))][0]' "$dir/out")"
same nothing-was-touched "$before" "$(spool_sum)"
"$NATSUIN" schema import "$NATSUIN_SRC/schemas/demo" >"$dir/schema.log"

# The queue: what is held and why, and what became of each.
cp "$dir/bad/bad-1.xtx" "$dir/bad/eltax.xml" "$spool/in/kokuzei/"
touch -d '2 minutes ago' "$spool"/in/kokuzei/*
sleep 0.3
run_batch </dev/null
"$NATSUIN" --lang en queue list >"$dir/out"
same held-is-listed 1 "$(grep -c . "$dir/out")"
expect held-says-why grep -qE ' held +00001.xtx +\[[a-z0-9-]+\] .+' "$dir/out"
job=$(cut -d' ' -f1 "$dir/out")
"$NATSUIN" --lang en queue show "$job" >"$dir/out"
expect show-says-what-to-do grep -q '^  → ' "$dir/out"
expect show-has-the-history grep -qE '^  [0-9T:.+-]+  claimed' "$dir/out"
"$NATSUIN" --lang en queue list --all >"$dir/out"
same all-are-listed 3 "$(grep -c . "$dir/out")"
expect failed-are-among-them grep -qE \
	' failed +eltax.xml +\[format-eltax\] .*eLTAX' "$dir/out"
mv "$dir/away.p12" "$dir/tanaka.p12"
"$NATSUIN" -q queue release "$job"
same release-exit-code 0 $?
run_batch
same released-exit-code 0 $?
"$NATSUIN" --lang en queue list >"$dir/out"
expect nothing-waits grep -q '^nothing is waiting or held$' "$dir/out"
same show-names-the-output \
	"$(cd "$spool" && find out -name 00001.xtx)" \
	"$("$NATSUIN" --lang en queue show "$job" |
		sed -n 's/^  output: //p')"
"$NATSUIN" --json queue show "$job" >"$dir/out"
same show-json 'published true' "$(jq -r '"\(.state) \(
	[.history[].state] | contains(["held", "signed", "verified"]))"' \
	"$dir/out")"
"$NATSUIN" queue show 20200101-000000-0001 >/dev/null 2>"$dir/err"
same unknown-job-exit-code 4 $?
expect unknown-job-is-named grep -q 20200101-000000-0001 "$dir/err"
finish
