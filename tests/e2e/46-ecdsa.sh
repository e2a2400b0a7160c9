#!/usr/bin/env bash
# Keys on P-384: refused unless a format's setting allows ecdsa-sha384, then
# signed end to end from a key file; xmlsec1 accepts the outputs; RSA and
# ECDSA stand side by side.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
method=http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384
key_make tanaka "${P384[@]}"
key_make suzuki
key_make other ec -pkeyopt ec_paramgen_curve:P-256
spool_make
{
	printf 'drop "shinsei" {\n\tformat = "egov"\n'
	printf '\tsign-with = { "tanaka" }\n}\n'
	printf 'drop "both" {\n\tsign-with = { "suzuki", "tanaka" }\n}\n'
	printf 'drop "rsa" {\n\tsign-with = { "suzuki" }\n}\n'
	printf 'pool "office" {\n\tkeys = { "tanaka", "suzuki" }\n}\n'
	printf 'drop "pool" {\n\tsign-with = { "office" }\n}\n'
	printf 'drop "curve" {\n\tsign-with = { "other" }\n}\n'
	key_section suzuki 'etax-user-id = "1111111111111111"'
	key_section other 'etax-user-id = "1111111111111111"'
} >>"$conf"
mkdir -p "$spool"/in/{shinsei,both,rsa,pool,curve}

# allow FORMAT [LIST]: the section algorithms.
allow() {
	sed -i '/^algorithms {/,/^}/d' "$conf"
	printf 'algorithms {\n\t%s = { %s }\n}\n' "$1" \
		"${2-\"rsa-sha256\", \"ecdsa-sha384\"}" >>"$conf"
}
reasons() {
	report_get '[.filings[] | "\(.result) \(.reason.code)"] | unique |
		join(", ")'
}
outputs() {
	find "$spool/out" -type f | wc -l
}
signed() {
	cat "$spool"/state/keys/*.audit | grep -c '"kind": *"sign"'
}
output() {
	find "$spool/out" -name "$1"
}
xmlsec() {
	xmlsec1 --verify --id-attr:id ZZZ0010 \
		--trusted-pem "${2-$dir/ca.pem}" "$1"
}
# alone N FILE: the N-th of two signatures only.
alone() {
	perl -0777 -pe 'BEGIN { $n = shift } my $i = 0;
		s{<dsig:Signature .*?</dsig:Signature>}
		{++$i == $n ? $& : ""}gse' "$1" "$2"
}

# By default: held with the reason, and nothing is signed.
filings etax 1 2 20KB "$dir/f"
filings egov 11 1 4KB "$dir/f"
filings individual 21 1 4KB "$dir/f"
drop_file "$dir/f/00001.xtx" 1.xtx
cp -r "$dir/f/00011" "$spool/in/shinsei/999Z000000000000(1)"
run_batch
same not-allowed-exit-code 4 $?
same not-allowed-reason 'held algorithm-not-allowed' "$(reasons)"
same nothing-published 0 "$(outputs)"
same nothing-signed 0 "$(signed)"
expect report-says-what-to-set grep -q 'section algorithms of natsuin.conf' \
	"$spool/reports/$(last_batch)/report.html"
expect cert-says-so grep -q algorithm-not-allowed \
	<("$NATSUIN" --json cert tanaka 2>&1)

# Allowed for the other format only: each filing by its own setting.
allow egov
run_batch
same one-format-exit-code 3 $?
same application-published 1 "$(outputs)"
same filing-held 'algorithm-not-allowed' "$(report_get \
	'.filings[] | select(.result == "held") | .reason.code')"
same one-signed 1 "$(signed)"
zip=$(output '*.zip')
expect application-verifies "$NATSUIN" verify "$zip"
expect application-is-ecdsa grep -q "$method" \
	<(unzip -p "$zip" '*kousei.xml')

# Allowed: what was held is signed.
allow etax
run_batch
same allowed-exit-code 0 $?
one=$(output 1.xtx)
expect is-published test -f "$one"
expect xmlsec1-verifies xmlsec "$one"
expect natsuin-verifies "$NATSUIN" verify "$one"
same says-ecdsa 1 "$(grep -c "SignatureMethod Algorithm=\"$method\"" "$one")"
same says-no-rsa 0 "$(grep -c rsa-sha256 "$one")"
same digest-stays-sha256 1 \
	"$(grep -c 'DigestMethod Algorithm="[^"]*xmlenc#sha256"' "$one")"
same value-has-96-bytes 96 "$(perl -0777 -ne \
	'print $1 if m{SignatureValue>([^<]*)<}' "$one" | base64 -d | wc -c)"
without_signatures "$one" >"$dir/stripped.xtx"
expect only-the-signature-was-added cmp "$dir/f/00001.xtx" "$dir/stripped.xtx"
same record-names-the-algorithm 2 "$(grep -c \
	'"algorithm": *"ecdsa-sha384"' "$spool/state/keys/tanaka.audit")"
expect audit-chain-is-whole "$NATSUIN" audit verify

# The individually signed form, by a keyholder that was there before.
allow egov
cp -r "$dir/f/00021" "$spool/in/shinsei/individual"
"$NATSUIN" unlock tanaka >"$dir/unlock.out" 2>&1
same unlocked 0 $?
same status-tells-the-algorithm ecdsa-sha384 "$("$NATSUIN" --json status |
	jq -r '.keys[] | select(.key == "tanaka") | .algorithm')"
run_batch
same individual-exit-code 0 $?
expect individual-verifies "$NATSUIN" verify "$(output individual.zip)"
same individual-signatures 2 "$(unzip -p "$(output individual.zip)" |
	grep -o "SignatureMethod Algorithm=\"$method\"" | wc -l)"

# A pool: where P-384 is not allowed its RSA key does all.
filings etax 5 4 4KB "$dir/f"
cp "$dir"/f/0000[5-8].xtx "$spool/in/pool/"
run_batch
same pool-exit-code 0 $?
same pool-all-rsa 4 "$(cat "$spool"/out/*/0000[5-8].xtx |
	grep -o 'SignatureMethod Algorithm="[^"]*#rsa-sha256"' | wc -l)"
allow etax
filings etax 31 4 4KB "$dir/f"
cp "$dir"/f/0003[1-4].xtx "$spool/in/pool/"
run_batch
same mixed-pool-exit-code 0 $?
expect mixed-pool-verifies "$NATSUIN" verify "$spool"/out/*/0003[1-4].xtx
same mixed-pool-signatures 4 "$(cat "$spool"/out/*/0003[1-4].xtx |
	grep -o 'SignatureMethod Algorithm=' | wc -l)"
"$NATSUIN" lock tanaka >"$dir/lock.out" 2>&1
same locked 0 $?

# A changed value, and DER in place of r || s, verify nowhere.
perl -0777 -pe 's{(SignatureValue>)(.)}{$1 . ($2 eq "A" ? "B" : "A")}e' \
	"$one" >"$dir/value.xtx"
expect changed-value-is-noticed eval '! "$NATSUIN" verify "$dir/value.xtx"'
perl -MMIME::Base64 -0777 -pe 's{(SignatureValue>)([^<]*)}{
	my $raw = decode_base64($2);
	my $der = join "", map { my $n = $_; $n =~ s/^\0+//;
		$n = "\0$n" if ord $n > 127;
		"\2" . chr(length $n) . $n } unpack "a48a48", $raw;
	$1 . encode_base64("\x30" . chr(length $der) . $der, "")}e' \
	"$one" >"$dir/der.xtx"
"$NATSUIN" --json verify "$dir/der.xtx" >"$dir/out" 2>"$dir/err"
same der-is-refused signature-shape "$(jq -r '.files[0].signatures[0].problem.code' \
	"$dir/out")"

before=$(outputs)
# The same content again, by the same key, whatever the value would be.
drop_file "$dir/f/00001.xtx" again.xtx
drop_file "$one" output.xtx
run_batch
same nothing-twice 'duplicate already-signed, duplicate duplicate' "$(reasons)"
same nothing-new "$before" "$(outputs)"

# RSA and ECDSA on one filing: each by its own algorithm, both verify.
cp "$dir/f/00002.xtx" "$spool/in/both/2.xtx"
run_batch
same both-exit-code 0 $?
two=$(output 2.xtx)
same two-signatures 2 "$(grep -o '<dsig:Signature ' "$two" | wc -l)"
alone 1 "$two" >"$dir/first.xtx"
alone 2 "$two" >"$dir/second.xtx"
expect first-is-rsa grep -q '#rsa-sha256"' "$dir/first.xtx"
expect second-is-ecdsa grep -q "$method" "$dir/second.xtx"
expect first-verifies xmlsec "$dir/first.xtx"
expect second-verifies xmlsec "$dir/second.xtx"
expect both-verify "$NATSUIN" verify "$two"
without_signatures "$two" >"$dir/stripped.xtx"
expect two-only-signatures-added cmp "$dir/f/00002.xtx" "$dir/stripped.xtx"
same one-content "$(grep -o 'DigestValue>[^<]*' "$dir/first.xtx")" \
	"$(grep -o 'DigestValue>[^<]*' "$dir/second.xtx")"

# A filing that came with an ECDSA signature, where the setting is back; and
# RSA where it is not in the list.
allow etax '"rsa-sha256"'
signed=$(signed)
cp "$one" "$spool/in/rsa/with-ecdsa.xtx"
run_batch
same came-with-ecdsa 'held algorithm-not-allowed' "$(reasons)"
expect verify-takes-it-anyway "$NATSUIN" verify "$one"
allow etax '"ecdsa-sha384"'
filings etax 3 1 4KB "$dir/f"
cp "$dir/f/00003.xtx" "$spool/in/rsa/3.xtx"
run_batch
expect rsa-not-in-the-list grep -q 'suzuki: rsa-sha256, etax' \
	<(report_get '.filings[].reason.detail')
same nothing-more-signed "$signed" "$(signed)"
allow etax
run_batch
same both-allowed-exit-code 0 $?
same second-signature-beside-ecdsa 2 \
	"$(grep -o '<dsig:Signature ' "$(output with-ecdsa.xtx)" | wc -l)"

# Another curve is refused whatever is allowed.
filings etax 4 1 4KB "$dir/f"
cp "$dir/f/00004.xtx" "$spool/in/curve/4.xtx"
run_batch
same curve-exit-code 4 $?
same other-curve algorithm-not-allowed "$(report_get \
	'.filings[] | select(.input.path == "4.xtx") | .reason.code')"
finish
