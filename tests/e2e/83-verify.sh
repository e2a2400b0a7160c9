#!/usr/bin/env bash
# natsuin verify on what others signed: xmlsec1 signs here, and its verdict
# on the cryptography is asked of every file; then what is covered, by whom,
# at what time, and what it comes to.
set -u
# shellcheck source=tests/lib/e2e.sh
. "$NATSUIN_SRC/tests/lib/e2e.sh"
spool_make
pki=$dir/pki work=$dir/w
mkdir -p "$pki" "$work"

# Holders: one whose certificate is good, one whose has expired, one more.
stamp() { date -u -d "$1" +%Y%m%d%H%M%SZ; }
jpki() {
	"$NATSUIN_SRC/scripts/test-pki" jpki --ca-start "$(stamp '-4 years')" \
		"$@" >"$dir/pki.log" 2>&1 || cat "$dir/pki.log"
}
jpki --start "$(stamp '-300 days')" --end "$(stamp '+900 days')" \
	--holder '試験　花子' "$pki" hanako
jpki --start "$(stamp '-300 days')" --end "$(stamp '+900 days')" \
	--holder '見本　太郎' --ca "signca" "$pki" taro
last_day=$(date -u -d '-100 days' +%Y-%m-%d)
jpki --start "$(stamp '-800 days')" --end "${last_day//-/}145959Z" \
	"$pki" old
cp "$pki/signca.pem" "$dir/anchors/"

# A Signature to be made: ID, then References' URIs; "-" before one: without
# transforms.
template() {
	local id=$1 uri c14n=http://www.w3.org/TR/2001/REC-xml-c14n-20010315
	shift
	printf '<dsig:Signature xmlns:dsig="%s" Id="%s"><dsig:SignedInfo>' \
		'http://www.w3.org/2000/09/xmldsig#' "$id"
	printf '<dsig:CanonicalizationMethod Algorithm="%s"/>' $c14n
	printf '<dsig:SignatureMethod Algorithm="%s"/>' \
		'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'
	for uri; do
		printf '<dsig:Reference URI="%s">' "${uri#-}"
		[ "$uri" != "${uri#-}" ] ||
			printf '<dsig:Transforms>%s</dsig:Transforms>' \
				"<dsig:Transform Algorithm=\"$c14n\"/>"
		printf '<dsig:DigestMethod Algorithm="%s"/><dsig:DigestValue/>' \
			'http://www.w3.org/2001/04/xmlenc#sha256'
		printf '</dsig:Reference>'
	done
	printf '</dsig:SignedInfo><dsig:SignatureValue/><dsig:KeyInfo>%s' \
		'<dsig:X509Data/></dsig:KeyInfo></dsig:Signature>'
}
ids=(--id-attr:id ZZZ0010 --id-attr:ID 構成情報)
# (xmlsec1 refuses a file in which two elements of these names have one id.)
# sign_last FILE HOLDER OUT: the last Signature.
sign_last() {
	xmlsec1 --sign "${ids[@]}" --privkey-pem \
		"$pki/$2.sign.key,$pki/$2.sign.pem" --node-xpath \
		'(//*[local-name()="Signature"])[last()]' \
		--output "$3" "$1" >"$dir/xmlsec.log" 2>&1 ||
		cat "$dir/xmlsec.log"
}
# xtx HOLDER IN OUT [URI [ID]]: one more signature before </DATA>.
xtx() {
	T=$(template "${5:-_900000000000000120260315120000123}" \
		"${4:-#ZZZ0010}") perl -0777 -pe \
		's{</DATA>}{$ENV{T}</DATA>}' "$2" >"$work/unsigned"
	sign_last "$work/unsigned" "$1" "$3"
}
# change PERL IN OUT
change() {
	perl -CSD -Mutf8 -0777 -pe "$1" "$2" >"$3"
	cmp -s "$2" "$3" && echo "# nothing was changed in $3"
}
answers=0
verify() { # ARGUMENT…: $dir/out
	local code
	"$NATSUIN" --lang en --json verify "$@" >"$dir/out" 2>"$dir/err"
	code=$?
	cp "$dir/out" "$dir/answer.$((answers += 1)).json"
	return $code
}
field() {
	jq -r ".files[0] | $1" "$dir/out"
}
# is NAME WANTED JQ
is() {
	same "$1" "$2" "$(field "$3")"
}
# judge NAME STATUS FILE VALUE,REFERENCES,COVERS,PROBLEM…: ours of each filing
# signature, and xmlsec1's of the first two facts.
judge() {
	local name=$1 status=$2 file=$3 n=0 facts ours theirs
	shift 3
	verify "$file"
	same "$name-exits-$status" "$status" $?
	for facts; do
		ours=$(jq -r "[.files[0].signatures[] | select(.filing)][$n] |
			\"\(.value_ok),\(.references_ok),\(.covers_filing),\" +
			(.problem.code // \"\")" "$dir/out")
		n=$((n + 1))
		same "$name-$n" "$facts" "$ours"
		theirs=false
		(cd "$(dirname "$file")" && xmlsec1 --verify --insecure \
			"${ids[@]}" --node-xpath "(//*[local-name()='Signature'
				and not(ancestor::*[local-name()='SOZ074'])])[$n]" \
			"$file") >"$dir/xmlsec.log" 2>&1 && theirs=true
		case $ours in
		true,true,*) ours=true ;;
		*) ours=false ;;
		esac
		same "$name-$n-as-xmlsec1" "$theirs" "$ours"
	done
}

filings etax 1 1 4KB "$work"
plain=$work/00001.xtx
one=$work/one.xtx two=$work/two.xtx
xtx hanako "$plain" "$one"
xtx taro "$one" "$two" '#ZZZ0010' _900000000000000220260315120500123

# Whole, by two holders.
judge two 0 "$two" true,true,true, true,true,true,
is holders '試験　花子,見本　太郎' \
	'[.signatures[].signer.certificate.holder.name] | join(",")'
is kinds 'jpki-signature jpki-signature' \
	'[.signatures[].signer.certificate.kind] | join(" ")'
is serial-is-told "$(openssl x509 -in "$pki/hanako.sign.pem" -noout -serial |
	sed 's/.*=0*//' | tr 'A-F' 'a-f')" '.signatures[0].signer.certificate.serial'
is path-up-to-the-anchor 1 '.signatures[0].signer.path_names | length'
expect path-names-the-authority jq -e '.files[0].signatures[0].signer |
	.path == "good" and (.path_names[0] | contains("OU=JPKI"))' "$dir/out"
is jpki-is-not-for-signers jpki-verifiers-only \
	'.signatures[0].signer.revocation_reason'
is claimed-time '2026-03-15 12:00:00 JST id' \
	'.signatures[0].claimed_time | "\(.time) \(.source)"'
is reference 'filing /DATA/ZZZ0010 true' \
	'.signatures[0].references[0] | "\(.digests) \(.where) \(.ok)"'
is nothing-unexpected '/DATA/@id 0' '.signatures[0].uncovered |
	"\([.items[].where] | join(" ")) \(.unexpected)"'

# Tampered: content, a value, certificates.
change 's{(<NOZEISHA_NM[^>]*>)}{$1改}' "$two" "$work/content.xtx"
judge content 15 "$work/content.xtx" true,false,true,signature-digest-wrong \
	true,false,true,signature-digest-wrong
change 's{(.*<dsig:SignatureValue>\s*)(.)}{$1 . ($2 eq "A" ? "B" : "A")}se' "$two" \
	"$work/value.xtx"
judge value 15 "$work/value.xtx" true,true,true, \
	false,true,true,signature-value-wrong
change 's{(<dsig:X509Certificate>)([^<]*)(.*<dsig:X509Certificate>)([^<]*)}
	{$1$4$3$2}sx' "$two" "$work/swapped.xtx"
judge swapped-certificates 15 "$work/swapped.xtx" \
	false,true,true,signature-value-wrong false,true,true,signature-value-wrong
change 's{(<dsig:X509Certificate>\s*)[^<]{40}}{$1}' "$one" "$work/cut.xtx"
verify "$work/cut.xtx"
same cut-certificate-exits-15 15 $?
is cut-certificate signature-certificate-malformed \
	'.signatures[0].problem.code'
is cut-certificate-is-nobodys null '.signatures[0].signer'
# The certificate's own signature: the key is the same, its path is not.
change 's{(<dsig:X509Certificate>[^<]*)(.)(.{8}\s*</)}
	{$1 . ($2 eq "A" ? "B" : "A") . $3}sxe' "$one" "$work/forged.xtx"
judge forged-certificate 12 "$work/forged.xtx" true,true,true,
is forged-certificate-has-no-path 'bad certificate-path-signature' \
	'.signatures[0].signer | "\(.path) \(.problems[0].code)"'

# Wrapped: the signed element moved aside, another one in its place.
forged='my ($s, $r, $e) = ($1, $2, $3); my $f = $s;
	$f =~ s{id="ZZZ0010"}{id="NEW"};
	$f =~ s{(<NOZEISHA_NM[^>]*>)}{$1偽};'
change 's{(<ZZZ0010 .*</ZZZ0010>)(.*)</DATA>}{'"$forged"'
	"$f$r<x>$s</x></DATA>"}se' "$one" "$work/moved.xtx"
sed -i 's/id="NEW"/id="ZZZ0011"/' "$work/moved.xtx"
judge moved 15 "$work/moved.xtx" true,true,false,signature-wrapped
is moved-is-said-of-the-document true '.fault != null'
is moved-is-shown '/DATA/x/ZZZ0010 element' \
	'.signatures[0].references[0] | "\(.where) \(.digests)"'
expect forged-is-not-covered jq -e '[.files[0].signatures[0].uncovered.items[] |
	select(.by_format | not).where] | index("/DATA/ZZZ0010")' "$dir/out"
change 's{(<ZZZ0010 .*</ZZZ0010>)(.*)(</dsig:KeyInfo>)}{'"$forged"'
	"$f$r$e<dsig:Object>$s</dsig:Object>"}se' "$one" "$work/object.xtx"
sed -i 's/id="NEW"/id="ZZZ0011"/' "$work/object.xtx"
judge in-an-object 15 "$work/object.xtx" true,false,false,signature-wrapped
"$NATSUIN" --lang ja verify "$work/object.xtx" >"$dir/text"
expect wrapped-is-loud grep -q '署名された要素が脇に移され' "$dir/text"
change 's{(<ZZZ0010 .*</ZZZ0010>)(.*)</DATA>}{'"$forged"'
	"$f$r<x>$s</x></DATA>"}se; s/id="NEW"/id="ZZZ0010"/' "$one" \
	"$work/twice.xtx"
verify "$work/twice.xtx"
same id-twice-exits-15 15 $?
is id-twice id-duplicate '.signatures[0].problem.code'
is id-twice-names-both-places 'ZZZ0010: /DATA/ZZZ0010, /DATA/x/ZZZ0010' \
	'.signatures[0].problem.detail'
expect xmlsec1-refuses-it-too eval "! xmlsec1 --verify --insecure ${ids[*]} \
	$work/twice.xtx"

# Not all of it, and more than it.
ids+=(--id-attr:id CONTENTS --id-attr:id CATALOG)
xtx hanako "$plain" "$work/part.xtx" '#CONTENTS'
judge part 15 "$work/part.xtx" true,true,false,signature-not-covering
is part-leaves '/DATA/ZZZ0010/CATALOG' '[.signatures[0].uncovered.items[] |
	select(.kind == "element").where] | join(" ")'
xtx hanako "$plain" "$work/catalog.xtx" '#CATALOG'
verify "$work/catalog.xtx"
is forms-and-it-are-left /DATA/ZZZ0010/CONTENTS \
	'[.signatures[0].uncovered.items[] | select(.kind == "element").where] |
	join(" ")'
change 's{</DATA>}{<ZZA020>9</ZZA020>x<!-- y --> </DATA>}' "$one" \
	"$work/beside.xtx"
judge beside 15 "$work/beside.xtx" true,true,false,signature-not-covering
is beside-is-shown 'element:/DATA/ZZA020 text:/DATA/text()' \
	'[.signatures[0].uncovered.items[] | select(.by_format | not) |
	"\(.kind):\(.where)"] | join(" ")'
is beside-is-a-fault verify-wrong-shape '.fault.code'
change 's{</DATA>}{x</DATA>}' "$one" "$work/words.xtx"
judge words 14 "$work/words.xtx" true,true,true,
is words-are-a-fault 'etax-structure 1' \
	'"\(.fault.code) \(.signatures[0].uncovered.unexpected)"'
change 's{(</dsig:KeyInfo>)}{$1<dsig:Object><x>9</x></dsig:Object>}' "$one" \
	"$work/note.xtx"
judge note 10 "$work/note.xtx" true,true,true,
is note-is-shown /DATA/dsig:Signature/dsig:Object \
	'[.signatures[0].uncovered.items[] | select(.by_format | not).where] |
	join(" ")'
change 's{</DATA>}{<!-- y -->

	</DATA>}' "$one" "$work/space.xtx"
judge space 0 "$work/space.xtx" true,true,true,
change 's{<DATA }{<DATA x="1" }; s{<DATA}{<?y z?><DATA}' "$plain" \
	"$work/odd.xtx"
xtx hanako "$work/odd.xtx" "$work/odd-signed.xtx"
judge odd 10 "$work/odd-signed.xtx" true,true,true,
is odd-is-shown 'instruction:/<?y?> attribute:/DATA/@x' \
	'[.signatures[0].uncovered.items[] | select(.by_format | not) |
	"\(.kind):\(.where)"] | join(" ")'

# e-Gov: a folder by xmlsec1.
filings egov 1 1 2KB "$work/e"
form=999Z00000000000001_01.xml
folder=$work/e/00001
kousei() { # FOLDER URI…
	local f=$1/kousei.xml
	shift
	T="<署名情報>$(template 20260315120000 "$@")</署名情報>" perl -0777 -pe \
		's{(</構成情報>)}{$1$ENV{T}}' "$f" >"$f.new"
	(cd "${f%/*}" && sign_last kousei.xml.new hanako kousei.xml)
	rm "$f.new"
}
copy() {
	rm -rf "${work:?}/$1"
	mkdir -p "$work/$1"
	cp -r "$folder" "$work/$1/999Z000000000000"
	f=$work/$1/999Z000000000000
}
# xmlsec1's word on the application in $f.
xmlsec_says() {
	(cd "$f" && xmlsec1 --verify --insecure "${ids[@]}" kousei.xml) \
		>"$dir/xmlsec.log" 2>&1 && echo whole || echo broken
}
pack() { # NAME: of the copy; $work/NAME.zip
	(cd "$work/$1" && zip -qr "../$1.zip" .)
}
copy whole
kousei "$f" '#構成情報' "-$form"
verify "$f/kousei.xml"
same alone-exits-11 11 $?
is alone 'true false true signature-file-not-given' '.signatures[0] |
	"\(.value_ok) \(.references_ok) \(.covers_filing) \(.problem.code)"'
is alone-says-what-was-checked 'filing true,file false' \
	'[.signatures[0].references[] | "\(.digests) \(.checked)"] | join(",")'
pack whole
verify "$work/whole.zip"
same zip-exits-0 0 $?
is zip-by-xmlsec1 'true true true' '.signatures[0] |
	"\(.value_ok) \(.references_ok) \(.covers_filing)"'
same zip-as-xmlsec1 whole "$(xmlsec_says)"
is attachments-are-not-signed '999Z000000000000/tenpu.txt true' \
	'[.uncovered_files.items[] | "\(.where) \(.by_format)"] | join(",")'
is usual-parts-are-told '様式ID 様式バージョン STYLESHEET' \
	'[.signatures[0].uncovered.items[] | select(.kind == "element").where |
	split("/")[2] | select(. != "その他")] | join(" ")'
verify "$work/whole/999Z000000000000"
same folder-exits-0 0 $?
echo more >"$f/extra.txt"
pack whole
verify "$work/whole.zip"
same extra-file-exits-10 10 $?
is extra-file 999Z000000000000/extra.txt \
	'[.uncovered_files.items[] | select(.by_format | not).where] | join(",")'
rm "$f/extra.txt" "$work/whole.zip"
printf ' ' >>"$f/$form"
pack whole
verify "$work/whole.zip"
same form-changed-exits-15 15 $?
is form-changed "true false" '[.signatures[0].references[].ok | tostring] |
	join(" ")'
same form-changed-as-xmlsec1 broken "$(xmlsec_says)"
is form-changed-is-not-covered 1 '.uncovered_files.unexpected'
copy formless
kousei "$f" '#構成情報'
pack formless
verify "$work/formless.zip"
same form-not-referenced-exits-15 15 $?
same form-not-referenced-as-xmlsec1 whole "$(xmlsec_says)"
is form-not-referenced "signature-not-covering $form" '.signatures[0] |
	"\(.problem.code) \([.uncovered.items[] | select(.by_format | not).where] |
	join(","))"'
# Two applications, of which one is not signed.
copy pair
kousei "$f" '#構成情報' "-$form"
mv "$f" "$f(1)"
cp -r "$folder" "$f(2)"
pack pair
verify "$work/pair.zip"
same one-of-two-signed-exits-13 13 $?
is one-of-two-signed "999Z000000000000(2)/$form 999Z000000000000(2)/kousei.xml" \
	'[.uncovered_files.items[] | select(.by_format | not).where] | join(" ")'
# 構成情報 moved aside.
copy moved
kousei "$f" '#構成情報' "-$form"
change 's{(<構成情報 .*</構成情報>)(.*)(</DataRoot>)}{
	my ($s, $r, $e) = ($1, $2, $3); my $n = $s; $n =~ s/見本/偽本/;
	"$n$r<x>$s</x>$e"}se' \
	"$f/kousei.xml" "$f/kousei.new"
mv "$f/kousei.new" "$f/kousei.xml"
pack moved
verify "$work/moved.zip"
same egov-moved-exits-15 15 $?
is egov-moved id-duplicate '.signatures[0].problem.code'

# At a time.
at() { # NAME STATUS TIME FILE
	verify --at "$3" "$4"
	same "$1" "$2" $?
}
xtx old "$plain" "$work/old.xtx"
verify "$work/old.xtx"
same expired-exits-12 12 $?
is expired certificate-expired '.signatures[0].signer.problems[0].code'
at expired-was-good 0 "$(date -d '-200 days' +%Y-%m-%d)" "$work/old.xtx"
is earlier-time-is-told true '(.signatures[0].signer.checked_for |
	endswith("23:59:59 JST"))'
at before-it-began 12 "$(date -d '-900 days' +%Y-%m-%d)" "$work/old.xtx"
is not-yet certificate-not-yet-valid \
	'[.signatures[0].signer.problems[].code | select(test("not-yet"))][0]'
at its-last-day 0 "$last_day" "$work/old.xtx"
at its-last-second 0 "${last_day}T23:59:59+09:00" "$work/old.xtx"
at the-second-after 12 "${last_day}T15:00:00Z" "$work/old.xtx"
at west-of-greenwich 12 "${last_day}T10:00-05:00" "$work/old.xtx"
for bad in yesterday 2026-02-30 2026-13-01 26-03-15 2026-03-15T24:00 \
	2026-03-15T12 2026-03-15T12:00+9 '2026-03-15 ' ''; do
	"$NATSUIN" --lang en verify --at "$bad" "$one" >"$dir/text" 2>"$dir/err"
	same "no-time-$bad" "64 1" "$? $(grep -c 'no date or time' "$dir/err")"
done

# Revoked today: from now on, not for a time before.
serial=$(openssl x509 -in "$pki/hanako.sign.pem" -noout -serial | sed 's/.*=//')
"$NATSUIN_SRC/scripts/test-pki" revoke --last "$(stamp '-2 days')" \
	"$pki/signca" "$pki/list" "$serial=keyCompromise" || exit 1
configure() { # SETTING…
	sed '/^certificates {/,/^}/d' "$conf" >"$dir/other.conf"
	{
		printf 'certificates {\n\tanchors = "%s"\n' "$dir/anchors"
		printf '\t%s\n' "$@"
		printf '}\n'
	} >>"$dir/other.conf"
}
configure "crl = { \"$pki/list.crl\" }"
export NATSUIN_CONF=$dir/other.conf
verify "$two"
same not-asked-exits-0 0 $?
verify --check "$two"
same revoked-exits-12 12 $?
is only-one-is 'revoked certificate,good valid' '[.signatures[] |
	"\(.signer.revocation) \(.result)"] | join(",")'
is revoked-says-why keyCompromise '.signatures[0].signer.revoked_because'
at_before=$(date -d '-1 hour' +%Y-%m-%dT%H:%M:%S%:z)
verify --check --at "$at_before" "$one"
same revoked-later-exits-0 0 $?
is revoked-later 'good certificate-revoked-later true' \
	'.signatures[0].signer | "\(.revocation) \(.warnings[0].code) \(
	.revoked_since != "")"'
verify --check --at "$(date -d '-5 days' +%Y-%m-%d)" "$one"
is answer-was-made-later true \
	'.signatures[0].signer.revocation_answer_is_later'
"$NATSUIN" --lang en verify --check --at "$at_before" "$one" >"$dir/text"
expect revoked-later-in-words grep -q 'not revoked then, but later' "$dir/text"
verify --check --at "$(date -d '-200 days' +%Y-%m-%d)" "$work/old.xtx"
same expired-since-exits-0 0 $?
is lists-forget-the-expired expired-since \
	'.signatures[0].signer.revocation_reason'
configure "crl = { \"$pki/list.crl\" }" 'revocation = "require"'
verify --check --at "$(date -d '-200 days' +%Y-%m-%d)" "$work/old.xtx"
same not-known-is-not-enough 12 $?

# By a responder.
"$NATSUIN_SRC/scripts/test-pki" responder "$pki/signca" "$pki/responder" ||
	exit 1
port=$(free_port)
responder_start "$pki/list.index" "$pki/signca.pem" "$port"
configure "ocsp-url = \"http://127.0.0.1:$port/\"" \
	"revocation-hosts = { \"127.0.0.1:$port\" }"
verify --check "$one"
same revoked-by-ocsp-exits-12 12 $?
is revoked-by-ocsp "revoked http://127.0.0.1:$port/" \
	'.signatures[0].signer | "\(.revocation) \(.revocation_source)"'
verify --check --at "$at_before" "$one"
same ocsp-later-exits-0 0 $?
expect nothing-is-kept test ! -e "$spool/state/revocation"
kill %%

# No anchors; and others.
sed '/^certificates {/,/^}/d' "$conf" >"$dir/other.conf"
verify "$two"
same no-anchors-exits-11 11 $?
is no-anchors 'not-checked not-checked true' '.signatures[0] |
	"\(.result) \(.signer.path) \(.value_ok)"'
export NATSUIN_CONF=$conf
rm "$dir/anchors/signca.pem"
verify "$two"
same other-anchors-exits-12 12 $?
is other-anchors-say-why certificate-no-path \
	'.signatures[0].signer.problems[0].code'
cp "$pki/signca.pem" "$dir/anchors/"

# Many files: the worst decides.
echo x >"$work/text.xtx"
worst() { # STATUS FILE…
	local status=$1
	shift
	verify "$@"
	same "worst-of-$#-exits-$status" "$status $status" \
		"$? $(jq .exit_status "$dir/out")"
}
worst 10 "$one" "$work/note.xtx"
worst 12 "$one" "$work/note.xtx" "$work/old.xtx"
worst 13 "$one" "$work/old.xtx" "$plain" "$two"
worst 14 "$one" "$plain" "$work/text.xtx" "$two" "$one"
worst 15 "$work/text.xtx" "$work/value.xtx" "$plain" "$one" "$two" "$one"
"$NATSUIN" --lang en -q verify "$one" "$work/value.xtx" "$two" "$plain" \
	>"$dir/text"
same quiet-has-a-line-for-each 2 "$(wc -l <"$dir/text")"
expect quiet-says-why grep -q 'value.xtx: .*signature-value-wrong' "$dir/text"
"$NATSUIN" -q verify "$one" "$two" >"$dir/text"
same quiet-says-nothing-of-valid-ones "0 0" "$? $(wc -c <"$dir/text")"

# The text has the facts of the JSON.
"$NATSUIN" --lang en verify "$work/note.xtx" >"$dir/text"
for words in '#ZZZ0010: yes, the filing, sha256' '試験　花子' 'JPKI signature' \
	'⚠ /DATA/dsig:Signature/dsig:Object' 'signing time claimed  2026-03-15' \
	'certified verifiers only' 'OU=JPKI for digital signature'; do
	expect "text-says-$words" grep -qF -- "$words" "$dir/text"
done

# Every answer is as docs/ says, by a validator that is not ours.
cat >"$dir/validate.py" <<'END'
import json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
check = jsonschema.Draft202012Validator(schema)
for name in sys.argv[2:]:
    for fault in check.iter_errors(json.load(open(name))):
        print(name, fault.json_path, fault.message[:200])
END
/usr/bin/python3 "$dir/validate.py" "$NATSUIN_SRC/docs/verify.schema.json" \
	"$dir"/answer.*.json >"$dir/faults" 2>&1
same answers-follow-their-schema '0 ' "$? $(head -n 5 "$dir/faults")"
expect there-were-answers test "$answers" -gt 40
finish
