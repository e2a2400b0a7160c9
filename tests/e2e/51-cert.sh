#!/usr/bin/env bash
# natsuin cert and natsuin doctor.
set -u
# shellcheck source=tests/lib/e2e.sh
. "$NATSUIN_SRC/tests/lib/e2e.sh"
spool_make

cert() {
	"$NATSUIN" --json cert "$@" >"$dir/out" 2>"$dir/err" </dev/null
}
field() {
	jq -r "$1" "$dir/out"
}
want=$(openssl x509 -in "$dir/tanaka.pem" -noout -fingerprint -sha256 |
	sed 's/.*=//; s/://g' | tr A-F a-f)

cert --remembered tanaka
same not-seen-yet-exits-77 77 $?
cert tanaka
same key-exits-0 0 $?
same key-fingerprint "$want" "$(field .certificate.sha256)"
same key-may-sign true "$(field .may_sign)"
cert
same only-key "$want" "$(field .certificate.sha256)"
drop_filings etax 1 1 20KB
run_batch
cert --remembered tanaka
same remembered "0 $want" "$? $(field .certificate.sha256)"
cert nobody
same unknown-key-exits-78 78 $?

# Files, with and without a configuration.
cert "$dir/tanaka.pem"
same pem "0 $want" "$? $(field .certificate.sha256)"
openssl x509 -in "$dir/tanaka.pem" -outform DER -out "$dir/tanaka.der"
cert "$dir/tanaka.der"
same der "0 $want" "$? $(field .certificate.sha256)"
same no-call-was-refused 0 "$(grep -c refused "$dir/err")"
NATSUIN_CONF=$dir/none.conf cert "$dir/tanaka.der"
same without-configuration "0 not-checked" "$? $(field .path)"
cert --at 2099-12-31 "$dir/tanaka.der"
same at-another-day "4 certificate-expired" "$? $(field '.problems[0].code')"
cert "$conf"
same no-certificate-exits-4 4 $?

# The JPKI profile.
"$NATSUIN_SRC/scripts/test-pki" jpki --holder '試験　太郎' "$dir/pki" hanako \
	>"$dir/pki.log" 2>&1
cp "$dir/pki/signca.pem" "$dir/anchors/"
cert "$dir/pki/hanako.sign.der"
same jpki-signature "0 jpki-signature 試験　太郎 jpki-verifiers-only" "$? $(
	field '"\(.certificate.kind) \(.certificate.holder.name) \(
		.revocation_reason)"')"
cert "$dir/pki/hanako.auth.der"
same jpki-authentication "4 certificate-is-authentication" \
	"$? $(field '.problems[0].code')"
"$NATSUIN" --lang ja cert --holder "$dir/pki/hanako.sign.der" >"$dir/out"
expect shown-in-japanese grep -q '^  氏名  *試験　太郎$' "$dir/out"
expect birth-in-era grep -q '昭和55年4月1日' "$dir/out"
expect ends-in-japanese-time grep -q '23:59:59 JST' "$dir/out"

# doctor
doctor() {
	"$NATSUIN" --json doctor >"$dir/out" 2>"$dir/err" </dev/null
}
codes() { # STATE: its codes, sorted
	jq -r "[.[] | select(.state == \"$1\") | .code] | sort | unique | join(\" \")" \
		"$dir/out"
}
chmod 700 "$spool"/*
doctor
same well-exits-0 0 $?
same well-has-nothing-bad "" "$(codes bad)"
expect sandbox-was-tried jq -e \
	'any(.[]; .subject == "sandbox" and .state == "good")' "$dir/out"
expect certificate-was-judged jq -e \
	'any(.[]; .what | startswith("certificate in order"))' "$dir/out"
chmod 755 "$spool/reports" "$spool/work"
chmod 644 "$dir/tanaka.pin"
printf 'no certificate' >"$dir/anchors/broken.pem"
doctor
same ill-exits-78 78 $?
same ill-is-told "anchor-malformed folder-not-private pin-file-mode" \
	"$(codes bad)"
expect readable-reports-are-told jq -e \
	'any(.[]; .code == "folder-world-readable")' "$dir/out"
expect each-has-advice jq -e \
	'all(.[] | select(.state != "good"); .todo != "")' "$dir/out"
same nothing-was-spent 0 "$(grep -ci 'pass-tanaka' "$dir/out" "$dir/err" |
	awk -F: '{n += $2} END {print n}')"
printf 'spool { rooot = "x" }\n' >"$conf"
doctor
same broken-configuration "78 conf-unknown-setting" "$? $(codes bad)"

# Another certificate than before: said until somebody says that it is
# registered, whether the key is another one or the same.
codes_of_key() {
	report_get '[.keys[].warnings[].code |
		select(test("changed|first-use|registration"))] | join(" ")'
}
registered() {
	"$NATSUIN" --json status | jq -r '.keys[0] | "\(.registered != null) \(
		[.certificate_notes[].code] | join(" "))"'
}
certify() { # a further certificate for tanaka's key
	openssl x509 -req -in "$dir/tanaka.csr" -CA "$dir/ca.pem" \
		-CAkey "$dir/ca.key" -days 365 -extfile "$dir/tanaka.ext" \
		-out "$dir/tanaka.pem" 2>>"$dir/openssl.log"
	openssl pkcs12 -export -inkey "$dir/tanaka.key" \
		-in "$dir/tanaka.pem" -out "$dir/tanaka.p12" \
		-passout pass:pass-tanaka
}
spool=$dir/renewed
conf=$dir/renewed.conf
export NATSUIN_CONF=$conf
rm "$dir/anchors/broken.pem"
chmod 400 "$dir/tanaka.pin"
spool_make
"$NATSUIN" cert --registered tanaka >"$dir/out" 2>&1
same nothing-seen-nothing-to-record 77 $?
drop_filings etax 91 1 4KB
run_batch
same first-use-is-said certificate-first-use "$(codes_of_key)"
same first-use-is-no-alarm 'false ' "$(registered)"
drop_filings etax 92 1 4KB
run_batch
same first-use-is-said-once '' "$(codes_of_key)"
certify
drop_filings etax 93 1 4KB
run_batch
same renewed-with-the-same-key-is-said certificate-changed "$(codes_of_key)"
same status-says-it 'false certificate-changed' "$(registered)"
"$NATSUIN" --lang ja status >"$dir/out"
expect status-says-it-in-japanese grep -q '^  !! この鍵の電子証明書が変わりました' \
	"$dir/out"
doctor
expect doctor-says-it jq -e 'any(.[]; .code == "certificate-changed")' \
	"$dir/out"
rm -f "$dir/tanaka.pin"
key_make tanaka
drop_filings etax 94 1 4KB
run_batch
drop_filings etax 95 1 4KB
run_batch
same it-is-said-again "certificate-changed published" "$(codes_of_key) $(
	report_get '.filings[0].result')"
expect it-is-above-everything-else grep -q 'class="urgent"' \
	"$spool/reports/$(last_batch)/report.html"
"$NATSUIN" --json cert --registered tanaka >"$dir/out"
same recorded "0 $(openssl x509 -in "$dir/tanaka.pem" -noout -fingerprint \
	-sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)" \
	"$? $(field .certificate_sha256)"
same then-status-is-quiet 'true ' "$(registered)"
cert --remembered tanaka
expect cert-shows-when jq -e '.registered | startswith("20")' "$dir/out"
doctor
expect doctor-knows-it jq -e 'any(.[]; .state == "good" and (.what |
	startswith("in e-Tax: recorded")))' "$dir/out"
drop_filings etax 96 1 4KB
run_batch
same then-the-report-is-quiet '' "$(codes_of_key)"
"$NATSUIN" cert --registered tanaka >/dev/null
same said-twice-is-recorded-once 1 "$(wc -l <"$spool/state/registered/tanaka")"
certify
drop_filings etax 97 1 4KB
run_batch
same the-next-renewal-is-said certificate-changed "$(codes_of_key)"

# Killed while it records: the old record or the new one, never none or half.
file=$spool/state/registered/tanaka
cp "$file" "$dir/registered.before"
hits=0
whole=0
for call in write fsync rename renameat renameat2 mkdirat; do
	for when in 1 2 3 4 5 6 7 8 9 10; do
		cp "$dir/registered.before" "$file"
		strace -f -qq -o "$dir/strace" \
			-e "inject=$call:signal=SIGKILL:when=$when" \
			"$NATSUIN" cert --registered tanaka >/dev/null 2>&1
		grep -q 'killed by SIGKILL' "$dir/strace" || break
		hits=$((hits + 1))
		case "$(wc -l <"$file") $(registered)" in
		'1 false certificate-changed' | '2 true ')
			whole=$((whole + 1)) ;;
		esac
	done
done 2>/dev/null
echo "# killed $hits times"
expect recording-was-killed test "$hits" -ge 4
same whole-after-each-kill "$hits" "$whole"
"$NATSUIN" cert --registered tanaka >/dev/null
same recorded-after-kills 'true ' "$(registered)"
echo garbage >"$spool/state/registered/tanaka"
same a-damaged-record-is-told 'false registration-unreadable' "$(registered)"
drop_filings etax 98 1 4KB
run_batch
same a-damaged-record-is-reported "0 registration-unreadable" \
	"$? $(codes_of_key)"
finish
