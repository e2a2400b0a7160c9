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

# Another certificate than in the last batch: said once, not ever after.
changed() {
	report_get '[.keys[].warnings[].code | select(. ==
		"certificate-changed")] | length'
}
spool=$dir/renewed
conf=$dir/renewed.conf
export NATSUIN_CONF=$conf
rm "$dir/anchors/broken.pem"
chmod 400 "$dir/tanaka.pin"
spool_make
drop_filings etax 91 1 4KB
run_batch
same first-certificate 0 "$(changed)"
rm -f "$dir/tanaka.pin"
key_make tanaka
drop_filings etax 92 1 4KB
run_batch
same renewed-is-said 1 "$(changed)"
drop_filings etax 93 1 4KB
run_batch
same renewed-is-said-once "0 1 published" "$(changed) $(report_get \
	'"\(.filings | length) \(.filings[0].result)"')"
finish
