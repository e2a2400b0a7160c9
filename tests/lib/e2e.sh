# shellcheck shell=bash
# For the numbered scenarios of tests/e2e: a spool of their own, a key file,
# filings, and one line per statement.
#
#   . "$NATSUIN_SRC/tests/lib/e2e.sh"
#   spool_make                     # $spool, $conf; drop "kokuzei", key "tanaka"
#   key_make tanaka                # $dir/tanaka.{p12,pin,pem}
#   drop_filings etax 1 10 20KB    # ten made-up filings
#   run_batch; code=$?             # natsuin run; output in $dir/run.log
#   expect NAME CONDITION…         # ok / not ok by the command's status
#   finish                         # exit status of the scenario

: "${NATSUIN_SRC:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${NATSUIN_BUILD:=$NATSUIN_SRC/build}"
: "${NATSUIN:=$NATSUIN_BUILD/natsuin}"
scenario=$(basename "$0" .sh)
dir=$(mktemp -d "${TMPDIR:-/tmp}/natsuin-e2e.XXXXXX") || exit 1
spool=$dir/spool
conf=$dir/natsuin.conf
failures=0
export NATSUIN_CONF=$conf

e2e_cleanup() {
	local job
	for job in $(jobs -p); do
		kill -KILL -- "$job" 2>/dev/null
	done
	if [ -n "${E2E_KEEP-}" ]; then
		echo "# kept: $dir"
	else
		rm -rf "$dir"
	fi
}
trap e2e_cleanup EXIT

# expect NAME COMMAND…: one statement of the scenario.
expect() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		printf 'ok %s/%s\n' "$scenario" "$name"
	else
		printf 'not ok %s/%s: %s\n' "$scenario" "$name" "$*"
		printf '%s\n' "$out" | head -n 20 | sed 's/^/#   /'
		failures=$((failures + 1))
	fi
}

# same NAME WANTED GOT
same() {
	if [ "$2" = "$3" ]; then
		printf 'ok %s/%s\n' "$scenario" "$1"
	else
		printf 'not ok %s/%s: wanted %s, got %s\n' "$scenario" "$1" \
			"$2" "$3"
		failures=$((failures + 1))
	fi
}

skip() {
	printf 'skip %s/%s: %s\n' "$scenario" "$1" "$2"
}

finish() {
	if [ "$failures" -gt 0 ] && [ -f "$dir/run.log" ]; then
		tail -n 30 "$dir/run.log" | sed 's/^/# run: /'
	fi
	[ "$failures" -eq 0 ]
	exit
}

# key_make NAME [KIND…]: a key with a certificate of a test CA as a PKCS#12
# file whose password is in $dir/NAME.pin.  RSA, or as openssl req -newkey
# wants it; P384 is short for ec -pkeyopt ec_paramgen_curve:P-384.
# shellcheck disable=SC2034
P384=(ec -pkeyopt ec_paramgen_curve:P-384)
key_make() {
	local name=$1 pin=pass-$1 newkey=("${@:2}")
	if [ ! -e "$dir/ca.pem" ]; then
		openssl req -x509 -newkey rsa:2048 -nodes -days 3650 \
			-subj '/C=JP/O=natsuin test/CN=natsuin test CA' \
			-addext 'keyUsage=critical,keyCertSign,cRLSign' \
			-keyout "$dir/ca.key" -out "$dir/ca.pem" \
			2>"$dir/openssl.log" || return 1
		mkdir -p "$dir/anchors"
		cp "$dir/ca.pem" "$dir/anchors/"
	fi
	printf '%s\n' 'basicConstraints=critical,CA:FALSE' \
		'keyUsage=critical,digitalSignature,nonRepudiation' \
		>"$dir/$name.ext"
	openssl req -newkey "${newkey[@]:-rsa:2048}" -nodes -utf8 \
		-subj "/C=JP/O=natsuin test/CN=$name" \
		-keyout "$dir/$name.key" -out "$dir/$name.csr" \
		2>>"$dir/openssl.log" &&
		openssl x509 -req -in "$dir/$name.csr" -CA "$dir/ca.pem" \
			-CAkey "$dir/ca.key" -CAcreateserial -days 365 \
			-extfile "$dir/$name.ext" -out "$dir/$name.pem" \
			2>>"$dir/openssl.log" &&
		openssl pkcs12 -export -inkey "$dir/$name.key" \
			-in "$dir/$name.pem" -out "$dir/$name.p12" \
			-passout "pass:$pin" 2>>"$dir/openssl.log" || return 1
	(umask 077 && printf '%s\n' "$pin" >"$dir/$name.pin")
	chmod 400 "$dir/$name.pin"
	chmod 600 "$dir/$name.p12"
}

# key_until NAME YYYYMMDDhhmmssZ: a new certificate for that key, which ends
# then.
key_until() {
	local at=$dir/until
	rm -rf "$at"
	mkdir -p "$at"
	: >"$at/index"
	openssl rand -hex 8 >"$at/serial"
	cat >"$at/conf" <<-EOF
		[ca]
		default_ca = c
		[c]
		database = $at/index
		serial = $at/serial
		new_certs_dir = $at
		default_md = sha256
		policy = p
		[p]
		countryName = optional
		organizationName = optional
		commonName = optional
	EOF
	openssl ca -batch -config "$at/conf" -cert "$dir/ca.pem" \
		-keyfile "$dir/ca.key" -in "$dir/$1.csr" -notext \
		-startdate 20250101000000Z -enddate "$2" \
		-extfile "$dir/$1.ext" -out "$dir/$1.pem" \
		2>>"$dir/openssl.log" &&
		openssl pkcs12 -export -inkey "$dir/$1.key" \
			-in "$dir/$1.pem" -out "$dir/$1.p12" \
			-passout "pass:pass-$1"
}

# key_section NAME [more settings]: the key's part of the configuration.
key_section() {
	printf 'key "%s" {\n\tbackend = "pkcs12"\n\tfile = "%s"\n' "$1" \
		"$dir/$1.p12"
	printf '\tpin-file = "%s"\n%s\n}\n' "$dir/$1.pin" "${2-}"
}

# spool_make [drop settings]: a spool with the drop "kokuzei", signed by
# "tanaka", and the demo schemas.
spool_make() {
	mkdir -p "$spool"
	[ -e "$dir/tanaka.p12" ] || key_make tanaka || exit 1
	{
		printf 'spool {\n\troot = "%s"\n\tsettle = "200ms"\n' "$spool"
		printf '\tpoll = "200ms"\n\trun-dir = "%s/run"\n' "$dir"
		printf '%s\n}\n' "${E2E_SPOOL-}"
		printf 'drop "kokuzei" {\n\tsign-with = { "tanaka" }\n'
		printf '%s\n}\n' "${1-}"
		key_section tanaka 'etax-user-id = "1111111111111111"'
		printf 'certificates {\n\tanchors = "%s"\n}\n' "$dir/anchors"
		printf 'schemas {\n\tpath = "%s"\n}\n' "$dir/schemas"
		printf 'report {\n\tlanguage = "en"\n}\n'
	} >"$conf"
	mkdir -p "$spool/in/kokuzei" "$dir/run"
	chmod 700 "$dir/run"
	"$NATSUIN" schema import "$NATSUIN_SRC/schemas/demo" \
		>"$dir/schema.log" 2>&1 || {
		cat "$dir/schema.log"
		exit 1
	}
}

# drop_file FILE NAME: into the drop folder, as a finished file.
drop_file() {
	cp "$1" "$spool/in/kokuzei/.$$.part" &&
		mv "$spool/in/kokuzei/.$$.part" "$spool/in/kokuzei/$2"
}

# natsuin_for_all: other users reach the program and this scenario's folder,
# even where the tree lies in root's home: NATSUIN becomes a copy.
natsuin_for_all() {
	chmod 755 "$dir"
	cp "$NATSUIN" "$dir/natsuin"
	NATSUIN=$dir/natsuin
}

# filings KIND FIRST COUNT SIZE DIR: made-up filings (tests/tools/filings.c),
# whose agent is the key tanaka.
filings() {
	"$NATSUIN_BUILD/tests/tools/filings" "$@" 1111111111111111
}

# drop_filings KIND FIRST COUNT SIZE: straight into the drop folder.
drop_filings() {
	filings "$@" "$spool/in/kokuzei"
}

# bad_filings DIR: five that must be refused, bad-1.xtx to bad-5.xtx.  One of
# them is signed first and changed afterwards; the spool is new after that.
bad_filings() {
	local base=$dir/base
	filings etax 2001 3 4KB "$base"
	drop_filings etax 2004 1 4KB
	run_batch
	same signing-one-exits-0 0 $?
	cp "$spool"/out/*/02004.xtx "$base/"
	rm -rf "${spool:?}"
	mkdir -p "$spool/in/kokuzei" "$1"
	printf 'This is not XML.\n' >"$1/bad-1.xtx"
	sed '1a <!DOCTYPE DATA [<!ENTITY a "b">]>' "$base/02001.xtx" \
		>"$1/bad-2.xtx"
	sed 's/<ZZB00010>[^<]*/<ZZB00010>no number/' "$base/02002.xtx" \
		>"$1/bad-3.xtx"
	sed 's/id="CONTENTS"/id="CATALOG"/' "$base/02003.xtx" >"$1/bad-4.xtx"
	sed 's/<ZZB00010>/<ZZB00010>1/' "$base/02004.xtx" >"$1/bad-5.xtx"
	touch -d '2 minutes ago' "$1"/bad-*.xtx
}

run_batch() {
	"$NATSUIN" -v run "$@" >"$dir/run.out" 2>"$dir/run.log"
}

# within SECONDS COMMAND…: until it succeeds.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# until_there COMMAND…: within two minutes, quietly.
until_there() {
	within 120 "$@" >/dev/null 2>&1
}

# free_port: one of loopback that nobody has.
free_port() {
	python3 -c 'import socket; s = socket.socket()
s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# responder_start INDEX CA PORT: openssl's own, with $pki/responder.{pem,key};
# $responder is its process.
responder_start() {
	openssl ocsp -index "$1" -CA "$2" -port "$3" \
		-rsigner "$pki/responder.pem" -rkey "$pki/responder.key" \
		-nmin 60 >"$dir/ocsp.log" 2>&1 &
	responder=$!
	# It serves one at a time: a connection to see whether it listens
	# would do.
	until_there grep -q 'waiting for OCSP client' "$dir/ocsp.log"
}

# xmlsec1_verifies CA FILE…: how many of these e-Tax filings are good to it.
xmlsec1_verifies() {
	local ca=$1 file good=0
	shift
	for file; do
		xmlsec1 --verify --id-attr:id ZZZ0010 --trusted-pem "$ca" \
			"$file" >>"$dir/xmlsec.log" 2>&1 && good=$((good + 1))
	done
	echo "$good"
}

# The newest batch's id.
last_batch() {
	find "$spool/reports" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' |
		sort | tail -n 1
}

# report_get JQ-EXPRESSION: from the newest batch's record.
report_get() {
	jq -r "$1" "$spool/reports/$(last_batch)/report.json"
}

# without_signatures FILE: the bytes outside the filing signatures (those
# are on one run of bytes from `<dsig:Signature` to `</dsig:Signature>`).
without_signatures() {
	perl -0777 -pe 's{<dsig:Signature .*?</dsig:Signature>}{}sg' "$1"
}

# offer FIRST COUNT SIZE: made-up filings into the drop folder, remembered in
# $dir/offered for `invariants`.
offer() {
	filings etax "$@" "$dir/offer"
	(cd "$dir/offer" && sha256sum -- *) >>"$dir/offered"
	mv "$dir/offer"/* "$spool/in/kokuzei/"
}

# offer_file FILE NAME: one file likewise.
offer_file() {
	sha256sum <"$1" >>"$dir/offered"
	drop_file "$1" "$2"
}

# invariants NAME: what must hold of a spool at rest (tests/lib/invariants.py),
# and every output verifies; one statement.
invariants() {
	{
		python3 "$NATSUIN_SRC/tests/lib/invariants.py" "$spool" \
			"$dir/offered"
		find -L "$spool/out" -type f -print0 |
			xargs -0 -r "$NATSUIN" verify -q >"$dir/verified" ||
			cat "$dir/verified"
	} >"$dir/broken" 2>&1
	expect "$1" eval '! grep . "$dir/broken"'
}

# kills HITS MOST REFILL: natsuin is killed and run again and again
# (tests/lib/kills.py) until all work is done.
kills() {
	export E2E_SEED=${E2E_SEED:-$RANDOM}
	python3 "$NATSUIN_SRC/tests/lib/kills.py" "$spool" "$dir/run.log" \
		"$dir/tanaka.pem" "$@" "$NATSUIN" -v run >"$dir/kills" 2>&1
	same kills-went-well 0 $?
	echo "# seed $E2E_SEED, $(grep '^[a-z]*=' "$dir/kills" | tr '\n' ' ')"
	expect all-kills-hit test \
		"$(sed -n 's/^hits=//p' "$dir/kills")" -ge "$1"
	same outputs-and-intents-stay '' \
		"$(grep -v '^[a-z]*=' "$dir/kills")"
	expect last-run-has-its-status grep -qE '^last=[034]$' "$dir/kills"
	expect then-there-is-nothing-to-do grep -qx after=0 "$dir/kills"
}
