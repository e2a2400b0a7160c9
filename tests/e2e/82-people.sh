#!/usr/bin/env bash
# Whose certificate signs: the rules signer-must-match and signer-mismatch of
# a drop folder with real batches, and sign-with = "by-agent-id".
. "${NATSUIN_SRC:?}/tests/lib/e2e.sh" || exit 1

# person KEY [test-pki options]: a key of a holder as My Number cards have it.
person() {
	local name=$1
	shift
	"$NATSUIN_SRC/scripts/test-pki" jpki "$@" "$dir/pki" "$name" &&
		openssl pkcs12 -export -inkey "$dir/pki/$name.sign.key" \
			-in "$dir/pki/$name.sign.pem" -out "$dir/$name.p12" \
			-passout "pass:pass-$name" || return 1
	(umask 277 && printf 'pass-%s\n' "$name" >"$dir/$name.pin")
	chmod 600 "$dir/$name.p12"
	mkdir -p "$dir/anchors"
	cp "$dir/pki/signca.pem" "$dir/anchors/"
}
person tanaka --holder '髙橋　太郎' >"$dir/pki.log" 2>&1 || exit 1
person suzuki --holder '鈴木　一郎' >>"$dir/pki.log" 2>&1 || exit 1
spool_make 'signer-must-match = "accountant"'
key_section suzuki 'etax-user-id = "2222222222222222"' >>"$conf"
sed -i 's/^}$/&/; s/language = "en"/&\n\tformats = { "html", "csv", "json" }/' \
	"$conf"
cp "$conf" "$dir/plain.conf"

must() { # must RULE [MISMATCH]: of the drop folder
	sed "s/signer-must-match = .*/signer-must-match = \"$1\"\n\
		signer-mismatch = \"${2:-refuse}\"/" "$dir/plain.conf" >"$conf"
}
number=0
# named ACCOUNTANT TAXPAYER [AGENT-ID [REPRESENTATIVE]]: one filing that names
# these people.
named() {
	local behind=${4:+<DAIHYO_NM ID=\"DAIHYO_NM\">$4</DAIHYO_NM>}
	number=$((number + 1))
	"$NATSUIN_BUILD/tests/tools/filings" etax "$number" 1 4KB \
		"$dir/made" "${3:-1111111111111111}"
	sed -i "s|<DAIRI_NM \(.*\)>[^<]*<|<DAIRI_NM \1>$1<|
		s|<NOZEISHA_NM \(.*\)>[^<]*<|<NOZEISHA_NM \1>$2<|
		s|</NOZEISHA_NM>|&$behind|" "$dir/made"/*.xtx
	mv "$dir/made"/*.xtx "$spool/in/kokuzei/"
}
discard() { # the only filing of the newest batch
	"$NATSUIN" queue discard "$(report_get '.filings[].job')" >/dev/null
}
result() { # of the only filing of the newest batch
	report_get '.filings[] | "\(.result) \(.reason.code // "-") \(
		.people.verdict // "-") \([.warnings[].code |
		select(startswith("signer-"))] | join(" "))"'
}
signed() { # signatures that were ever asked for
	sqlite3 "$spool/state/natsuin.db" 'SELECT count(*) FROM signature'
}

# The accountant's own card, his name in the other form: signed, and said.
named '高橋 太郎' '見本 一郎'
run_batch
same variant-exit-code 0 $?
same variant 'published - variant ' "$(result)"
same variant-how '高/髙' "$(report_get '.filings[].people.differences')"
same variant-people 'accountant 高橋 太郎 髙橋　太郎 tanaka' "$(report_get \
	'.filings[].people | "\(.must) \(.name) \(.holder) \(.key)"')"
page=$spool/reports/$(last_batch)/report.html
expect variant-on-the-page grep -q \
	'the same name, written in another way (高/髙)' "$page"
expect variant-in-the-sheet grep -q 'written in another way' \
	"$spool/reports/$(last_batch)/report.csv"

# The wrong person's: nothing is signed, the filing waits.
named '鈴木　一郎' '見本 一郎'
before=$(signed)
run_batch
same wrong-exit-code 4 $?
same wrong 'held signer-mismatch different ' "$(result)"
same wrong-signs-nothing "$before" "$(signed)"
same wrong-key-made-only-one 1 "$(jq -r .kind "$spool/state/keys/\
tanaka.audit" | grep -cx sign)"
expect wrong-names-both grep -q '鈴木.*一郎 / 髙橋.*太郎' \
	<<<"$(report_get '.filings[].reason.detail')"
expect wrong-says-what-to-do grep -q 'wrong card' \
	<<<"$(report_get '.filings[].reason.todo')"
expect no-name-in-the-log eval '! grep -q "鈴木\|髙橋\|高橋" "$dir/run.log"'

# The right card for it: taken up by itself.
sed 's/sign-with = .*/sign-with = { "suzuki" }/;
	s/2222222222222222/1111111111111111/' "$dir/plain.conf" >"$conf"
run_batch
same right-exit-code 0 $?
same right 'published - same ' "$(result)"

# The folder only warns.
must accountant warn
named '鈴木　一郎' '見本 一郎'
run_batch
same warn-exit-code 0 $?
same warn 'published - different signer-differs' "$(result)"

# What cannot be compared is signed, with a remark of its own; so is a filing
# without a name.
must accountant
named 'TARO TAKAHASHI' '見本 一郎'
run_batch
same unclear 'published - unclear signer-unclear' "$(result)"
same unclear-why script "$(report_get '.filings[].people.reason')"
named '　' '見本 一郎'
run_batch
same none 'published - none signer-name-missing' "$(result)"
named '税理士法人あおば　税理士　高橋太郎' '見本 一郎'
run_batch
same within-a-firm 'published - variant ' "$(result)"

# The taxpayer signs himself; a firm's representative.
must taxpayer
named '鈴木　一郎' '高橋太郎'
run_batch
same taxpayer 'published - variant ' "$(result)"
named '髙橋　太郎' '鈴木　一郎'
run_batch
same taxpayer-wrong 'held signer-mismatch different ' "$(result)"
must none
run_batch
same rule-taken-back 'published - - ' "$(result)"
must taxpayer
named '鈴木　一郎' '株式会社見本'
run_batch
same firm 'published - unclear signer-unclear' "$(result)"
# The demo schemas have no DAIHYO_NM.
sed -i "s|$dir/schemas|$dir/none|" "$conf"
mkdir "$dir/none"
for representative in 高橋太郎 鈴木一郎; do
	named '鈴木　一郎' 株式会社見本 1111111111111111 \
		"$representative"
	run_batch
	result
done >"$dir/representatives"
same representatives 'published - variant 
held signer-mismatch different ' "$(cat "$dir/representatives")"
discard

# A pool: the key of the person that the filing names.
must accountant
sed -i 's/sign-with = .*/sign-with = { "office" }/;
	s/2222222222222222/1111111111111111/' "$conf"
printf 'pool "office" { keys = { "tanaka", "suzuki" } }\n' >>"$conf"
for who in 鈴木一郎 髙橋太郎 鈴木一郎 鈴木一郎 髙橋太郎; do
	named "$who" '見本 一郎'
done
run_batch
same pool-exit-code 0 $?
same pool-by-person '鈴木　一郎 suzuki same
髙橋　太郎 tanaka same' "$(report_get '.filings[] |
	"\(.people.holder) \(.signers[0].key) \(.people.verdict)"' | sort -u)"
named '佐藤花子' '見本 一郎'
run_batch
same pool-nobody 'held signer-mismatch different ' "$(result)"
must none
run_batch

# by-agent-id: the key with the agent's number, in one batch.
sed 's/sign-with = .*/sign-with = { "by-agent-id" }/' "$dir/plain.conf" \
	>"$conf"
for who in 2222222222222222/鈴木一郎 1111111111111111/髙橋太郎 \
	2222222222222222/鈴木一郎 1111111111111111/髙橋太郎; do
	named "${who#*/}" '見本 一郎' "${who%/*}"
done
run_batch
same by-agent-exit-code 0 $?
same by-agent-keys '鈴木一郎 suzuki same
髙橋太郎 tanaka same' "$(report_get '.filings[] |
	"\(.people.name) \(.signers[0].key) \(.people.verdict)"' | sort -u)"
same by-agent-all 4 "$(report_get '[.filings[].result |
	select(. == "published")] | length')"
# Only that one is asked for its PIN.
chmod 600 "$dir/tanaka.pin"
printf 'wrong\n' >"$dir/tanaka.pin"
chmod 400 "$dir/tanaka.pin"
named '鈴木一郎' '見本 一郎' 2222222222222222
run_batch
same by-agent-asks-no-other 0 $?
same by-agent-opens-no-other suzuki "$(report_get '[.keys[].name] |
	join(" ")')"
chmod 600 "$dir/tanaka.pin"
printf 'pass-tanaka\n' >"$dir/tanaka.pin"
chmod 400 "$dir/tanaka.pin"

# Nobody has the number, nobody is named, two have it: nothing is signed.
before=$(signed)
named '佐藤花子' '見本 一郎' 3333333333333333
run_batch
same by-agent-none 'held agent-key-none - ' "$(result)"
discard
number=$((number + 1))
"$NATSUIN_BUILD/tests/tools/filings" etax "$number" 1 4KB "$spool/in/kokuzei"
run_batch
same by-agent-missing 'held agent-id-missing - ' "$(result)"
discard
sed -i 's/2222222222222222/1111111111111111/' "$conf"
named '髙橋太郎' '見本 一郎'
run_batch
same by-agent-two 'held agent-key-ambiguous - ' "$(result)"
same by-agent-signs-nothing "$before" "$(signed)"
# The setting is put right: it is taken up.
sed -i '/^key "suzuki"/,/^}/s/1111111111111111/2222222222222222/' "$conf"
run_batch
same by-agent-then 'published - same ' "$(result)"

expect all-verify eval "find '$spool/out' -name '*.xtx' -print0 |
	xargs -0 '$NATSUIN' verify -q"

# It is no name of a key; e-Gov has no such number.
sed 's/key "suzuki"/key "by-agent-id"/' "$dir/plain.conf" >"$conf"
expect no-key-of-that-name grep -q 'natsuin.conf:[0-9]*: key "by-agent-id"' \
	<<<"$("$NATSUIN" --lang en status 2>&1)"
finish
