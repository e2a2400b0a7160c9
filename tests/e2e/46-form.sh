#!/usr/bin/env bash
# A document whose root is an e-Tax form (format etax-form), end to end, by
# RSA and by ECDSA on P-384: signed only where the drop and the algorithm are
# set for it; one signature, inside the form, which xmlsec1 accepts.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
method=http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384
key_make tanaka "${P384[@]}"
key_make suzuki
spool_make
{
	for drop in ec:tanaka rsa:suzuki; do
		printf 'drop "%s" {\n\tsign-with = { "%s" }\n' \
			"${drop%:*}" "${drop#*:}"
		printf '\tsign-form-root = yes\n}\n'
	done
	printf 'drop "two" {\n\tsign-with = { "suzuki", "tanaka" }\n'
	printf '\tsign-form-root = yes\n}\n'
	key_section suzuki 'etax-user-id = "1111111111111111"'
} >>"$conf"
mkdir -p "$spool"/in/{ec,rsa,two}
filings form 1 5 4KB "$dir/f"

# allow FORMAT: that format may be signed by ECDSA, too.
allow() {
	sed -i '/^algorithms {/,/^}/d' "$conf"
	printf 'algorithms {\n\t%s = { "rsa-sha256", "ecdsa-sha384" }\n}\n' \
		"$1" >>"$conf"
}
reason() { # reason NAME
	report_get ".filings[] | select(.input.path == \"$1\") |
		\"\\(.result) \\(.reason.code)\""
}
output() {
	find "$spool/out" -name "$1"
}
signed() {
	cat "$spool"/state/keys/*.audit | grep -c '"kind": *"sign"'
}
xmlsec() {
	xmlsec1 --verify --id-attr:id ZZG010 --trusted-pem "$dir/ca.pem" "$1"
}
# whole NAME INPUT OUTPUT METHOD BYTES: the form has this one signature.
whole() {
	local name=$1 input=$2 out=$3
	expect "$name-xmlsec1-verifies" xmlsec "$out"
	expect "$name-natsuin-verifies" "$NATSUIN" verify "$out"
	same "$name-one-signature" 1 "$(grep -o '<dsig:Signature ' "$out" | wc -l)"
	expect "$name-method" grep -q "SignatureMethod Algorithm=\"$4\"" "$out"
	expect "$name-is-enveloped" grep -q '#enveloped-signature"' "$out"
	expect "$name-signature-is-inside" grep -qzP \
		'</dsig:Signature>\s*</ZZG010>\s*$' "$out"
	same "$name-value-bytes" "$5" "$(perl -0777 -ne \
		'print $1 if m{SignatureValue>([^<]*)<}' "$out" |
		base64 -d | wc -c)"
	without_signatures "$out" >"$dir/stripped.xml"
	expect "$name-only-the-signature-was-added" \
		cmp "$input" "$dir/stripped.xml"
}

# Not without the drop's setting; two signers never; ECDSA not by default,
# nor because another format may have it.
allow etax
cp "$dir/f/00001.xml" "$spool/in/kokuzei/1.xml"
cp "$dir/f/00002.xml" "$spool/in/ec/2.xml"
cp "$dir/f/00003.xml" "$spool/in/rsa/3.xml"
cp "$dir/f/00004.xml" "$spool/in/two/4.xml"
run_batch
same first-exit-code 3 $?
same not-configured 'failed form-root-not-configured' "$(reason 1.xml)"
same not-allowed 'held algorithm-not-allowed' "$(reason 2.xml)"
same two-signers 'failed form-root-one-signature' "$(reason 4.xml)"
same rsa-published 'published null' "$(reason 3.xml)"
same only-rsa-signed 1 "$(signed)"
whole rsa "$dir/f/00003.xml" "$(output 3.xml)" \
	http://www.w3.org/2001/04/xmldsig-more#rsa-sha256 256

allow etax-form
run_batch
same allowed-exit-code 0 $?
one=$(output 2.xml)
expect held-one-is-published test -f "$one"
whole ecdsa "$dir/f/00002.xml" "$one" "$method" 96
expect recorded-as-a-form jq -es 'any(.[]; .kind == "sign" and
	.format == "etax-form" and .algorithm == "ecdsa-sha384")' \
	"$spool/state/keys/tanaka.audit"

# Another content, or another value, verifies nowhere.
perl -0777 -pe 's{<ZZG00020>}{<ZZG00020>1}' "$one" >"$dir/changed.xml"
expect changed-form-for-xmlsec1 eval '! xmlsec "$dir/changed.xml"'
"$NATSUIN" --json verify "$dir/changed.xml" >"$dir/out" 2>"$dir/err"
same changed-form signature-digest-wrong \
	"$(jq -r '.files[0].signatures[0].problem.code' "$dir/out")"
perl -0777 -pe 's{(SignatureValue>)(.)}{$1 . ($2 eq "A" ? "B" : "A")}e' \
	"$one" >"$dir/value.xml"
expect changed-value eval '! "$NATSUIN" verify "$dir/value.xml"'

# Its own output again, the same form again, and a form that another key has
# signed: nothing more is signed.
before=$(signed)
cp "$one" "$spool/in/ec/output.xml"
cp "$dir/f/00002.xml" "$spool/in/ec/again.xml"
cp "$(output 3.xml)" "$spool/in/ec/others.xml"
run_batch
same own-output 'duplicate already-signed' "$(reason output.xml)"
same the-same-form 'duplicate duplicate' "$(reason again.xml)"
same signed-by-another 'failed form-root-one-signature' "$(reason others.xml)"
same nothing-more-signed "$before" "$(signed)"
finish
