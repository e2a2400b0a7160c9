#!/usr/bin/env bash
# Revocation: a real responder, lists, and what can go wrong with them; a
# certificate that is revoked while its batch runs.
set -u
# shellcheck source=tests/lib/e2e.sh
. "$NATSUIN_SRC/tests/lib/e2e.sh"
spool_make
pki=$dir/pki
mkdir -p "$pki/lists"
cp "$dir/ca.pem" "$dir/ca.key" "$pki/"
cp "$dir/tanaka.pem" "$pki/leaf.pem"
serial=$(openssl x509 -in "$pki/leaf.pem" -noout -serial | sed 's/.*=//')

pki() {
	"$NATSUIN_SRC/scripts/test-pki" "$@" >"$dir/pki.log" 2>&1 ||
		cat "$dir/pki.log"
}
# revoke REASON: in the list and in the responder's database, from now on.
revoke() {
	pki revoke "$pki/ca" "$pki/lists/ca" "$serial=$1"
	mv "$pki/lists/ca.index" "$pki/index"
}
# The same name with another key: another generation, and a stranger.
authority() { # NAME SUBJECT
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "$2" \
		-addext 'keyUsage=critical,keyCertSign,cRLSign,digitalSignature' \
		-addext 'extendedKeyUsage=OCSPSigning' \
		-keyout "$pki/$1.key" -out "$pki/$1.pem" 2>/dev/null
}
pki responder "$pki/ca" "$pki/responder"
authority stranger '/CN=natsuin test stranger'
authority second '/C=JP/O=natsuin test/CN=natsuin test CA'
cp "$pki/second.pem" "$dir/anchors/"
yesterday=$(date -u -d '-1 day' +%Y%m%d%H%M%SZ)
pki revoke --last 20200101000000Z --next "$yesterday" "$pki/ca" \
	"$pki/lists/stale" "$serial=keyCompromise"
pki revoke "$pki/second" "$pki/lists/second" "$serial=good"
pki revoke "$pki/stranger" "$pki/lists/stranger" "$serial=good"
pki revoke --delta "$pki/ca" "$pki/lists/delta" "$serial=good"
pki revoke --indirect "$pki/ca" "$pki/lists/indirect" "$serial=good"
pki revoke --idp http://x/part "$pki/ca" "$pki/lists/part" "$serial=good"
pki revoke "$pki/ca" "$pki/lists/held" "$serial=certificateHold"
pki revoke "$pki/ca" "$pki/lists/revoked" "$serial=keyCompromise"
revoke good

python3 "$NATSUIN_SRC/tests/lib/revserver.py" "$pki" &
until_there test -s "$pki/port"
port=$(cat "$pki/port")
host=127.0.0.1:$port
url=http://$host hosts=\"$host\"

# configure POLICY SETTINGS…
configure() {
	local policy=$1
	shift
	sed -i '/^certificates {/,/^}/d' "$conf"
	{
		printf 'certificates {\n\tanchors = "%s"\n' "$dir/anchors"
		printf '\trevocation = "%s"\n' "$policy"
		printf '\t%s\n' "$@" 'fetch-max = "1MB"'
		printf '}\n'
	} >>"$conf"
}
field() {
	jq -r "$1" "$dir/out"
}
# ask NAME WANTED SETTINGS…: what cert --check says with "prefer"; an answer
# that is not "good" must not sign with "require".
ask() {
	local name=$1 wanted=$2 code
	shift 2
	configure prefer "revocation-hosts = { $hosts }" "$@"
	"$NATSUIN" --json cert --check tanaka >"$dir/out" 2>"$dir/err"
	code=$?
	same "$name" "$wanted" "$code $(field .revocation) $(
		field .revocation_reason)"
	[ "${wanted#0 good}" = "$wanted" ] || return 0
	configure require "revocation-hosts = { $hosts }" "$@"
	"$NATSUIN" --json cert --check tanaka >"$dir/out" 2>"$dir/err"
	same "$name-required" "4 false" "$? $(field .may_sign)"
}
forget() {
	rm -rf "$spool/state/revocation"
}
ocsp() {
	forget
	ask "ocsp-$1" "$2" "ocsp-url = \"$url/$3\"" "${@:4}"
}
list() {
	forget
	ask "list-$1" "$2" "crl = { \"$url/$3\" }" "${@:4}"
}

ocsp good '0 good ' ocsp
same source-is-told "ocsp $url/ocsp" \
	"$(field '"\(.revocation_kind) \(.revocation_source)"')"
expect produced-and-until-are-told jq -e '.revocation_produced != "" and
	.revocation_good_until != ""' "$dir/out"
ocsp by-the-issuer '0 good ' issuer
ocsp without-nonce '0 good ' nononce
same without-nonce-is-noted nonce-missing "$(field .revocation_note)"
ocsp nonce-demanded '0 not-checked nonce-missing' nononce \
	'ocsp-nonce-required = yes'
ocsp wrong-nonce '0 not-checked nonce-wrong' replay
ocsp wrong-signer '0 not-checked wrong-signer' stranger
ocsp no-answer-at-all '0 not-checked malformed' broken
ocsp huge '0 not-checked too-big' huge
ocsp redirected-away '0 not-checked host-not-allowed' away
SECONDS=0
ocsp slow '0 not-checked timeout' slow 'fetch-timeout = "1s"'
expect slow-ends-in-time test "$SECONDS" -lt 60
forget
ask host-not-allowed '0 not-checked host-not-allowed' \
	'ocsp-url = "http://localhost:9/"'
ask user-in-url '0 not-checked url-refused' \
	"ocsp-url = \"http://me:secret@$host/ocsp\""
ask file-url '0 not-checked url-refused' \
	"crl = { \"file://$pki/lists/ca.crl\" }"
configure prefer "ocsp-url = \"$url/ocsp\""
"$NATSUIN" --json cert --check tanaka >"$dir/out"
same no-hosts-no-fetch 'not-checked no-hosts' \
	"$(field '"\(.revocation) \(.revocation_reason)"')"

list good '0 good ' lists/ca.crl
list redirected-near '0 good ' near
list redirected-for-ever '0 not-checked fetch-failed' loop
list not-there '0 not-checked http-status' lists/none.crl
list stale '0 not-checked stale' lists/stale.crl
list other-generation '0 not-checked crl-other-generation' lists/second.crl
list other-issuer '0 not-checked crl-other-issuer' lists/stranger.crl
list delta '0 not-checked crl-delta' lists/delta.crl
list indirect '0 not-checked crl-indirect' lists/indirect.crl
list other-part '0 not-checked crl-other-point' lists/part.crl
list too-old '0 not-checked stale' lists/ca.crl 'revocation-max-age = "1s"'
list revoked '4 revoked ' lists/revoked.crl
same revoked-has-its-code certificate-revoked "$(field '.problems[0].code')"
same reason-is-told keyCompromise "$(field .revoked_because)"
list suspended '4 suspended ' lists/held.crl
same suspended-has-its-code certificate-suspended \
	"$(field '.problems[0].code')"
ask revoked-is-remembered '4 suspended ' "crl = { \"$url/none\" }"
forget
mkdir "$dir/folder"
cp "$pki/lists/stale.crl" "$pki/lists/second.crl" "$pki/lists/ca.crl" \
	"$dir/folder/"
ask folder '0 good ' "crl = { \"$dir/folder\" }"
same folder-names-the-list "$dir/folder/ca.crl" "$(field .revocation_source)"
openssl crl -inform DER -in "$pki/lists/revoked.crl" -out "$dir/folder/r.pem"
ask folder-with-one-that-revokes '4 revoked ' "crl = { \"$dir/folder\" }"
forget
ask no-list '0 not-checked file-unreadable' "crl = { \"$dir/none.crl\" }"

# By LDAP.
python3 "$NATSUIN_SRC/tests/lib/ldapserver.py" "$pki" "$pki/lists/revoked.crl" &
until_there test -s "$pki/ldap.port"
forget
hosts=\"127.0.0.1:$(cat "$pki/ldap.port")\"
ldap=${hosts//\"/}
ask ldap '4 revoked ' \
	"crl = { \"ldap://$ldap/cn=ca?certificateRevocationList;binary\" }"
same ldap-reason keyCompromise "$(field .revoked_because)"
hosts=\"$host\"

# Offline: what was fetched serves within its life.
list kept '0 good ' lists/ca.crl
mv "$pki/lists/ca.crl" "$pki/lists/away.crl"
ask offline '0 good ' "crl = { \"$url/lists/ca.crl\" }"
same offline-is-told true "$(field .revocation_earlier_answer)"
ask offline-only-within-its-life '0 not-checked http-status' \
	"crl = { \"$url/lists/ca.crl\" }" 'revocation-max-age = "1s"'
mv "$pki/lists/away.crl" "$pki/lists/ca.crl"
same cache-is-private 700 "$(stat -c %a "$spool/state/revocation")"

# openssl's own responder, as a server; and then no server.
forget
free=$(free_port)
responder_start "$pki/index" "$pki/ca.pem" "$free"
hosts=\"127.0.0.1:$free\"
ask openssl-responder '0 good ' "ocsp-url = \"http://127.0.0.1:$free/\""
kill "$responder"
wait "$responder" 2>/dev/null
forget
ask server-down '0 not-checked unreachable' \
	"ocsp-url = \"http://127.0.0.1:$free/\""

# https counts only from whom the system, or fetch-ca-file, trusts, and only
# from the host that is named.
tls_ca() { # NAME: an authority of its own, $pki/NAME.pem
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 \
		-subj "/CN=natsuin test $1" -keyout "$pki/$1.key" \
		-addext 'keyUsage=critical,keyCertSign' \
		-out "$pki/$1.pem" 2>/dev/null
}
tls_cert() { # NAME SUBJECTALTNAME
	printf 'subjectAltName=%s\n' "$2" >"$pki/$1.ext"
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" \
		-keyout "$pki/$1.key" -out "$pki/$1.csr" 2>/dev/null
	openssl x509 -req -in "$pki/$1.csr" -CA "$pki/tlsca.pem" \
		-CAkey "$pki/tlsca.key" -set_serial 5 -days 20 \
		-extfile "$pki/$1.ext" -out "$pki/$1.pem" 2>/dev/null
}
tls_server() { # NAME: serves the lists; $tls is its host:port
	local free
	free=$(free_port)
	(cd "$pki/lists" && exec openssl s_server -accept "127.0.0.1:$free" \
		-WWW -cert "$pki/$1.pem" -key "$pki/$1.key") \
		>"$dir/tls.$1.log" 2>&1 &
	until_there grep -q ACCEPT "$dir/tls.$1.log"
	tls=127.0.0.1:$free
	hosts=\"$tls\"
	list=https://$tls/ca.crl
	forget
}
tls_ca tlsca
tls_ca other
tls_cert server IP:127.0.0.1
tls_cert elsewhere DNS:crl.example.jp
tls_server server
ask https-by-nobody '0 not-checked tls-untrusted' "crl = { \"$list\" }"
ask https-by-another '0 not-checked tls-untrusted' "crl = { \"$list\" }" \
	"fetch-ca-file = \"$pki/other.pem\""
ask https-without-its-ca-file '0 not-checked fetch-failed' \
	"crl = { \"$list\" }" "fetch-ca-file = \"$pki/none.pem\""
ask https-of-our-own '0 good ' "crl = { \"$list\" }" \
	"fetch-ca-file = \"$pki/tlsca.pem\""
same https-is-the-source "$list" "$(field .revocation_source)"
tls_server elsewhere
ask https-of-another-host '0 not-checked tls-untrusted' \
	"crl = { \"$list\" }" "fetch-ca-file = \"$pki/tlsca.pem\""
hosts=\"$host\"

# libcurl is in the fetcher alone; where it is not installed, that is said.
expect libcurl-is-the-fetchers eval '! ldd "$NATSUIN" | grep -q libcurl'
curl=$(ldconfig -p | sed -n '/libcurl\.so\.4 /{s/.*=> //p;q}')
if unshare -m true 2>/dev/null; then
	without_curl() {
		unshare -m sh -c 'mount --bind /dev/null "$1" && shift &&
			exec "$@"' sh "$(realpath "$curl")" "$natsuin" "$@"
	}
	natsuin=$NATSUIN NATSUIN=without_curl
	ask libcurl-missing '0 not-checked library-missing' \
		"crl = { \"$url/ca.crl\" }"
	NATSUIN=$natsuin
else
	skip libcurl-missing 'no mount namespace (root only)'
fi

# Batches.
check() {
	report_get ".filings[0].$1"
}
asked_ocsp=("revocation-hosts = { \"$host\" }" "ocsp-url = \"$url/ocsp\"")
forget
configure require "${asked_ocsp[@]}"
drop_filings etax 1 3 20KB
run_batch
same good-is-signed 0 $?
same good-is-reported "passed $url/ocsp ocsp" "$(check 'checks.revocation.state') $(
	check revocation.source) $(check revocation.kind)"
shown() { # PATTERN: on the newest batch's page, as people read it
	sed 's/<[^>]*>//g' "$spool/reports/$(last_batch)/report.html" |
		grep -qE "$1"
}
stamp='[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} JST'
expect good-is-shown-to-people shown \
	"not revoked \\(OCSP $url/ocsp, as of $stamp, good until $stamp"
expect record-follows-its-schema "$NATSUIN_BUILD/tests/tools/jsonschema" \
	"$NATSUIN_SRC/docs/report.schema.json" \
	"$spool/reports/$(last_batch)/report.json"
"$NATSUIN" --json cert --remembered tanaka >"$dir/out"
same cert-knows-it good "$(field .revocation)"
"$NATSUIN" --json doctor >"$dir/out" 2>/dev/null
expect doctor-asks jq -e 'any(.[]; .what | startswith("not revoked (OCSP"))' \
	"$dir/out"

configure prefer "${asked_ocsp[0]}" "ocsp-url = \"$url/replay\""
forget
drop_filings etax 11 1 20KB
run_batch
same wrong-nonce-is-signed-if-preferred 0 $?
same wrong-nonce-is-reported 'not-checked revocation-nonce-wrong' \
	"$(check checks.revocation.state) $(check checks.revocation.code)"
configure require "${asked_ocsp[0]}" "ocsp-url = \"$url/replay\""
drop_filings etax 12 1 20KB
run_batch
same wrong-nonce-is-held-if-required 4 $?
same required-has-its-code revocation-nonce-wrong \
	"$(check reason.code)"
expect nothing-was-signed-for-it bash -c "! grep -q key.asked '$dir/run.log'"
configure require "${asked_ocsp[@]}"
run_batch
same then-it-is-signed "0 published" "$? $(check result)"

# Each way in which a network fails: by policy signed or held, soon, and told
# in the report with its address.
next=50
of_filing() { # of_filing NUMBER JQ: of the newest batch's record
	report_get ".filings[] | select(.input.path == \"000$1.xtx\") | $2"
}
fails() { # fails NAME REASON URL SETTINGS…
	local name=$1 reason=$2 address=$3 page
	shift 3
	for policy in prefer require; do
		configure "$policy" "revocation-hosts = { $hosts }" \
			"ocsp-url = \"$address\"" "$@"
		forget
		next=$((next + 1))
		drop_filings etax "$next" 1 4KB
		SECONDS=0
		run_batch
		code=$?
		expect "$name-$policy-ends-in-time" test "$SECONDS" -lt 60
		page=$spool/reports/$(last_batch)/report.html
		sed 's/<[^>]*>//g' "$page" >"$dir/page"
		expect "$name-$policy-is-on-the-page" grep -qF "$address" \
			"$dir/page"
		if [ "$policy" = prefer ]; then
			same "$name-is-signed-if-preferred" "0 published" \
				"$code $(of_filing "$next" .result)"
			same "$name-is-reported" "not-checked revocation-$reason" \
				"$(of_filing "$next" '.checks.revocation |
					"\(.state) \(.code)"')"
		else
			same "$name-is-held-if-required" \
				"4 held revocation-$reason" \
				"$code $(of_filing "$next" '"\(.result) \(
					.reason.code)"')"
			expect "$name-signs-nothing" bash -c \
				"! grep -q key.asked '$dir/run.log'"
		fi
	done
	# What was held is signed once somebody answers.
	configure require "${asked_ocsp[@]}"
	run_batch
	same "$name-then-signs" "0 published" \
		"$? $(of_filing "$next" .result)"
}
fails slow timeout "$url/slow" 'fetch-timeout = "1s"'
fails strange wrong-signer "$url/stranger"
fails vast too-big "$url/huge"
fails astray host-not-allowed "$url/away"
hosts=\"127.0.0.1:$free\"
fails silent unreachable "http://127.0.0.1:$free/"
hosts=\"$host\"

# Revoked before the first signature.
revoke keyCompromise
forget
drop_filings etax 21 2 20KB
run_batch
same revoked-is-held 4 $?
same revoked-is-the-reason certificate-revoked-ocsp "$(check reason.code)"
expect revoked-signs-nothing bash -c "! grep -q key.asked '$dir/run.log'"
expect revoked-by-ocsp-is-shown shown \
	"invalid since $stamp, .*; as of $stamp; asked at $url/ocsp"
expect revoked-by-ocsp-has-its-sentence shown "OCSP responder, asked about"
run_batch
same revoked-stays-held "4 held" "$? $(check result)"

# Revoked while the batch runs: signed while the responder is silent, so that
# nothing waits for it but the names.
revoke good
forget
configure prefer "${asked_ocsp[@]}" 'revocation-wait = "0s"' \
	'fetch-timeout = "10m"'
touch "$pki/hold"
drop_filings etax 31 3 20KB
"$NATSUIN" -v run >"$dir/run.out" 2>"$dir/run.log" &
batch=$!
built() {
	[ "$(grep -c 'state=built.*0003[123]' "$dir/run.log")" = 3 ]
}
expect signed-while-nobody-answers until_there built
before=$(find "$spool/out" -type f | wc -l)
revoke keyCompromise
rm "$pki/hold"
wait "$batch"
same revoked-in-mid-batch-is-held 4 $?
same none-was-published "$before" "$(find "$spool/out" -type f | wc -l)"
same held-for-it certificate-revoked-ocsp "$(check reason.code)"
run_batch
same next-run-publishes-none "4 $before" \
	"$? $(find "$spool/out" -type f | wc -l)"

# Nor does one that cannot reach the key.
mv "$dir/tanaka.pin" "$dir/tanaka.away"
run_batch
same without-the-key-none-either "$before" \
	"$(find "$spool/out" -type f | wc -l)"
mv "$dir/tanaka.away" "$dir/tanaka.pin"

# A list that is exchanged while natsuin watches.
revoke good
forget
cp "$pki/lists/ca.crl" "$dir/list.crl"
configure require "crl = { \"$dir/list.crl\" }" 'revocation-refresh = "1s"'
"$NATSUIN" -v watch >"$dir/run.out" 2>"$dir/run.log" &
watch=$!
drop_filings etax 41 1 20KB
is_published() {
	grep -q 'state=published.*00041' "$dir/run.log"
}
expect watch-publishes until_there is_published
cp "$pki/lists/revoked.crl" "$dir/new.crl"
mv "$dir/new.crl" "$dir/list.crl"
expect exchanged-list-stops-the-key until_there \
	grep -q 'key.stopped.*certificate-revoked' "$dir/run.log"
drop_filings etax 42 1 20KB
expect then-it-is-held until_there \
	grep -q 'state=held.*certificate-revoked.*00042' "$dir/run.log"
kill "$watch"
wait "$watch"
same watch-published-one 00041.xtx "$(find "$spool/out" -name '0004[12]*' \
	-printf '%f\n')"
same no-call-was-refused 0 "$(grep -c sandbox.refused "$dir/run.log")"

# Expired while the batch runs: signed with a certificate that still was good,
# and the names wait for the responder until it is not.  A slow machine gets
# more time to sign.
rm -rf "${spool:?}"
mkdir -p "$spool/in/kokuzei"
configure prefer "${asked_ocsp[@]}" 'revocation-wait = "0s"' \
	'fetch-timeout = "10m"'
number=60
signed() {
	! kill -0 "$batch" 2>/dev/null ||
		[ "$(grep -c "state=built.*000$number" "$dir/run.log")" = 1 ]
}
for seconds in 8 25 80; do
	number=$((number + 1))
	expires=$((EPOCHSECONDS + seconds))
	key_until tanaka "$(date -u -d "@$expires" +%Y%m%d%H%M%SZ)"
	serial=$(openssl x509 -in "$dir/tanaka.pem" -noout -serial |
		sed 's/.*=//')
	revoke good
	forget
	touch "$pki/hold"
	drop_filings etax "$number" 1 4KB
	"$NATSUIN" -v run >"$dir/run.out" 2>"$dir/run.log" &
	batch=$!
	until_there signed
	[ "$EPOCHSECONDS" -ge "$expires" ] || break
	rm -f "$pki/hold"
	wait "$batch"
done
expect signed-before-its-end grep -q "state=built.*000$number" "$dir/run.log"
is_over() {
	[ "$EPOCHSECONDS" -gt "$expires" ]
}
expect its-end-has-come until_there is_over
same nothing-is-out-before 0 "$(find "$spool/out" -type f | wc -l)"
rm -f "$pki/hold"
wait "$batch"
same expired-in-mid-batch-is-held "4 held certificate-expired" \
	"$? $(of_filing "$number" '"\(.result) \(.reason.code)"')"
same what-it-signed-is-not-published 0 "$(find "$spool/out" -type f | wc -l)"
finish
