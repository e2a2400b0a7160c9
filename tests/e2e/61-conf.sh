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

# What is typed wrongly is told before anything is opened.
wrongly() {
	"$NATSUIN" -c "$dir/none.conf" "$@" >"$dir/out" 2>"$dir/err"
	echo "$? $(head -n 1 "$dir/err")"
}
same no-argument '64 usage: natsuin check [--drop NAME] FILE...' \
	"$(wrongly check)"
same too-many-arguments '64 usage: natsuin init [--demo] DIR' \
	"$(wrongly init a b)"
same unknown-command '64 natsuin: there is no such command: sgin' \
	"$(wrongly sgin)"
same closed-pin-fd "64 natsuin: the option lacks its value, or the value is \
not one it takes: --pin-fd" "$(wrongly run --pin-fd 77)"
"$NATSUIN" --print-defaults >"$dir/good.conf"
expect unknown-key-is-named grep -q 'no key of this name. ("nobody"' <(
	"$NATSUIN" -c "$dir/good.conf" cert nobody 2>&1)

# What the README says under "Use it", as far as no card is needed.
sed -n '/^## Use it/,/^## What/p' "$NATSUIN_SRC/README.md" |
	grep -E '^(export|natsuin (init|doctor|run))' |
	sed "s|/srv/natsuin|$dir/office|; s|^natsuin|\"$NATSUIN\"|" \
		>"$dir/steps"
same readme-steps 4 "$(wc -l <"$dir/steps")"
env -u NATSUIN_CONF bash "$dir/steps" >"$dir/out" 2>&1
expect readme-finds-the-configuration grep -q 'configuration read' "$dir/out"
expect readme-runs grep -q 'nothing to sign' "$dir/out"

# Installed elsewhere, the units and the cron line name that place.
root=$dir/root/opt/natsuin
expect installs env -u MAKEFLAGS make -s -C "$NATSUIN_SRC" install \
	B="${NATSUIN_BUILD#"$NATSUIN_SRC"/}" DESTDIR="$dir/root" \
	PREFIX=/opt/natsuin
same installed-program "$("$NATSUIN" --version)" \
	"$("$root/bin/natsuin" --version)"
same installed-place "$(grep -lrE '(=| )/usr/bin/natsuin' \
	"$NATSUIN_SRC/conf/systemd" "$NATSUIN_SRC/conf/cron" | wc -l)" "$(grep -lE '(=| )/opt/natsuin/bin/natsuin' \
	"$root"/lib/systemd/system/*.service \
	"$root/share/doc/natsuin/examples/cron/natsuin" | wc -l)"
same installed-pages 'man1/natsuin.1 man5/natsuin.conf.5 man7/natsuin-spool.7' \
	"$(cd "$root/share/man" && printf '%s\n' man*/* | paste -sd ' ')"
expect installed-manual test -s "$root/share/doc/natsuin/docs/ja/README.md"

if command -v systemd-analyze >/dev/null; then
	cp -r "$NATSUIN_SRC/conf/systemd" "$dir/"
	sed -i "s|/usr/bin/natsuin|$NATSUIN|; /^Documentation/d" \
		"$dir"/systemd/*.service
	expect units-are-accepted systemd-analyze verify "$dir"/systemd/*
else
	skip units-are-accepted "systemd-analyze is not installed"
fi
if command -v systemd-sysusers >/dev/null; then
	expect sysusers-are-accepted systemd-sysusers --dry-run \
		"$NATSUIN_SRC/conf/sysusers.d/natsuin.conf"
else
	skip sysusers-are-accepted "systemd-sysusers is not installed"
fi
finish
