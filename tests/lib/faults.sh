# shellcheck shell=bash
# For scenarios of faults: many short lives of a spool.  After e2e.sh:
#   fresh FIRST COUNT [SIZE]   a new spool with filings on offer
#   scripted SCRIPT            the key becomes a scriptable one
#   gated N                    … whose N-th signature, and later ones, wait
#                              for open_gate
#   background                 a run whose process is $batch

: "${conf:?}" "${dir:?}" "${spool:?}"
seed=${E2E_SEED:-$RANDOM}
RANDOM=$seed
echo "# seed $seed"
spool_make
sed -i 's/settle = "200ms"/settle = "100ms"/' "$conf"
cp "$conf" "$dir/plain.conf"
# Another file system, where there is one.
elsewhere=
if [ -w /dev/shm ] && [ "$(stat -c %d /dev/shm)" != "$(stat -c %d "$dir")" ]
then
	elsewhere=$(mktemp -d /dev/shm/natsuin-e2e.XXXXXX)
fi
trap '[ -n "$elsewhere" ] && rm -rf "$elsewhere"; e2e_cleanup' EXIT

# fresh FIRST COUNT [SIZE]: a new spool with filings on offer.
fresh() {
	rm -rf "$spool" "$dir/offered" "$dir/run" "$dir/gate"
	mkdir -p "$spool/in/kokuzei" "$dir/run"
	chmod 700 "$dir/run"
	cp "$dir/plain.conf" "$conf"
	if [ -n "${across-}" ]; then
		rm -rf "${elsewhere:?}"/*
		mkdir "$elsewhere/in" "$elsewhere/out"
		rmdir "$spool/in/kokuzei"
		ln -s "$elsewhere/in" "$spool/in/kokuzei"
		ln -s "$elsewhere/out" "$spool/out"
	fi
	offer "$1" "$2" "${3-4KB}"
	sleep 0.12
}

# "2 held, 8 published": the results in the newest report.
results() {
	jq -r '.filings[].result' "$spool/reports/$(last_batch)/report.json" |
		sort | uniq -c | awk '{ printf "%s%s %s", s, $1, $2; s = ", " }'
}

# Their reasons, each once.
reasons() {
	report_get '[.filings[].reason.code | select(.)] | unique | join(" ")'
}

# The key becomes a scriptable one.
scripted() {
	cat "$dir/tanaka.key" "$dir/tanaka.pem" >"$dir/test.pem"
	printf 'TESTPIN1\n' >"$dir/test.pin"
	chmod 400 "$dir/test.pin"
	sed -i "/^key/,/^}/{s/pkcs12/test/;s/tanaka.p12/test.pem/
		s/tanaka.pin/test.pin/;s|^}|\tscript = \"pin=TESTPIN1;$1\"\n}|}" \
		"$conf"
	rm -f "$spool/state"/*.pin-refused
}

# So that what happens to a run happens in its middle, however fast it is.
gated() {
	scripted "gate:$1=$dir/gate"
}

open_gate() {
	: >"$dir/gate"
}

background() {
	# Now, not when the process has got so far: has_published reads it.
	: >"$dir/run.log"
	"$NATSUIN" -v run >"$dir/run.out" 2>>"$dir/run.log" &
	batch=$!
}

# processes NAME: children of the batch whose first word is this.
processes() {
	pgrep -P "$batch" -f "^$1" || true
}

has_published() {
	grep -q 'state=published' "$dir/run.log"
}
