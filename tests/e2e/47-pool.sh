#!/usr/bin/env bash
# A drop folder that names a pool: whichever key is free signs, the report
# names it, the agent's own key signs where a filing names one, nothing is
# signed by two of them, and one that stops gives its filings to the others.
. "${NATSUIN_SRC:?}/tests/lib/e2e.sh" || exit 1
for key in tanaka suzuki sato; do
	key_make "$key"
done
spool_make
sed -i 's/sign-with = .*/sign-with = { "office" }/' "$conf"
{
	key_section suzuki 'etax-user-id = "1111111111111111"'
	key_section sato 'etax-user-id = "1111111111111111"'
	printf 'pool "office" { keys = { "tanaka", "suzuki", "sato" } }\n'
	printf 'drop "named" { sign-with = { "tanaka" } }\n'
} >>"$conf"
mkdir -p "$spool/in/named"
cp "$conf" "$dir/plain.conf"

results() { # "6 published, 1 failed": of the newest batch
	report_get '[.filings[].result] | group_by(.) |
		map("\(length) \(.[0])") | join(", ")'
}
reasons() {
	report_get '[.filings[].reason.code | select(.)] | unique | join(" ")'
}
signers() {
	report_get '[.filings[] | select(.result == "published")
		.signers[].key] | unique | join(" ")'
}
# The certificate in each output is that of the key that the report names.
named_right() {
	local batch input key want got
	batch=$(last_batch)
	report_get '.filings[] | select(.result == "published") |
		"\(.output.path) \(.signers[0].key)"' >"$dir/signed"
	while read -r input key; do
		want=$(openssl x509 -in "$dir/$key.pem" -outform der |
			base64 -w0)
		got=$(perl -0777 -ne 's/\s//g, print for
			m{<dsig:X509Certificate>(.*?)</}s' "$spool/$input")
		[ "$want" = "$got" ] || return 1
	done <"$dir/signed"
	[ -s "$dir/signed" ] && [ -n "$batch" ]
}
key_set() { # key_set KEY SETTING…: replaces or adds settings of a key
	local key=$1 line
	shift
	for line in "$@"; do
		sed -i "/^key \"$key\"/,/^}/{/${line%% *} = /d
			s|^}|\t$line\n}|}" "$conf"
	done
}
# scripted KEY SCRIPT: the key becomes a scriptable one.
scripted() {
	cat "$dir/$1.key" "$dir/$1.pem" >"$dir/$1.test.pem"
	rm -f "$dir/$1.test.pin" "$spool/state/keys/$1".*
	(umask 277 && printf 'TESTPIN1\n' >"$dir/$1.test.pin")
	key_set "$1" 'backend = "test"' "file = \"$dir/$1.test.pem\"" \
		"pin-file = \"$dir/$1.test.pin\"" \
		"script = \"pin=TESTPIN1;$2\""
}

same status-names-the-pool 'office: tanaka suzuki sato' "$("$NATSUIN" status \
	--json | jq -r '.pools[0] | "\(.pool): \(.keys | join(" "))"')"
expect status-says-it grep -q '^pool office: tanaka, suzuki, sato$' \
	<<<"$("$NATSUIN" --lang en status)"

# All of them sign, none much less than another: they are slow enough for
# every one to be busy whatever else the machine does.
for key in tanaka suzuki sato; do
	scripted "$key" latency=300ms
done
drop_filings etax 1 30 4KB
run_batch
same shared-exit-code 0 $?
same shared-results "30 published" "$(results)"
same shared-by-all "sato suzuki tanaka" "$(signers)"
expect none-is-idle test "$(report_get '[.keys[].signatures] | min')" -ge 3
same counted 30 "$(report_get '[.keys[].signatures] | add')"
expect signers-are-named-right named_right

# The same content again: a duplicate, whoever signed it, though that one is
# away now; and an output dropped again is known too.
signer=$(report_get '.filings[0].signers[0].key')
input=$(report_get '.filings[0].input.path')
output=$(report_get '.filings[0].output.path')
scripted "$signer" unlock=pin-blocked
drop_file "$spool/done/$(last_batch)/$input" again.xtx
run_batch
same again-results "1 duplicate" "$(results)"
same again-reason duplicate "$(reasons)"
drop_file "$spool/$output" output.xtx
run_batch
same output-reason already-signed "$(reasons)"

# One key is away: the others sign, nothing waits, and the report says so.
drop_filings etax 101 12 4KB
run_batch
same one-away-exit-code 0 $?
same one-away-results "12 published" "$(results)"
expect one-away-not-the-signer eval '! signers | grep -qw "$signer"'
expect one-away-is-said grep -q pin-blocked \
	<<<"$(report_get ".keys[] | select(.name == \"$signer\") | .warnings")"

# A named key is never replaced: the pool's other keys could have signed.
cp "$dir/plain.conf" "$conf"
scripted tanaka unlock=pin-blocked
filings etax 201 2 4KB "$spool/in/named"
drop_filings etax 203 2 4KB
run_batch
same named-exit-code 77 $?
same named-results "2 held, 2 published" "$(results)"
same named-held-for-it tanaka "$(sqlite3 "$spool/state/natsuin.db" \
	"SELECT DISTINCT key FROM job WHERE state = 'held'")"
cp "$dir/plain.conf" "$conf"
run_batch
same named-then-exit-code 0 $?
same named-then tanaka "$(signers)"

# Two of three stop in the middle, with signatures outstanding: the third
# signs everything.
for key in tanaka suzuki; do
	scripted "$key" 'latency=20ms;sign:4+=card-removed'
done
scripted sato latency=20ms
drop_filings etax 301 40 4KB
run_batch
same stopped-exit-code 0 $?
same stopped-results "40 published" "$(results)"
same stopped-outputs 40 "$(find "$spool/out/$(last_batch)" -name '*.xtx' |
	wc -l)"
expect stopped-signers-named-right named_right
expect stopped-given-back grep -q 'pool.again' "$dir/run.log"

# All stop: held for the pool, with each key's reason; one is enough then.
for key in tanaka suzuki sato; do
	scripted "$key" 'sign:2+=pin-lost'
done
drop_filings etax 401 20 4KB
run_batch
same all-stopped-exit-code 77 $?
same all-stopped-reason pool-stopped "$(reasons)"
expect all-stopped-names-them grep -q \
	'office (tanaka: pin-lost, suzuki: pin-lost, sato: pin-lost)' \
	<<<"$(report_get '.filings[].reason.detail')"
held=$(report_get '[.filings[] | select(.result == "held")] | length')
expect all-stopped-after-a-few test "$held" -ge 14
scripted tanaka unlock=pin-blocked
scripted sato unlock=pin-blocked
scripted suzuki latency=1ms
run_batch
same one-is-enough-exit-code 0 $?
same one-is-enough "$held published" "$(results)"
same one-is-enough-signer suzuki "$(signers)"

# A form of several parts is not moved from one idle key to the other for ever.
cp "$dir/plain.conf" "$conf"
printf 'drop "forms" { format = "egov"\nsign-with = { "office" } }\n' >>"$conf"
mkdir -p "$spool/in/forms"
for key in tanaka suzuki sato; do
	scripted "$key" latency=1ms
done
forms() { # forms FIRST COUNT: individually signed ones
	filings individual "$1" "$2" 4KB "$dir/forms"
	mv "$dir/forms"/* "$spool/in/forms/"
}
bounded() {
	timeout -k 1 300 "$NATSUIN" -v run >"$dir/run.out" 2>"$dir/run.log"
}
for i in 1 2 3; do
	forms "$((440 + i))" 1
	bounded
	same "form-exit-code-$i" 0 $?
done
same form-results "1 published" "$(results)"

# A key that stops between two parts of one form: the other signs all of
# them, also what the first had signed.
for key in tanaka suzuki sato; do
	scripted "$key" 'sign:2=card-removed'
done
scripted sato latency=1ms
forms 451 3
bounded
same parts-exit-code 0 $?
same parts-results "3 published" "$(results)"
same parts-signer sato "$(signers)"

# None gets further than one part at a time, and each comes back at once: held
# in the end, not begun for ever.
for key in tanaka suzuki sato; do
	scripted "$key" 'sign:2=card-removed'
done
forms 461 1
bounded
same never-ends-exit-code 69 $?
same never-ends-results "1 held" "$(results)"
for key in tanaka suzuki sato; do
	scripted "$key" latency=1ms
done
bounded
same never-ends-but-later "1 published" "$(results)"

# The key that was chosen may not sign such a filing any more: another does.
cp "$dir/plain.conf" "$conf"
key_make naito "${P384[@]}"
sed -i 's/"suzuki", "sato"/"naito"/' "$conf"
{
	key_section naito 'etax-user-id = "1111111111111111"'
	printf 'algorithms {\netax = { "rsa-sha256", "ecdsa-sha384" }\n'
	printf 'egov = { "ecdsa-sha384" }\n}\n'
} >>"$conf"
scripted tanaka unlock=pin-blocked
scripted naito 'sign:1=pin-lost'
drop_filings etax 471 1 4KB
run_batch
same chosen-is-held "1 held" "$(results)"
same chosen-is-recorded naito "$(sqlite3 "$spool/state/natsuin.db" \
	"SELECT key FROM signature WHERE value IS NULL")"
sed -i 's/^etax = .*/etax = { "rsa-sha256" }/' "$conf"
scripted tanaka latency=1ms
scripted naito latency=1ms
run_batch
same chosen-not-allowed "1 published" "$(results)"
same chosen-not-allowed-signer tanaka "$(signers)"

# A filing that names its agent is signed by that one's key, and held for it
# alone; one that names a stranger fails.
cp "$dir/plain.conf" "$conf"
key_set suzuki 'etax-user-id = "2222222222222222"'
key_set sato 'etax-user-id = "3333333333333333"'
filings_for() { # filings_for AGENT FIRST COUNT
	"$NATSUIN_BUILD/tests/tools/filings" etax "$2" "$3" 4KB \
		"$spool/in/kokuzei" "$1"
}
filings_for 2222222222222222 501 6
run_batch
same agent-results "6 published" "$(results)"
same agent-signs suzuki "$(signers)"
expect agent-in-the-id grep -q 'Id="_2222222222222222' \
	"$spool/out/$(last_batch)/00501.xtx"
filings_for 4444444444444444 511 1
run_batch
same stranger-reason agent-id-mismatch "$(reasons)"
scripted suzuki unlock=pin-blocked
filings_for 2222222222222222 521 2
filings_for 3333333333333333 523 2
run_batch
same agent-away-results "2 held, 2 published" "$(results)"
same agent-away-reason pin-blocked "$(reasons)"
same agent-away-signer sato "$(signers)"

# Killed while it signs, with another key then: each is published once.
cp "$dir/plain.conf" "$conf"
for key in tanaka suzuki sato; do
	scripted "$key" latency=60ms
done
drop_filings etax 601 24 4KB
"$NATSUIN" -v run >"$dir/run.out" 2>"$dir/killed.log" &
batch=$!
for ((i = 0; i < 400; i++)); do
	grep -qs 'state=published' "$dir/killed.log" && break
	sleep 0.05
done
kill -KILL "$batch"
wait "$batch" 2>/dev/null
scripted tanaka unlock=pin-blocked
run_batch
same killed-exit-code 0 $?
same killed-outputs 24 "$(find "$spool/out" -name '006??.xtx' \
	-printf '%f\n' | sort | uniq -c | grep -c '^ *1 ')"
expect all-verify eval "find '$spool/out' -name '*.xtx' -print0 |
	xargs -0 '$NATSUIN' verify -q"
finish
