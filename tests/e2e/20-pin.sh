#!/usr/bin/env bash
# A wrong PIN file: the filings are held, none is lost, the PIN is not tried
# again until the file has changed; then everything is signed.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
spool_make
drop_filings etax 1 5 4KB
chmod 600 "$dir/tanaka.pin"
printf 'wrong\n' >"$dir/tanaka.pin"
chmod 400 "$dir/tanaka.pin"

run_batch
same wrong-pin-exit-code 77 $?
same all-held 5 "$(report_get \
	'[.filings[] | select(.result == "held")] | length')"
same reason pin-wrong "$(report_get '.filings[0].reason.code')"
same originals-in-work 5 "$(find "$spool/work" -mindepth 1 -maxdepth 1 \
	-name '*=*' | wc -l)"
same none-published 0 "$(find "$spool/out" -type f | wc -l)"

run_batch
same again-exit-code 77 $?
same not-tried-again pin-file-refused-before \
	"$(report_get '.filings[0].reason.code')"
same still-held 5 "$("$NATSUIN" queue list --json |
	jq '[.[] | select(.state == "held")] | length')"

# A new filing while the key is stopped: held as well.
drop_filings etax 6 1 4KB
run_batch
same six-held 6 "$(report_get '.filings | length')"

# No PIN anywhere: 77 at once, nothing asked.
sed -i '/pin-file = /d' "$conf"
run_batch </dev/null
same no-pin-exit-code 77 $?
same no-pin-reason pin-needed "$(report_get '.filings[0].reason.code')"

# The right PIN from a descriptor.
printf 'pass-tanaka\n' >"$dir/right"
run_batch --pin-fd 3 3<"$dir/right"
same pin-fd-exit-code 0 $?
same all-published 6 "$(find "$spool/out" -name '*.xtx' | wc -l)"
same nothing-in-work 0 "$(find "$spool/work" -mindepth 1 | wc -l)"

# The PIN of a key that belongs to another user unlocks nothing for this one,
# even where it can be read.
drop_filings etax 7 1 4KB
sed -i 's/^\tbackend = "pkcs12"/&\n\towner = "4711"/' "$conf"
run_batch --pin-fd 3 3<"$dir/right"
same not-owner-reason not-key-owner "$(report_get '.filings[0].reason.code')"
same not-owner-signs-nothing 6 "$(find "$spool/out" -name '*.xtx' | wc -l)"
sed -i '/owner = "4711"/d' "$conf"
run_batch --pin-fd 3 3<"$dir/right"
same owner-signs 7 "$(find "$spool/out" -name '*.xtx' | wc -l)"
same nothing-in-work-again 0 "$(find "$spool/work" -mindepth 1 | wc -l)"

# The PIN is nowhere on disk but in its own files.
same no-pin-in-spool 0 "$(grep -rlF pass-tanaka "$spool" "$dir/run.log" \
	"$dir/run" | wc -l)"
finish
