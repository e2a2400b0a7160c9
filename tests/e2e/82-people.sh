#!/usr/bin/env bash
# Whose certificate signs: the rules signer-must-match and signer-mismatch of
# a drop folder, with real batches.
. "${NATSUIN_SRC:?}/tests/lib/e2e.sh" || exit 1
. "$NATSUIN_SRC/tests/lib/people.sh" || exit 1
people_make

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

# Before it is signed: what the certificate seen last says.
named '鈴木　一郎' '見本 一郎'
filing=$(find "$spool/in/kokuzei" -name '*.xtx')
same check-compares 'accountant 鈴木　一郎 tanaka 髙橋　太郎 different' \
	"$("$NATSUIN" check --json "$filing" | jq -r '.[].people |
	"\(.must) \(.name) \(.keys[] | "\(.key) \(.holder) \(.verdict)")"')"
mv "$filing" "$dir/elsewhere.xtx"
expect check-says-it grep -q 'key tanaka: 髙橋　太郎; different names' \
	<<<"$("$NATSUIN" --lang en check --drop kokuzei "$dir/elsewhere.xtx")"
expect check-says-it-in-japanese grep -q '鍵 tanaka: 髙橋　太郎、別人の氏名' \
	<<<"$("$NATSUIN" --lang ja check --drop kokuzei "$dir/elsewhere.xtx")"
same check-without-a-drop null "$("$NATSUIN" check --json \
	"$dir/elsewhere.xtx" | jq -r '.[].people')"

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

# e-Gov: the applicant, and the contact where that is somebody else.
sed 's/sign-with = .*/sign-with = { "tanaka" }\n\tformat = "egov"/
	s/signer-must-match = .*/signer-must-match = "taxpayer"/' \
	"$dir/plain.conf" >"$conf"
application() { # application PERSON CORPORATION CONTACT
	number=$((number + 1))
	"$NATSUIN_BUILD/tests/tools/filings" egov "$number" 1 4KB "$dir/egov"
	perl -Mutf8 -CSAD -0777 -i -pe '
		BEGIN { ($p, $c, $k) = splice @ARGV, 0, 3 }
		s{<申請者情報>.*?<氏名>\K[^<]*}{$p}s;
		s{<申請者情報>.*?<法人団体名\K(/>|>[^<]*</法人団体名>)}
			{>$c</法人団体名>}s;
		s{<連絡先情報>.*?<氏名>\K[^<]*}{$k}s;' "$@" \
		"$dir/egov"/*/kousei.xml
	mv "$dir/egov"/* "$spool/in/kokuzei/"
	run_batch
	result
}
same egov-applicant 'published - variant ' \
	"$(application 高橋太郎 '' 鈴木一郎)"
same egov-representative 'published - same ' \
	"$(application 髙橋太郎 株式会社見本 鈴木一郎)"
same egov-somebody-else 'held signer-mismatch different ' \
	"$(application 鈴木一郎 株式会社見本 髙橋太郎)"
discard
sed -i 's/signer-must-match = .*/signer-must-match = "accountant"/' "$conf"
same egov-contact 'published - same ' \
	"$(application 鈴木一郎 株式会社見本 髙橋太郎)"
same egov-no-contact 'published - none signer-name-missing' \
	"$(application 髙橋太郎 '' 髙橋太郎)"

# Substitute characters of a card, marked and compared.
person watanabe --holder '渡鍋　一郎' --name-flags 01000 \
	--address 東京都千代田区 --address-flags 0001000 >>"$dir/pki.log" 2>&1
expect marked-name grep -q '渡《鍋》　一郎' \
	<<<"$("$NATSUIN" cert "$dir/pki/watanabe.sign.pem")"
expect marked-address grep -q '東京都《千》代田区' \
	<<<"$("$NATSUIN" cert --holder "$dir/pki/watanabe.sign.pem")"
expect address-only-where-asked eval \
	'! "$NATSUIN" cert "$dir/pki/watanabe.sign.pem" | grep 千代田'
sed 's/"tanaka"/"watanabe"/; s|/tanaka\.|/watanabe.|' "$dir/plain.conf" >"$conf"
named '渡邊　一郎' '見本 一郎'
run_batch
same substitute 'published - unclear signer-unclear' "$(result)"
same substitute-why substitute "$(report_get '.filings[].people.reason')"
expect only-the-name-is-kept eval '! grep -rq "千代田\|319800401" \
	"$spool/reports" "$spool/state/keys" "$dir/run.log"'
cp "$dir/plain.conf" "$conf"
expect all-verify eval "find '$spool/out' -name '*.xtx' -print0 |
	xargs -0 '$NATSUIN' verify -q"
finish
