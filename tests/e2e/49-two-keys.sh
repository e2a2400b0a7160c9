#!/usr/bin/env bash
# Two keys of natsuin.conf that are one and the same card: a PIN that the
# card refused for one costs the other none, until an operator acts; neither
# does a stored PIN that is older than a change.
. "$NATSUIN_SRC/tests/lib/e2ecard.sh" || exit 1
CARD_KEY=$(printf '\tpin-file = "%s/tanaka.pin"' "$dir")
card_begin 2
CARD_KEY=$(printf '\tpin-file = "%s/houjin.pin"' "$dir")
{
	printf 'drop "houjin" {\n\tsign-with = { "houjin" }\n}\n'
	key_section houjin 'etax-user-id = "1111111111111111"'
} >>"$conf"
mkdir -p "$spool/in/houjin"

pin_file() { # pin_file KEY PIN
	rm -f "$dir/$1.pin"
	(umask 077 && printf '%s\n' "$2" >"$dir/$1.pin")
}
verifies=0
# refused NAME CODE COST COMMAND…: exit 77 with this error and so many VERIFYs.
refused() {
	local name=$1 code=$2
	verifies=$((verifies + $3))
	shift 3
	"$@" >"$dir/out" 2>"$dir/err" </dev/null
	same "$name-exit-code" 77 $?
	expect "$name-says-$code" grep -qE "error=\"?$code\b" "$dir/err"
	card_same verify "$verifies" "$name-verifies"
}
# opens NAME COMMAND…: the key is unlocked with one VERIFY, and locked again.
opens() {
	local name=$1
	verifies=$((verifies + 1))
	shift
	"$@" >"$dir/out" 2>"$dir/err" </dev/null
	same "$name-exit-code" 0 $?
	"$NATSUIN" -q lock >>"$dir/out" 2>&1
	card_same verify "$verifies" "$name-verifies"
}
unlock() { # unlock KEY [OPTION…]: with its file
	"$NATSUIN" -v unlock "$@"
}
piped() { # piped PIN KEY [OPTION…]
	local pin=$1
	shift
	printf '%s\n' "$pin" | "$NATSUIN" -v --pin-fd 0 unlock "$@"
}

# A batch with both, and both files wrong: one VERIFY, whoever was first.
pin_file tanaka WRONG12
pin_file houjin WRONG34
drop_filings etax 1 2 4KB
filings etax 3 2 4KB "$spool/in/houjin"
run_batch
card_same verify 1 two-wrong-files-cost-one-verify
same one-was-refused 1 "$(report_get \
	'[.filings[].reason.code] | unique | map(select(. == "pin-wrong")) |
		length')"
run_batch
card_same verify 1 again-costs-nothing
verifies=1
first=tanaka other=houjin
[ -e "$spool/state/keys/tanaka.pin-refused" ] || first=houjin other=tanaka
refused the-same pin-file-refused-before 0 unlock "$first"
refused the-other pin-refused-for-other-key 0 unlock "$other"
refused piped pin-refused-for-other-key 0 piped ABC123 "$other"
vcard_ctl 0 remove >/dev/null
vcard_wait 0 empty
vcard_ctl 0 insert >/dev/null
vcard_wait 0 card
refused reinserted pin-refused-for-other-key 0 unlock "$other"
run_batch
card_same verify 1 batch-costs-nothing

# A file that is written anew is an operator's act, worth one VERIFY; then
# neither key tries anything.
pin_file "$other" WRONG56
refused new-file pin-wrong 1 unlock "$other"
refused same-file pin-file-refused-before 0 unlock "$other"
refused first-as-before pin-file-refused-before 0 unlock "$first"
same tries-left 'ok auth 3 sign 3' "$(vcard_ctl 0 pins)"

# The right one in one file: that of the other stays what it was.
pin_file "$other" ABC123
opens right-file unlock "$other"
same tries-are-back 'ok auth 3 sign 5' "$(vcard_ctl 0 pins)"
refused wrong-file pin-file-refused-before 0 unlock "$first"
pin_file "$first" ABC123
opens corrected-file unlock "$first"

# Two files that are right, and a mistyped PIN: the other key waits until the
# card has its tries back.
refused mistyped pin-wrong 1 piped WRONG78 tanaka --pin-changed
refused waits pin-refused-for-other-key 0 unlock houjin
opens typed piped ABC123 tanaka --pin-changed
opens freed unlock houjin
refused mistyped-again pin-wrong 1 piped WRONG78 tanaka --pin-changed
opens an-operator-says-so unlock houjin --pin-changed
opens afterwards unlock houjin

# A card of another person has nothing to do with it.
refused mistyped-third pin-wrong 1 piped WRONG78 tanaka --pin-changed
vcard_make suzuki
vcard_ctl 0 swap "$PCSCD_DIR/suzuki" >/dev/null
vcard_wait 0 card
opens other-card unlock houjin --new-card
vcard_ctl 0 swap "$PCSCD_DIR/tanaka" >/dev/null
vcard_wait 0 card
refused first-card-again pin-refused-for-other-key 0 \
	unlock houjin --new-card
opens typed-again piped ABC123 tanaka --pin-changed

# A new PIN through one key: the files of both are older, whoever has
# unlocked the card with the new one.
verifies=$((verifies + 1))
printf 'ABC123\nNEW4567\nNEW4567\n' |
	"$NATSUIN" --pin-fd 0 pin change tanaka >"$dir/out" 2>"$dir/err"
same change-exit-code 0 $?
refused own-file-is-older pin-stored-outdated 0 unlock tanaka
refused other-file-is-older pin-stored-outdated 0 unlock houjin --new-card
pin_file tanaka NEW4567
opens own-new-file unlock tanaka
refused other-still-older pin-stored-outdated 0 unlock houjin --new-card
opens other-typed piped NEW4567 houjin --pin-changed
refused other-file-as-before pin-stored-outdated 0 unlock houjin
pin_file houjin NEW4567
opens other-new-file unlock houjin
opens both-files-are-right unlock tanaka
same all-tries-at-the-end 'ok auth 3 sign 5' "$(vcard_ctl 0 pins)"
finish
