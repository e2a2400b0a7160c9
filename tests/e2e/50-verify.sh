#!/usr/bin/env bash
# natsuin verify: what is whole, what is not, and that it says which; and
# that a document cannot make it open anything.
set -u
# shellcheck source=tests/lib/e2e.sh
. "$NATSUIN_SRC/tests/lib/e2e.sh"
spool_make
drop_filings etax 1 2 20KB
cp "$spool/in/kokuzei/00001.xtx" "$dir/unsigned.xtx"
run_batch
good=$(find "$spool/out" -name '00001.xtx')
other=$(find "$spool/out" -name '00002.xtx')

verify() { # FILE…: $dir/out, and its exit status
	"$NATSUIN" --json verify "$@" >"$dir/out" 2>"$dir/err"
}
field() { # JQ of the first file
	jq -r ".files[0] | $1" "$dir/out"
}

verify "$good"
same good-exits-0 0 $?
same good-says-so valid "$(field .result)"
same schema-is-named ZZZ0010-1.0.0 "$(field .schema)"
same signer-is-named tanaka \
	"$(field '.signatures[0].signer.certificate.holder.name')"
same path-is-good good "$(field '.signatures[0].signer.path')"
same revocation-is-not-claimed not-checked \
	"$(field '.signatures[0].signer.revocation')"
same nothing-was-refused 0 "$(grep -c refused "$dir/err")"
"$NATSUIN" --lang ja verify "$good" >"$dir/out"
expect japanese grep -q '正しく署名されています' "$dir/out"

# The content, then the value.
perl -0777 -pe 's{(<NOZEISHA_NM[^>]*>)}{$1改}' "$good" >"$dir/content.xtx"
verify "$dir/content.xtx"
same changed-content-exits-15 15 $?
same changed-content "true false signature-digest-wrong" \
	"$(field '.signatures[0] | "\(.value_ok) \(.references_ok) \(.problem.code)"')"
perl -0777 -pe 's{(SignatureValue>\s*)(.)}{$1 . ($2 eq "A" ? "B" : "A")}e' \
	"$good" >"$dir/value.xtx"
verify "$dir/value.xtx"
same changed-value "false true signature-value-wrong" \
	"$(field '.signatures[0] | "\(.value_ok) \(.references_ok) \(.problem.code)"')"
verify "$good" "$dir/value.xtx" "$other"
same worst-of-three-exits-15 15 $?
verify "$dir/unsigned.xtx"
same unsigned-exits-13 13 $?
same unsigned unsigned "$(field .result)"
printf 'hello' >"$dir/text.xtx"
verify "$dir/text.xtx" "$dir/none.xtx"
same unreadable-exits-14 14 $?
same not-a-filing "unreadable unreadable" \
	"$(jq -r '.files | map(.result) | join(" ")' "$dir/out")"

# Signature wrapping: the signed element moved aside, another in its place.
perl -0777 -pe '
	m{(<ZZZ0010 .*</ZZZ0010>)}s or die;
	my ($signed, $forged) = ($1, $1);
	$forged =~ s{id="ZZZ0010"}{id="ZZZ0011"};
	$forged =~ s{(<NOZEISHA_NM[^>]*>)}{$1偽};
	s{\Q$signed\E}{$forged};
	s{</dsig:Signature>}{<dsig:Object>$signed</dsig:Object></dsig:Signature>};
' "$good" >"$dir/wrapped.xtx"
verify "$dir/wrapped.xtx"
same wrapped-exits-15 15 $?
same wrapped-is-not-good invalid "$(field .result)"

# What a Reference names outside the document is never opened.
printf 'secret' >"$dir/secret"
sed "s|URI=\"#ZZZ0010\"|URI=\"file://$dir/secret\"|" "$good" \
	>"$dir/outside.xtx"
sed 's|URI="#ZZZ0010"|URI="http://127.0.0.1:9/x"|' "$good" >"$dir/net.xtx"
sed 's|<DATA|<!DOCTYPE DATA SYSTEM "/etc/hostname"><DATA|' "$good" \
	>"$dir/doctype.xtx"
strace -f -e trace=%file,socket,connect -o "$dir/trace" \
	"$NATSUIN" --json verify "$dir/outside.xtx" "$dir/net.xtx" \
	"$dir/doctype.xtx" >"$dir/out" 2>"$dir/err"
same outside-exits-15 15 $?
same outside-is-not-opened 0 "$(grep -c "$dir/secret\"" "$dir/trace")"
same doctype-is-not-opened 0 "$(grep -c /etc/hostname "$dir/trace")"
same no-connection 0 "$(grep -c 'connect(' "$dir/trace")"

# Dates and anchors.
"$NATSUIN" --json verify --at 2099-01-01 "$good" >"$dir/out"
same expired-then-exits-12 12 $?
same expired-then "certificate true" \
	"$(field '"\(.result) \(.signatures[0].value_ok)"')"
"$NATSUIN" verify --at yesterday "$good" 2>"$dir/err"
same odd-date-exits-64 64 $?
mkdir "$dir/elsewhere"
openssl req -x509 -newkey rsa:2048 -nodes -subj '/CN=elsewhere' -days 9 \
	-keyout /dev/null -out "$dir/elsewhere/ca.pem" 2>/dev/null
sed "s|$dir/anchors|$dir/elsewhere|" "$conf" >"$dir/other.conf"
"$NATSUIN" -c "$dir/other.conf" --json verify "$good" >"$dir/out"
same strange-issuer-exits-12 12 $?
same strange-issuer certificate-no-path \
	"$(field '.signatures[0].signer.problems[0].code')"
sed "/^certificates/,/^}/d" "$conf" >"$dir/none.conf"
"$NATSUIN" -c "$dir/none.conf" --json verify "$good" >"$dir/out"
same without-anchors-exits-11 11 $?
same without-anchors-says-so not-checked \
	"$(field '.signatures[0].signer.path')"

# Too large to be verified in full is said, not done by half.
sed 's|^schemas {|limits {\n\tfull-verify-max = "4KB"\n}\nschemas {|' "$conf" \
	>"$dir/small.conf"
"$NATSUIN" -c "$dir/small.conf" --json verify "$good" >"$dir/out" 2>"$dir/err"
same too-large-exits-14 14 $?
same too-large verify-too-large "$(field .error.code)"

# What was not looked at is not called wrong.
sed 's|http://www.w3.org/2001/04/xmldsig-more#rsa-sha256|'\
'http://www.w3.org/2000/09/xmldsig#rsa-sha1|' "$good" >"$dir/sha1.xtx"
"$NATSUIN" verify "$dir/sha1.xtx" >"$dir/out"
same sha1-exits-11 11 $?
same sha1-is-not-checked 3 "$(grep -cE \
	'(value fits|content fits|the filing) +not checked$' "$dir/out")"
expect sha1-says-how-to-look grep -q -- 'verify --allow-legacy' "$dir/out"

if [ -n "${NATSUIN_SAMPLES-}" ]; then
	sample=$NATSUIN_SAMPLES/samples/etax
	verify "$sample/nta-test/PTE0010-signature-vector.xml"
	same agency-vector-wants-legacy signature-legacy \
		"$(field '.signatures[0].problem.code')"
	verify --allow-legacy "$sample/nta-test/PTE0010-signature-vector.xml"
	same agency-vector-exits-15 15 $?
	same agency-vector "true false true" "$(field '.signatures[0] |
		"\(.value_ok) \(.references_ok) \(.legacy)"')"
	"$NATSUIN" --lang en verify --allow-legacy \
		"$sample/nta-test/PTE0010-signature-vector.xml" >"$dir/out"
	expect agency-value-fits grep -qE 'signature value fits +yes' "$dir/out"
	expect agency-content-does-not \
		grep -qE 'signed content fits +NO' "$dir/out"
	verify "$sample/synthetic/RSH0010-signed1-zeirishi.xtx"
	same sample-is-whole "true true true" "$(field '.signatures[0] |
		"\(.value_ok) \(.references_ok) \(.covers_filing)"')"
else
	skip samples 'NATSUIN_SAMPLES is not set'
fi
finish
