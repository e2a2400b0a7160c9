#!/usr/bin/env bash
# kill -9 while a P-384 key and an RSA key sign the same filings: a repeated
# ECDSA signature would be another one, so what was recorded is what is used;
# every output is published once, is what was recorded, and verifies.
. "$NATSUIN_SRC/tests/lib/e2e.sh"
key_make tanaka "${P384[@]}"
key_make suzuki
spool_make
sed -i 's/sign-with = { "tanaka" }/sign-with = { "tanaka", "suzuki" }/' "$conf"
{
	key_section suzuki 'etax-user-id = "1111111111111111"'
	printf 'algorithms {\n\tetax = { "rsa-sha256", "ecdsa-sha384" }\n}\n'
} >>"$conf"
drop=$spool/in/kokuzei
drop_filings etax 1 150 4KB
cp -r "$drop" "$dir/inputs"

# More work, for runs that end before they are hit.
cat >"$dir/refill" <<-EOF
	next=\$((1 + \$(find "$dir/inputs" -type f | wc -l)))
	"$NATSUIN_BUILD/tests/tools/filings" etax \$next 50 4KB "$dir/more" \
		1111111111111111
	cp "$dir/more"/* "$dir/inputs/"
	mv "$dir/more"/* "$drop/"
EOF
kills "${E2E_KILLS:-12}" 20 "$dir/refill"

total=$(find "$dir/inputs" -type f | wc -l)
find "$spool/out" -type f -printf '%f\n' | sort >"$dir/outputs"
same every-filing-is-published "$total" "$(wc -l <"$dir/outputs")"
same none-is-published-twice 0 "$(uniq -d "$dir/outputs" | wc -l)"
same nothing-in-work 0 "$(find "$spool/work" -mindepth 1 | wc -l)"
sha256sum "$dir/inputs"/* >"$dir/offered"
invariants spool-is-at-rest
same each-has-one-of-each "$total" "$(find "$spool/out" -type f -exec \
	perl -0777 -ne 'print "good\n" if join(" ",
		m{SignatureMethod Algorithm="[^"]*#([^"]*)"}g) eq
		"ecdsa-sha384 rsa-sha256"' {} \; | wc -l)"
expect audit-chain-is-whole "$NATSUIN" audit verify
finish
