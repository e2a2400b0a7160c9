#!/usr/bin/env bash
# The samples and schemas of $NATSUIN_SAMPLES: a real procedure's filing with
# NTA's own schemas, and a signature of NTA's test authority.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
if [ ! -d "${NATSUIN_SAMPLES-}/schemas/etax" ]; then
	skip all 'NATSUIN_SAMPLES is not set'
	exit 0
fi
samples=$NATSUIN_SAMPLES/samples/etax
xsd=$NATSUIN_SAMPLES/schemas/etax/shohi/RSH0010-232.xsd
spool_make
expect schemas-are-imported "$NATSUIN" schema import \
	"$NATSUIN_SAMPLES/schemas/etax"
expect bundle-is-listed sh -c "'$NATSUIN' schema list | grep -q RSH0010"

drop_file "$samples/synthetic/RSH0010-unsigned.xtx" filing.xtx
run_batch
same exit-code 0 $?
out=$(find "$spool/out" -name filing.xtx)
expect xmllint-validates xmllint --noout --nonet --schema "$xsd" "$out"
expect xmlsec1-verifies xmlsec1 --verify --id-attr:id RSH0010 \
	--trusted-pem "$dir/ca.pem" "$out"
without_signatures "$out" >"$dir/stripped.xtx"
expect only-the-signature-was-added cmp "$dir/stripped.xtx" \
	"$samples/synthetic/RSH0010-unsigned.xtx"
same schema-was-checked passed "$(report_get '.filings[0].checks.schema.state')"
same schema-version 64 "$(report_get '.filings[0].schema.sha256 // ""' |
	tr -d '\n' | wc -c)"

# A filing that somebody else has signed gets a second signature, and the
# first stays valid.
drop_file "$samples/synthetic/RSH0010-signed1-zeirishi.xtx" signed.xtx
run_batch
code=$?
if [ "$code" -eq 3 ] || [ "$code" -eq 4 ]; then
	# The same content as the filing above: signed by this key before.
	same same-content-is-a-duplicate duplicate \
		"$(report_get '.filings[0].result')"
else
	same signed-exit-code 0 "$code"
fi
mkdir -p "$spool/in/kokuzei"
key_make suzuki
sed -i 's/sign-with = { "tanaka" }/sign-with = { "suzuki" }/' "$conf"
key_section suzuki 'etax-user-id = "1111111111111111"' >>"$conf"
drop_file "$samples/synthetic/RSH0010-signed1-zeirishi.xtx" second.xtx
run_batch
same second-exit-code 0 $?
both=$(find "$spool/out" -name second.xtx)
same two-signatures 2 "$(grep -o '<dsig:Signature ' "$both" | wc -l)"
perl -0777 -pe 's{(<dsig:Signature .*?</dsig:Signature>).*?(</dsig:Signature>)}{$1}s' \
	"$both" >"$dir/first.xtx"
expect first-stays-valid xmlsec1 --verify --id-attr:id RSH0010 --insecure \
	"$dir/first.xtx"

# NTA's own test signature: its value fits, the content was masked since.
vector=$samples/nta-test/PTE0010-signature-vector.xml
"$NATSUIN" verify --json --allow-legacy "$vector" >"$dir/vector.json"
same vector-exit-code 15 $?
same vector-value true "$(jq '[.. | .value_ok? // empty][0]' "$dir/vector.json")"
same vector-reference false \
	"$(jq '[.. | .references_ok? | select(. != null)][0]' "$dir/vector.json")"
"$NATSUIN" verify --json "$vector" >"$dir/strict.json"
same vector-is-legacy false \
	"$(jq '[.. | .value_ok? | select(. != null)][0]' "$dir/strict.json")"

# What e-Gov accepted years ago: whole, but for certificates of then; and not
# whole once a byte of a signed file is another one.
for name in amendapply bulk_apply_for_api; do
	zip=$NATSUIN_SAMPLES/samples/egov/kiji/signed/$name.zip
	"$NATSUIN" verify --json "$zip" >"$dir/kiji.json"
	same "$name-exit-code" 12 $?
	same "$name-is-whole-but-expired" 'true true true' "$(jq -r '.files[0] |
		"\([.signatures[].value_ok] | all) \(
		[.signatures[].references_ok] | all) \(
		[.signatures[].signer.problems[].code] |
		contains(["certificate-expired"]))"' "$dir/kiji.json")"
	for pair in kousei.xml:構成情報 900A01020000100001_01.xml:DataRoot; do
		file=${pair%:*}
		rm -rf "$dir/kiji"
		unzip -qq "$zip" -d "$dir/kiji"
		part=${pair#*:} perl -0777 -pi -e \
			's{(<$ENV{part}.*?>[^<>\s]*)[0-9](?=[^<>]*</)}{$1x}s' \
			"$dir"/kiji/*/"$file"
		same "$name-$file-one-byte-is-changed" 1 "$(cmp -l \
			"$dir"/kiji/*/"$file" \
			<(unzip -p "$zip" "*/$file") | wc -l)"
		(cd "$dir/kiji" && zip -qr "$dir/$name-$file.zip" .)
		"$NATSUIN" verify --json "$dir/$name-$file.zip" \
			>"$dir/kiji.json"
		same "$name-$file-changed-exit-code" 15 $?
		same "$name-$file-changed" 'true false' "$(jq -r '.files[0] |
			.signatures[0] | "\(.value_ok) \(.references_ok)"' \
			"$dir/kiji.json")"
	done
done
finish
