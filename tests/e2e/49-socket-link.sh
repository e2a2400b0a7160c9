#!/usr/bin/env bash
# A link in the folder of the sockets leads to another key of the same owner:
# a batch asks it for nothing, whatever its certificate.
. "${NATSUIN_SRC:?}/tests/lib/e2e.sh" || exit 1
key_make tanaka
key_make suzuki
spool_make
key_section suzuki 'etax-user-id = "1111111111111111"' >>"$conf"
run_dir=$(sed -n 's/.*run-dir = "\(.*\)"/\1/p' "$conf")
drop_filings etax 1 2 4KB
"$NATSUIN" -q unlock suzuki --for 10m
same unlock-exit-code 0 $?
expect suzuki-listens test -S "$run_dir/suzuki.sock"
ln -s suzuki.sock "$run_dir/tanaka.sock"
run_batch </dev/null
same reason keyholder-wrong-key "$(report_get '.filings[0].reason.code')"
same nothing-is-signed 0 "$(find "$spool/out" -name '*.xtx' | wc -l)"
same nothing-was-asked 0 "$(grep -c '"kind":"sign"' \
	"$spool/state/keys/suzuki.audit")"
rm "$run_dir/tanaka.sock"
run_batch </dev/null
same exit-code 0 $?
same signed 2 "$(find "$spool/out" -name '*.xtx' | wc -l)"
"$NATSUIN" -q lock suzuki
finish
