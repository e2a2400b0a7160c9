#!/usr/bin/env bash
# --pin-fd gives the PIN of one key. With several keys it would be chance
# whose card it is sent to: a batch refuses it before any card is asked.
. "${NATSUIN_SRC:?}/tests/lib/e2ecard.sh" || exit 1
card_begin 2
vcard_make suzuki
printf 'auth 1234 3 3\nsign SUZUKI1 5 5\n' >"$PCSCD_DIR/suzuki/pins"
vcard_start 1 "$PCSCD_DIR/suzuki"
known_by() { # known_by CARD: its setting
	printf 'card-sha256 = "%s"\n' "$(openssl dgst -sha256 -r \
		"$PCSCD_DIR/$1/auth.der" | cut -d ' ' -f 1)"
}
cp "$conf" "$dir/one.conf"
sed -i "s|backend = \"jpki\"|&\n\t$(known_by tanaka)|" "$conf"
{
	key_section suzuki "etax-user-id = \"1111111111111111\"
		$(known_by suzuki)"
	printf 'drop "other" { sign-with = { "suzuki" } }\n'
} >>"$conf"
mkdir -p "$spool/in/other"
filings etax 1 2 4KB "$spool/in/other"
drop_filings etax 11 2 4KB
printf 'ABC123\nSUZUKI1\n' >"$dir/pins"

# Tanaka's card is out: the first line must not reach Suzuki's.
vcard_ctl 0 remove >/dev/null
vcard_wait 0 empty
run_batch --pin-fd 3 3<"$dir/pins"
same several-keys-exit-code 78 $?
expect several-keys-says-why grep -q 'pin-fd-several-keys' "$dir/run.log"
same no-pin-reached-the-other 0 "$(vcard_count 1 verify)"
same no-try-is-lost 'ok auth 3 sign 5' "$(vcard_ctl 1 pins)"

# One of them is asked for by its name; the batch finds it unlocked.
vcard_ctl 0 insert >/dev/null
vcard_wait 0 card
"$NATSUIN" -q --pin-fd 3 unlock tanaka --for 10m 3<"$dir/pins"
same unlock-exit-code 0 $?
holder=$(pgrep -f -- "unlock tanaka --for 10m" | sort -n | tail -n 1)
run_batch </dev/null
same signed-by-tanaka 2 "$(find "$spool/out" -name '*.xtx' | wc -l)"
card_same verify 1
same still-no-pin-for-the-other 0 "$(vcard_count 1 verify)"
"$NATSUIN" -q lock tanaka
holder=''
finish
