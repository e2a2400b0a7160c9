#!/usr/bin/env bash
# Makes the files of this folder anew, from the made-up filings that natsuin
# itself has.  The signed ones get a new throw-away key each time.
#   make tests && tests/data/make-filings.sh [BUILD]
set -euo pipefail
cd "$(dirname "$0")"
build=${1:-../../build}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
agent=1234567890123456

rm -rf etax egov
mkdir -p etax egov
"$build/tests/tools/filings" etax 7 1 1 "$tmp/etax" "$agent"
"$build/tests/tools/filings" form 7 1 1 "$tmp/form"
"$build/tests/tools/filings" egov 7 1 1 "$tmp/egov"
"$build/tests/tools/filings" individual 7 1 1 "$tmp/individual"
valid=etax/valid.xtx
cp "$tmp/etax/00007.xtx" "$valid"
cp "$tmp/form/00007.xml" etax/form-root.xml
cp -r "$tmp/egov/00007" egov/standard
cp -r "$tmp/individual/00007" egov/individual

# Odd, and good.
{
	printf '\xEF\xBB\xBF'
	sed 's/$/\r/' "$valid"
} >etax/bom-crlf.xtx
sed 's/見本商店/<![CDATA[見本]]>\&#x5546;\&#24215;<!-- ? -->/
	s/<gen:yy>8</<gen:yy ><?x y?>8</' "$valid" >etax/cdata-references.xtx

# Bad, each in one way.
printf 'This is not XML.\n' >etax/bad-not-xml.xtx
sed '1a <!DOCTYPE DATA [<!ENTITY a "b">]>' "$valid" >etax/bad-doctype.xtx
head -c 1500 "$valid" >etax/bad-truncated.xtx
sed 's/VR="1.0.0"/VR="9.9.9"/' "$valid" >etax/bad-version.xtx
sed 's/<ZZB00010>[^<]*/<ZZB00010>no number/' "$valid" >etax/bad-schema.xtx
sed 's/id="CONTENTS"/id="CATALOG"/' "$valid" >etax/bad-duplicate-id.xtx
sed 's/IDREF="ZEIMUSHO"/IDREF="NOBODY"/' "$valid" >etax/bad-idref.xtx

# Signed by another program than natsuin, and changed after that.
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$tmp/key.pem" \
	-out "$tmp/cert.pem" -days 3650 -subj '/C=JP/O=natsuin test/CN=nobody' \
	-addext keyUsage=critical,nonRepudiation 2>/dev/null
dsig=http://www.w3.org/2000/09/xmldsig#
c14n=http://www.w3.org/TR/2001/REC-xml-c14n-20010315
sed "s|^</DATA>|<dsig:Signature xmlns:dsig=\"$dsig\" \
Id=\"_${agent}20261122180000000\"><dsig:SignedInfo>\
<dsig:CanonicalizationMethod Algorithm=\"$c14n\"/><dsig:SignatureMethod \
Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/>\
<dsig:Reference URI=\"#ZZZ0010\"><dsig:Transforms><dsig:Transform \
Algorithm=\"$c14n\"/></dsig:Transforms><dsig:DigestMethod \
Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><dsig:DigestValue/>\
</dsig:Reference></dsig:SignedInfo><dsig:SignatureValue/><dsig:KeyInfo>\
<dsig:X509Data><dsig:X509Certificate/></dsig:X509Data></dsig:KeyInfo>\
</dsig:Signature></DATA>|" "$valid" >"$tmp/template.xtx"
xmlsec1 --sign --id-attr:id ZZZ0010 \
	--privkey-pem "$tmp/key.pem,$tmp/cert.pem" \
	--output etax/signed-elsewhere.xtx "$tmp/template.xtx"
sed 's/<ZZB00010>/<ZZB00010>1/' etax/signed-elsewhere.xtx \
	>etax/bad-tampered.xtx
