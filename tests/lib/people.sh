# shellcheck shell=bash
# For scenarios about whose certificate signs (after tests/lib/e2e.sh).
#
#   people_make                    # keys tanaka (髙橋　太郎) and suzuki
#                                  # (鈴木　一郎); $dir/plain.conf
#   must accountant warn           # the drop folder's rule
#   named ACCOUNTANT TAXPAYER      # one filing
#   result                         # what became of it

: "${dir:?}" "${conf:?}" "${spool:?}" # of e2e.sh

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

people_make() {
	person tanaka --holder '髙橋　太郎' >"$dir/pki.log" 2>&1 || exit 1
	person suzuki --holder '鈴木　一郎' >>"$dir/pki.log" 2>&1 || exit 1
	spool_make 'signer-must-match = "accountant"'
	key_section suzuki 'etax-user-id = "2222222222222222"' >>"$conf"
	cp "$conf" "$dir/plain.conf"
}
