#!/usr/bin/env bash
# Every kind of certificate and every fault of one, in a batch: what may sign
# is signed and verified by natsuin and by xmlsec1; what may not signs nothing,
# and the report says why, with a sentence of its own in both languages.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
pki=$dir/pki
"$NATSUIN_SRC/scripts/test-pki" kinds "$pki" >"$dir/pki.log" 2>&1 || {
	cat "$dir/pki.log"
	exit 1
}

# Good ones: NAME, kind, e-Tax, e-Gov (y accepted, ? unconfirmed, - nobody
# drops such a filing), settings of the key.
good='jpki jpki-signature y y
mobile jpki-mobile-signature y ?
commercial commercial-registry y y
tax tax-accountant y ?
gid secom-g-id ? y
accredited accredited ? ?
gpki gpki y ?
lgpki lgpki y ?
guild guild y y
other other ? ?
bridge other ? -
in-good-list other ? - revocation = require
good-by-ocsp other ? - revocation = require'

# Bad ones: NAME, kind, code of the reason, part of its detail, format,
# settings of the key.
bad='juki juki certificate-juki-ended . etax
authentication jpki-authentication certificate-is-authentication . etax
expired other certificate-expired 2021-01-01 etax
not-yet other certificate-not-yet-valid . etax
usage other certificate-usage keyUsage etax
authority other certificate-is-ca . etax
wrong-ca other certificate-no-path . etax
wrong-key other certificate-path-signature . etax
bridge-policy other certificate-path-policy . etax
critical other certificate-critical-extension . etax
rsa1024 other certificate-key-too-small 1024 etax
sha1 other certificate-algorithm sha1 etax
p384 other algorithm-not-allowed ecdsa-sha384 etax
revoked-by-list other certificate-revoked since.*other.hands;.as.of.20.*/listed.crl$ etax require
suspended other certificate-suspended since.*;.as.of.20.*/listed.crl$ etax require
revoked-by-ocsp other certificate-revoked-ocsp since.*replaced.*;.as.of.20.*http etax require
stale-list other revocation-stale asked etax require
list-of-other-key other revocation-crl-other-generation asked etax require
closed closed certificate-kind-refused closed etax
etax-only etax-only certificate-format etax-only,.egov egov
egov-only egov-only certificate-format egov-only,.etax etax
pinned other certificate-not-pinned . etax'

# Three that only the configuration makes bad.
for name in closed etax-only egov-only pinned; do
	cp "$pki/guild.key" "$pki/$name.key"
	cp "$pki/guild.pem" "$pki/$name.pem"
done
cp "$pki/other.pem" "$pki/pinned.pem"
# (The kinds are told apart by the authority's name.)
for name in closed etax-only egov-only; do
	openssl req -x509 -key "$pki/authorities.key" -days 30 \
		-subj "/C=JP/O=Guild/CN=Guild $name" \
		-addext 'keyUsage=critical,keyCertSign,cRLSign' \
		-out "$pki/anchors/$name.pem" 2>>"$dir/openssl.log"
	printf '%s\n' 'keyUsage=critical,nonRepudiation' >"$dir/ext"
	openssl req -new -key "$pki/common.key" -subj "/C=JP/CN=$name" |
		openssl x509 -req -CA "$pki/anchors/$name.pem" -days 20 \
			-CAkey "$pki/authorities.key" -extfile "$dir/ext" \
			-set_serial 7 -out "$pki/$name.pem" \
			2>>"$dir/openssl.log"
done

# openssl's responder.
port=$(free_port)
responder_start "$pki/index" "$pki/ocsp.ca.pem" "$port"

# One key and one drop folder for each.
number=0
add() { # NAME FORMAT SETTINGS
	local name=$1 format=$2 settings=${3-}
	number=$((number + 1))
	if ! grep -q "^key \"$name\"" "$dir/keys"; then
		openssl pkcs12 -export -inkey "$pki/$name.key" \
			-in "$pki/$name.pem" -out "$dir/$name.p12" \
			-passout pass:x 2>>"$dir/openssl.log"
		cp "$dir/pin" "$dir/$name.pin"
		case $name in
		*ocsp) settings="$settings
	ocsp-url = \"http://127.0.0.1:$port/\"" ;;
		pinned) settings="certificate-sha256 = \"$(printf %064d 1)\"" ;;
		esac
		key_section "$name" "	etax-user-id = \"1111111111111111\"
	$settings" >>"$dir/keys"
	fi
	printf 'drop "%s" {\n\tsign-with = { "%s" }\n\tformat = "%s"\n}\n' \
		"$name.$format" "$name" "$format" >>"$dir/drops"
	mkdir -p "$spool/in/$name.$format"
	drop_one "$name" "$format" "$number"
}
drop_one() { # NAME FORMAT NUMBER
	if [ "$2" = etax ]; then
		filings etax "$3" 1 4KB "$spool/in/$1.etax"
	else
		filings egov "$3" 1 4KB "$dir/f"
		mv "$dir/f/"* "$spool/in/$1.egov/999Z$(printf %012d "$3")(1)"
	fi
}
# kind NAME FORMATS [SETTINGS]: known by the authority "Guild NAME".
kind() {
	printf 'certificate-kind "%s" {\n\tissuer = { "CN=Guild %s" }\n' \
		"$1" "${3-$1}"
	printf '\tformats = { %s }\n\t%s\n}\n' "$2" "${4-}"
}
(umask 077 && echo x >"$dir/pin")
chmod 400 "$dir/pin"
: >"$dir/keys"
: >"$dir/drops"
while read -r name _ etax egov settings; do
	[ "$etax" = - ] || add "$name" etax "$settings"
	[ "$egov" = - ] || add "$name" egov "$settings"
done <<<"$good"
while read -r name _ _ _ format settings; do
	add "$name" "$format" "${settings:+revocation = $settings}"
done <<<"$bad"
configure() { # LANGUAGE, kinds on stdin
	{
		printf 'spool {\n\troot = "%s"\n\tsettle = "200ms"\n' "$spool"
		printf '\trun-dir = "%s/run"\n}\n' "$dir"
		printf 'certificates {\n\tanchors = "%s"\n' "$pki/anchors"
		printf '\trevocation = "off"\n\tcrl = { "%s" }\n' "$pki/lists"
		printf '\trevocation-hosts = { "127.0.0.1:%s" }\n}\n' "$port"
		printf 'schemas {\n\tpath = "%s"\n}\n' "$dir/schemas"
		printf 'report {\n\tlanguage = "%s"\n}\n' "$1"
		cat - "$dir/keys" "$dir/drops"
	} >"$conf"
}
kinds() {
	kind guild 'etax, egov' CA "label = \"士業団体の証明書\"
	renewal = \"毎年4月に団体へ申し込む\""
	kind closed 'etax, egov' closed 'may-sign = no'
	kind etax-only etax
	kind egov-only egov
}
kinds | configure en
mkdir -p "$dir/run"
chmod 700 "$dir/run"
"$NATSUIN" schema import "$NATSUIN_SRC/schemas/demo" >"$dir/schema.log" 2>&1
run_batch
same exit-code 3 $?

# read_report NAME: the newest report as $dir/NAME.json and as lines.
read_report() {
	cp "$spool/reports/$(last_batch)/report.json" "$dir/$1.json"
	jq -r '.filings[] | [.drop, .result + " " + (.reason.code // ""),
		.reason.detail, .output.path] | @tsv' "$dir/$1.json" \
		>"$dir/lines"
}
# filing NAME FORMAT COLUMN
filing() {
	awk -F '\t' -v drop="$1.$2" -v column="$3" \
		'$1 == drop {print $column}' "$dir/lines"
}
result=2 detail=3 path=4
read_report en
signatures() { # NAME: in the keyholder's own record
	grep -ch '"kind": *"sign"' "$spool/state/keys/$1.audit" 2>/dev/null ||
		true
}
known() { # NAME KIND: as natsuin cert has it
	[ "$2" = other ] && return # what nothing else fits
	"$NATSUIN" --json cert "$pki/$1.pem" >"$dir/shown" 2>"$dir/err"
	same "$1-is-known" "$2" "$(jq -r .kind.name "$dir/shown")"
}
unconfirmed() { # NAME: formats
	jq -r --arg key "$1" '[.keys[] | select(.name == $key) | .warnings[] |
		select(.code == "certificate-format-unconfirmed") | .detail |
		sub(".*, "; "")] | sort | join(" ")' "$dir/en.json"
}

while read -r name kind etax egov _; do
	known "$name" "$kind"
	count=0 warned=
	for format in egov etax; do
		[ "${!format}" != - ] || continue
		count=$((count + 1))
		[ "${!format}" = y ] || warned="$warned $format"
		same "$name-signs-$format" 'published ' \
			"$(filing "$name" "$format" "$result")"
		[ "$format" = egov ] || expect "$name-verifies" xmlsec1 \
			--verify --id-attr:id ZZZ0010 --insecure \
			"$spool/$(filing "$name" "$format" "$path")"
	done
	same "$name-signatures" "$count" "$(signatures "$name")"
	same "$name-unconfirmed" "${warned# }" "$(unconfirmed "$name")"
done <<<"$good"

while read -r name kind code says format _; do
	known "$name" "$kind"
	same "$name-is-held" "held $code" "$(filing "$name" "$format" "$result")"
	expect "$name-says-what" grep -q -- "$says" \
		<<<"$(filing "$name" "$format" "$detail")"
	same "$name-signs-nothing" 0 "$(signatures "$name")"
done <<<"$bad"
same nothing-else-is-out \
	"$(jq '[.filings[] | select(.result == "published")] | length' \
		"$dir/en.json")" "$(find "$spool/out" -type f | wc -l)"
find "$spool/out" -type f -print0 >"$dir/outputs"
expect all-verify xargs -0 "$NATSUIN" verify -q <"$dir/outputs"
expect audit-chains-are-whole "$NATSUIN" audit verify

# The keyholder refuses by itself what must never sign, whoever asks it.
for name in juki authentication; do
	"$NATSUIN" --lang ja unlock "$name" >"$dir/unlock" 2>&1
	same "$name-is-not-unlocked" 4 $?
	same "$name-has-no-keyholder" 0 "$(find "$dir/run" -name "$name*" \
		-type s | wc -l)"
done
expect unlock-says-why grep -q '利用者証明用電子証明書' "$dir/unlock"

# The same in Japanese, in the next batch: every code has its own sentence.
kinds | configure ja
run_batch
same still-held 4 $?
read_report ja
same each-has-a-code-of-its-own certificate-format \
	"$(awk '{print $3}' <<<"$bad" | sort | uniq -d)"
codes=$(awk '{print $3}' <<<"$bad" | sort -u | wc -l)
for language in en ja; do
	same "sentences-differ-$language" "$codes $codes" "$(jq -r '
		[.filings[] | select(.result == "held") | .reason] |
		unique_by(.code) | "\(map(.text) | unique | length) \(
		map(.todo) | unique | length)"' "$dir/$language.json")"
done
expect japanese-is-japanese jq -e 'all(.filings[].reason;
	(.text + .todo) | test("[ぁ-ん]"))' "$dir/ja.json"
expect its-page-shows-them grep -q '住民基本台帳カード' \
	"$spool/reports/$(last_batch)/report.html"

# Every kind that signs, where its format does not take it.
narrow() { # FORMAT: all that is said about them
	kinds | sed '/^certificate-kind "guild"/,/^}/d'
	for name in jpki:JPKI commercial:Registrar tax:PSA gid:G-ID \
		accredited:DIACERT gpki:OfficialStatusCA lgpki:LGPKI \
		guild:Guild other:test; do
		printf 'certificate-kind "%s" {\n\tissuer = { "%s" }\n' \
			"${name%%:*}" "${name##*:}"
		printf '\tformats = { %s }\n}\n' "$1"
	done
}
kill "$responder"
wait "$responder" 2>/dev/null
rm -rf "${spool:?}"
mkdir -p "$spool/in"
number=200
for format in etax egov; do
	only=etax code=3
	[ "$format" = egov ] || only=egov code=4
	narrow "$only" | configure en
	tried=
	while read -r name _ etax egov _; do
		[ "$egov" != - ] || continue
		number=$((number + 1))
		mkdir -p "$spool/in/$name."{etax,egov}
		drop_one "$name" "$format" "$number"
		tried="$tried $name"
	done <<<"$good"
	run_batch
	# (The second time those that waited are taken.)
	same "narrowed-$format-exit-code" "$code" $?
	read_report narrow
	for name in $tried; do
		same "$name-not-for-$format" 'held certificate-format' \
			"$(filing "$name" "$format" "$result")"
	done
done
kinds | configure en
run_batch
same taken-after-all 0 $?
same all-of-them-published 10 "$(jq '[.filings[] |
	select(.result == "published")] | length' \
	"$spool/reports/$(last_batch)/report.json")"

# natsuin cert: the kind's rules in both languages.
card() {
	"$NATSUIN" --lang "$1" cert "$pki/$2.pem" >"$dir/shown" 2>"$dir/err"
}
card ja jpki
expect shows-kind grep -q '^署名用電子証明書(マイナンバーカード)$' "$dir/shown"
expect shows-formats grep -q '提出先 *e-Tax: 使えます, e-Gov: 使えます' \
	"$dir/shown"
expect shows-renewal grep -q '更新 .*5回目の誕生日.*3か月前' "$dir/shown"
expect shows-where-revocation-is grep -q '署名検証者にのみ公開' "$dir/shown"
card en tax
expect shows-formats-in-english grep -q \
	'filings *e-Tax: accepted, e-Gov: not confirmed' "$dir/shown"
expect shows-renewal-in-english grep -q 'renewal *The federation announces' \
	"$dir/shown"
card en juki
expect juki-tells-its-end grep -q 'the last ones ended in December 2018' \
	"$dir/shown"
card ja guild
expect configured-label grep -q '^士業団体の証明書$' "$dir/shown"
expect configured-renewal grep -q '更新 *毎年4月に団体へ申し込む' "$dir/shown"

# natsuin doctor tells before a filing is held; of folders for one format.
for name in commercial tax; do
	sed -n "/^key \"$name\"/,/^}/p" "$dir/keys"
done >"$dir/some"
mv "$dir/some" "$dir/keys"
for name in commercial.etax commercial.egov tax.egov; do
	sed -n "/^drop \"$name\"/,/^}/p" "$dir/drops"
done >"$dir/some"
printf 'drop "any" {\n\tsign-with = { "tax" }\n}\n' >>"$dir/some"
mv "$dir/some" "$dir/drops"
kind commercial etax | sed 's/Guild commercial/Registrar/' | configure en
"$NATSUIN" --json doctor >"$dir/shown" 2>"$dir/err"
same doctor-tells-formats "bad key commercial certificate-format
warning key tax certificate-format-unconfirmed" "$(jq -r '.[] |
	select(.code | startswith("certificate-format")) |
	"\(.state) \(.subject) \(.code)"' "$dir/shown")"

# Whom a kind lets be asked: the certificate names a list at a closed port.
printf '%s\n' 'keyUsage=critical,nonRepudiation' \
	'crlDistributionPoints=URI:http://127.0.0.1:1/x.crl' >"$dir/ext"
openssl req -new -key "$pki/common.key" -subj /C=JP/CN=named |
	openssl x509 -req -CA "$pki/anchors/etax-only.pem" -set_serial 8 \
		-CAkey "$pki/authorities.key" -extfile "$dir/ext" -days 20 \
		-out "$pki/named.pem" 2>>"$dir/openssl.log"
asked() { # WANTED REVOCATION
	kind etax-only etax etax-only "revocation = $2" | configure en
	sed -i "s/^\tcrl = .*//; s/hosts = .*/hosts = { \"127.0.0.1:1\" }/" \
		"$conf"
	"$NATSUIN" --json cert --check "$pki/named.pem" >"$dir/shown"
	same "kind-says-$2" "$2 $1" "$(jq -r \
		'"\(.kind.revocation_data) \(.revocation_reason)"' \
		"$dir/shown")"
	rm -rf "$spool/state/revocation"
}
asked unreachable certificate
asked unreachable crl
asked no-source ocsp
asked jpki-verifiers-only verifiers-only
finish
