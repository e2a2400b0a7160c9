#!/usr/bin/env bash
# natsuin schema: import of folders and archives, list, and what is refused.
set -u
# shellcheck source=tests/lib/e2e.sh
. "$NATSUIN_SRC/tests/lib/e2e.sh"
printf 'schemas { path = "schemas" }\n' >"$conf"
demo=$NATSUIN_SRC/schemas/demo

expect empty-list-exits-0 "$NATSUIN" schema list
expect import-of-a-folder "$NATSUIN" schema import "$demo"
"$NATSUIN" --json schema list >"$dir/first.json"
same three-bundles 3 "$(jq '.schemas | length' "$dir/first.json")"
same hash-is-the-file-s \
	"$(sha256sum <"$dir/schemas/ZZZ0010-1.0.0.bundle" | cut -d' ' -f1)" \
	"$(jq -r '.schemas[] | select(.procedure == "ZZZ0010") | .sha256' \
		"$dir/first.json")"

# The same files give the same bundles, whatever way they come.
mkdir "$dir/配布物"
cp -r "$demo" "$dir/配布物/xsd"
expect import-from-another-place "$NATSUIN" schema import "$dir/配布物"
(cd "$dir" && zip -qr all.zip 配布物)
"$NATSUIN" --json schema import "$dir/all.zip" >"$dir/zip.json"
same import-of-a-zip 0 $?
same nothing-changed 0 "$(jq '[.schemas[] | select(.changed)] | length' \
	"$dir/zip.json")"
"$NATSUIN" --json schema list >"$dir/second.json"
expect list-is-the-same cmp "$dir/first.json" "$dir/second.json"

# One file changed: another version of the schema, said so.
sed -i 's/maxLength value="60"/maxLength value="61"/' \
	"$dir/配布物/xsd/general/General.xsd"
"$NATSUIN" schema import "$dir/配布物" >"$dir/out"
expect change-is-told grep -q '^ZZZ0010 .*replaced' "$dir/out"

# What cannot be used is said and stops nothing.
mkdir "$dir/bad"
printf '<!DOCTYPE x [<!ENTITY e SYSTEM "/etc/passwd">]><x>&e;</x>' \
	>"$dir/bad/doctype.xsd"
head -c 300 "$demo/shohi/ZZZ0010-100.xsd" >"$dir/bad/half.xsd"
ln -s /etc/passwd "$dir/bad/link.xsd"
mkfifo "$dir/bad/fifo.xsd"
"$NATSUIN" schema import "$dir/bad" >"$dir/out" 2>"$dir/err"
same nothing-usable-exits-4 4 $?
expect doctype-is-noted grep -q '^- doctype.xsd: .*DOCTYPE' "$dir/out"
expect half-a-file-is-noted grep -q '^- half.xsd: .*well-formed' "$dir/out"
same nothing-of-the-machine 0 "$(grep -c root: "$dir/out" "$dir/err" |
	awk -F: '{n += $2} END {print n}')"
printf 'PK\003\004 not a zip' >"$dir/broken.zip"
"$NATSUIN" schema import "$dir/broken.zip" >/dev/null 2>"$dir/err"
same broken-zip-exits-4 4 $?
"$NATSUIN" schema import "$dir/none" >/dev/null 2>"$dir/err"
same missing-folder-exits-4 4 $?
"$NATSUIN" schema frobnicate >/dev/null 2>&1
same wrong-usage-exits-64 64 $?

if [ -n "${NATSUIN_SAMPLES-}" ]; then
	"$NATSUIN" --json schema import "$NATSUIN_SAMPLES/schemas/etax" \
		>"$dir/nta.json"
	same nta-import-exits-0 0 $?
	same nta-bundles 30 "$(jq '.schemas | length' "$dir/nta.json")"
	same nta-remarks 5 "$(jq '.notes | length' "$dir/nta.json")"
	expect nta-list sh -c "'$NATSUIN' schema list | grep -q '^RSH0010 *23.2.0'"
else
	echo "skip $scenario/nta-schemas: NATSUIN_SAMPLES is not set"
fi
finish
