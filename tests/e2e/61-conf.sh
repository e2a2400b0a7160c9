#!/usr/bin/env bash
# The configuration on the command line, and the examples that are installed.
set -u
# shellcheck source=tests/lib/e2e.sh
. "$NATSUIN_SRC/tests/lib/e2e.sh"

"$NATSUIN" --print-defaults >"$conf"
same print-defaults-exits-0 0 $?
expect shipped-example-is-the-same cmp "$conf" "$NATSUIN_SRC/conf/natsuin.conf"
"$NATSUIN" --lang ja --print-defaults >"$dir/ja.conf"
expect comments-in-japanese grep -q '投入フォルダ' "$dir/ja.conf"
same japanese-settings-are-the-same \
	"$(grep -vE '^#?\s*#|^# ' "$conf" | grep '=' | sort | sha256sum)" \
	"$(grep -vE '^#?\s*#|^# ' "$dir/ja.conf" | grep '=' | sort | sha256sum)"
printf 'schemas {\n\tpath = "s"\n\tmising = "warn"\n}\n' >"$dir/bad.conf"
"$NATSUIN" -c "$dir/bad.conf" schema list >/dev/null 2>"$dir/err"
same unknown-setting-exits-78 78 $?
expect file-and-line-are-said grep -q 'bad.conf:3: .*mising' "$dir/err"

if command -v systemd-analyze >/dev/null; then
	sed -i "s|/usr/bin/natsuin|$NATSUIN|; /^Documentation/d" \
		"$(cp -r "$NATSUIN_SRC/conf/systemd" "$dir/" &&
			echo "$dir/systemd/natsuin.service")" \
		"$dir/systemd/natsuin-watch.service"
	expect units-are-accepted systemd-analyze verify "$dir"/systemd/*
fi
if command -v systemd-sysusers >/dev/null; then
	expect sysusers-are-accepted systemd-sysusers --dry-run \
		"$NATSUIN_SRC/conf/sysusers.d/natsuin.conf"
fi
finish
