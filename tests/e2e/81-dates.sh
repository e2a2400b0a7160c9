#!/usr/bin/env bash
# What ends: certificates at 3 months, 60, 30 and 7 days, louder each time,
# and before the due date of what they sign.
set -u
# shellcheck source=tests/lib/e2e.sh
. "$NATSUIN_SRC/tests/lib/e2e.sh"

# midnight DAYS: the last second of the day so many days from now in Japan,
# as openssl ca wants it; a day that begins meanwhile is waited for.
midnight() {
	date -u -d "$(TZ=Asia/Tokyo date -d "+$1 days" +%Y-%m-%d)T14:59:59Z" \
		+%Y%m%d%H%M%SZ
}
day() { # DAYS: that day in Japan
	TZ=Asia/Tokyo date -d "$1 days" +%Y-%m-%d
}
# Not within five minutes of midnight in Japan: a day that changes in the
# middle changes what is right.
until [ "$(TZ=Asia/Tokyo date +%H%M)" -lt 2355 ]; do
	sleep 5
done
ends_in() { # DAYS: tanaka's certificate ends so
	key_until tanaka "$(midnight "$1")"
}
notes() {
	jq -r "[$1 | select(.code | test(\"expire|due\"))
		| \"\\(.code)\"] | join(\" \")" "$dir/out"
}
spool_make
number=0
# level DAYS CODE URGENCY MARK DOCTOR PLACE: what everything says.
level() {
	local code=$2 place
	ends_in "$1"
	number=$((number + 1))
	drop_filings etax "$number" 1 4KB
	run_batch
	same "in-$1-report" "0 $code" "$? $(report_get '[.keys[].warnings[].code |
		select(test("expire"))] | join(" ")')"
	same "in-$1-days" "$1" "$(report_get '.keys[0].days_left')"
	place=$(xmllint --html --xpath "string(//article[.//code='$code']/@class)" \
		"$spool/reports/$(last_batch)/report.html" 2>/dev/null)
	same "in-$1-page" "${code:+group remark to-do-$3}" "$place"
	same "in-$1-top" "$6" "$(xmllint --html --xpath \
		"count(//section[@class='urgent']//code[.='$code'])" \
		"$spool/reports/$(last_batch)/report.html" 2>/dev/null)"
	"$NATSUIN" --json status >"$dir/out"
	same "in-$1-status" "$code $3" \
		"$(notes '.keys[0].certificate_notes[]') $(
			jq -r '.keys[0].certificate_notes[] |
				select(.code | test("expire")).urgency' \
				"$dir/out")"
	"$NATSUIN" status >"$dir/out"
	[ -z "$code" ] || expect "in-$1-status-mark" \
		grep -q "^  $4 The certificate expires in" "$dir/out"
	"$NATSUIN" --json cert --check tanaka >"$dir/out"
	same "in-$1-cert" "$code $1" "$(notes '.warnings[]') $(
		jq .days_left "$dir/out")"
	"$NATSUIN" --json doctor >"$dir/out" 2>/dev/null
	same "in-$1-doctor" "$code $5" "$(notes '.[]') $(jq -r '.[] |
		select(.code | test("expire")).state' "$dir/out")"
	"$NATSUIN" cert --registered tanaka >/dev/null
}
level 93 '' '' '' '' 0
level 92 certificate-expires-90 note i warning 0
level 61 certificate-expires-90 note i warning 0
level 60 certificate-expires-60 soon ! warning 0
level 31 certificate-expires-60 soon ! warning 0
level 30 certificate-expires-30 week !! warning 1
level 8 certificate-expires-30 week !! warning 1
level 7 certificate-expires-7 now !!! bad 1
level 0 certificate-expires-7 now !!! bad 1

# The due date of a drop folder.
due() {
	sed -i '/^\tdue = /d; /^drop "kokuzei" {/a\	due = "'"$1"'"' "$conf"
}
ends_in 200
due "$(day 200)"
number=$((number + 1))
drop_filings etax "$number" 1 4KB
run_batch
same due-on-the-last-day-is-in-time "0 0" "$? $(report_get '[.keys[].warnings[],
	.warnings[] | select(.code | test("due"))] | length')"
"$NATSUIN" --json status >"$dir/out"
same status-tells-the-due-date "$(day 200) 200" \
	"$(jq -r '.due[0] | "\(.due) \(.days_left)"' "$dir/out")"
due "$(day 201)"
number=$((number + 1))
drop_filings etax "$number" 1 4KB
run_batch
same ends-before-due-is-signed 0 $?
same ends-before-due-is-reported "due date of kokuzei: $(day 201)" "$(report_get \
	'.keys[].warnings[] | select(.code == "certificate-ends-before-due")
	.detail' | sed 's/.*; //')"
expect ends-before-due-is-on-top test 1 = "$(xmllint --html --xpath \
	"count(//section[@class='urgent']//code[.='certificate-ends-before-due'])" \
	"$spool/reports/$(last_batch)/report.html" 2>/dev/null)"
"$NATSUIN" --json status >"$dir/out"
same ends-before-due-by-status certificate-ends-before-due \
	"$(notes '.keys[0].certificate_notes[]')"
"$NATSUIN" --json doctor >"$dir/out"
same ends-before-due-by-doctor certificate-ends-before-due "$(notes '.[]')"
"$NATSUIN" --json cert --check tanaka >"$dir/out"
same ends-before-due-by-cert certificate-ends-before-due \
	"$(notes '.warnings[]')"
due "$(day -1)"
number=$((number + 1))
drop_filings etax "$number" 1 4KB
run_batch
same passed-due-is-signed-and-told "0 due-passed due date of kokuzei: $(day -1)" \
	"$? $(report_get '.warnings[] | "\(.code) \(.detail)"')"
"$NATSUIN" --json doctor >"$dir/out"
same passed-due-by-doctor due-passed "$(notes '.[]')"
"$NATSUIN" --lang ja status >"$dir/out"
expect passed-due-by-status grep -q '^  !!! 投入フォルダに設定された提出期限を' \
	"$dir/out"
due 2026-02-30
"$NATSUIN" status >"$dir/out" 2>&1
same no-such-day-exits-78 78 $?
expect no-such-day-has-its-line grep -q "$conf:$(grep -n 'due =' "$conf" |
	cut -d: -f1): .*2026-03-16" "$dir/out"
finish
