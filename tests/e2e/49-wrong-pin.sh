#!/usr/bin/env bash
# A wrong PIN costs one try: whatever is started again, unplugged or asked
# afterwards, the card sees no further VERIFY until a person types or the
# stored PIN has changed. What cannot be the PIN is never sent.
. "$NATSUIN_SRC/tests/lib/e2ecard.sh" || exit 1
CARD_KEY=$(printf '\tpin-file = "%s/tanaka.pin"' "$dir")
card_begin 2
card_pin WRONG12
drop_filings etax 1 3 4KB

key() {
	"$NATSUIN" --json status </dev/null | jq -r ".keys[0] | $1"
}
# refused NAME CODE COMMAND…: exit 77 with this error, no VERIFY.
refused() {
	local name=$1 code=$2
	shift 2
	"$@" >"$dir/out" 2>"$dir/err" </dev/null
	same "$name-exit-code" 77 $?
	expect "$name-says-$code" grep -qE "error=\"?$code\b" "$dir/err"
	card_same verify "$verifies" "$name-costs-nothing"
}
piped() { # piped PIN ARGUMENT…
	local pin=$1
	shift
	printf '%s\n' "$pin" | "$NATSUIN" -v --pin-fd 0 "$@"
}
set_tries() { # set_tries N: the card comes back with so many
	vcard_ctl 0 remove >/dev/null
	vcard_wait 0 empty
	printf 'auth 1234 3 3\nsign ABC123 %s 5\n' "$1" \
		>"$PCSCD_DIR/tanaka/pins"
	vcard_ctl 0 swap "$PCSCD_DIR/tanaka" >/dev/null
	vcard_wait 0 card
}

run_batch
same wrong-exit-code 77 $?
card_same verify 1 wrong-costs-one-verify
verifies=1
run_batch
same again-exit-code 77 $?
card_same verify 1 again-costs-nothing
same marked 'pin-wrong file' "$(key '.pin_refused | "\(.code) \(.source)"')"
expect marker-says-nothing-of-the-pin eval \
	'! grep -qi WRONG12 "$spool/state/keys/tanaka.pin-refused"'

# Other commands; the card taken out; the reader's service started anew, as
# after a restart of the computer.
refused unlock pin-file-refused-before "$NATSUIN" -v unlock tanaka
refused cert pin-file-refused-before "$NATSUIN" -v cert tanaka
refused piped pin-file-refused-before piped WRONG34 unlock tanaka
refused change pin-tries-not-full piped WRONG12 pin change tanaka
vcard_ctl 0 remove >/dev/null
vcard_wait 0 empty
vcard_ctl 0 insert >/dev/null
vcard_wait 0 card
refused reinserted pin-file-refused-before "$NATSUIN" -v unlock tanaka
vcard_stop 0
pcscd_halt
pcscd_again
vcard_start 0 "$PCSCD_DIR/tanaka"
verifies=0 # the card counts anew
refused restarted pin-file-refused-before "$NATSUIN" -v unlock tanaka
run_batch
same restarted-run-exit-code 77 $?
card_same verify 0 restarted-run-costs-nothing
mkdir -m 700 "$dir/credentials"
(umask 077 && printf 'WRONG56' >"$dir/credentials/tanaka.pin")
chmod 400 "$dir/credentials/tanaka.pin"
sed -i '/pin-file = /s/^/#/' "$conf"
CREDENTIALS_DIRECTORY=$dir/credentials refused credential \
	pin-file-refused-before "$NATSUIN" -v unlock tanaka --foreground
sed -i 's/^#\(.*pin-file\)/\1/' "$conf"
"$NATSUIN" --json doctor >"$dir/out" 2>&1 </dev/null
expect doctor-tells jq -e 'any(.[]; .code == "pin-refused-before")' "$dir/out"
"$NATSUIN" pin tries tanaka >"$dir/out" 2>&1
expect tries-tells grep -q 'A PIN was refused at' "$dir/out"
"$NATSUIN" status >"$dir/out" 2>&1
expect status-tells grep -q 'refused at .*pin-wrong, from the file' "$dir/out"

# An operator's word is worth one VERIFY, not two.
piped WRONG78 unlock tanaka --pin-changed >"$dir/out" 2>"$dir/err"
same said-exit-code 77 $?
card_same verify 1 said-costs-one-verify
verifies=1
refused said-again pin-file-refused-before piped WRONG78 unlock tanaka

# What cannot be the PIN.
set_tries 5
for pin in AB12 ABCDEFGH123456789 AB-123 'AB 123' 'パスワード'; do
	refused "malformed-$pin" pin-format piped "$pin" unlock tanaka \
		--pin-changed
done
refused empty pin-empty piped '' unlock tanaka --pin-changed

# Few tries: with two an operator must say so, with one nobody can.
set_tries 2
refused two-left pin-tries-low piped ABC123 unlock tanaka --pin-changed
set_tries 1
refused one-left pin-tries-low piped ABC123 unlock tanaka --pin-changed \
	--i-know
refused one-left-change pin-tries-low piped ABC123 pin change tanaka \
	--pin-changed --i-know
set_tries 0
refused none-left pin-blocked piped ABC123 unlock tanaka --pin-changed \
	--i-know
"$NATSUIN" pin tries tanaka >"$dir/out" 2>&1 </dev/null
expect tries-says-locked grep -q 'The PIN is locked' "$dir/out"
run_batch
same blocked-run-exit-code 77 $?
card_same verify 1 blocked-costs-nothing
set_tries 2
piped ABC123 unlock tanaka --pin-changed --i-know >"$dir/out" 2>"$dir/err"
same two-left-said-exit-code 0 $?
card_same verify 2 two-left-said-costs-one-verify
"$NATSUIN" -q lock tanaka
same all-tries-are-back 'ok auth 3 sign 5' "$(vcard_ctl 0 pins)"
same file-stays-marked pin-wrong "$(key .pin_refused.code)"

# The right PIN from elsewhere makes the one in the file no better: it costs
# one VERIFY when it is written anew, and none after that.
run_batch
card_same verify 2 right-pin-frees-no-wrong-file
card_pin WRONG12
run_batch
card_same verify 3 new-file-costs-one-verify
same marked-again pin-wrong "$(key .pin_refused.code)"

# A person who types decides alone, and takes the mark away where no file is
# asked any more.
sed -i '/pin-file = /d' "$conf"
mkfifo "$dir/keys"
exec 9<>"$dir/keys"
script -qefc "'$NATSUIN' -c $conf unlock tanaka --for 10m" "$dir/typescript" \
	<"$dir/keys" >/dev/null 2>&1 &
terminal=$!
expect typed-is-asked within 60 grep -q 'PIN' "$dir/typescript"
expect typed-sees-the-tries grep -q '4 tries left' "$dir/typescript"
printf 'ABC123\n' >&9
wait "$terminal"
same typed-exit-code 0 $?
holder=$(pgrep -f -- "-c $conf unlock tanaka --for 10m" | sort -n | tail -n 1)
card_same verify 4 typed-costs-one-verify
same typed-unmarks null "$(key .pin_refused)"
run_batch
same night-exit-code 0 $?
same night-signs 3 "$(find "$spool/out" -name '*.xtx' | wc -l)"
card_same verify 4 night-costs-nothing
"$NATSUIN" -q lock
holder=''
finish
