/*
 * The state of keys.  A marker is written, durably, before a PIN is tried
 * and removed after it was accepted: so a stored PIN that was refused is not
 * tried again, whatever dies in between.  It holds nothing that depends on
 * the PIN, only where it was read.
 */
#include "signer/key/keystate.h"

#include "base/clock.h"
#include "base/fsops.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKER_MAX 4096

static bool
own_folder(const char *path)
{
	struct stat st;

	return path != NULL && path[0] != '\0' && stat(path, &st) == 0 &&
	       S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* Splits the place into an existing base and the folders to be made. */
static const char *
place(const char *root, char *base, size_t size)
{
	const char *xdg = getenv("XDG_STATE_HOME");
	const struct passwd *pw;
	const char *home = getenv("HOME");

	if (own_folder(root)) {
		snprintf(base, size, "%s", root);
		return "state/keys";
	}
	if (xdg != NULL && xdg[0] == '/') {
		snprintf(base, size, "%s", xdg);
		return "natsuin/keys";
	}
	if (home == NULL || home[0] != '/') {
		pw = getpwuid(geteuid());
		home = pw == NULL ? "/" : pw->pw_dir;
	}
	snprintf(base, size, "%s", home);
	return ".local/state/natsuin/keys";
}

char *
keystate_path(const char *root, char *out, size_t size)
{
	char base[512];
	const char *below = place(root, base, sizeof base);

	snprintf(out, size, "%s/%s", base, below);
	return out;
}

int
keystate_open(const char *root, struct err *e)
{
	char base[512];
	const char *below = place(root, base, sizeof base);
	struct stat st;
	int fd, at = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (at < 0)
		return err_errno(
		    e, ERR_CONFIG, "key-state-unusable", "%s", base);
	fd = fs_mkdirs(at, below, 0700, e);
	close(at);
	if (fd < 0)
		return err_push(e, "key state %s/%s", base, below);
	if (fstat(fd, &st) != 0 || st.st_uid != geteuid() ||
	    (st.st_mode & 022) != 0) {
		close(fd);
		return err_set(e, ERR_CONFIG, "key-state-unusable",
		    "%s/%s must be this user's own", base, below);
	}
	return fd;
}

static char *
marker_name(const char *key, char *out, size_t size)
{
	snprintf(out, size, "%s.pin-refused", key);
	return out;
}

static char *
card_name(const char *key, char *out, size_t size)
{
	snprintf(out, size, "%s.card", key);
	return out;
}

int
key_card_read(int dirfd, const char *key, char card[KEY_CARD_SIZE])
{
	char name[128];
	struct buf text = {0};
	int result = 0;
	int fd = openat(dirfd, card_name(key, name, sizeof name),
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return 0;
	if (fs_read_all(fd, MARKER_MAX, &text, NULL) == 0 &&
	    text.len == KEY_CARD_SIZE - 1) {
		memcpy(card, text.p, text.len);
		card[text.len] = '\0';
		result = 1;
	}
	buf_free(&text);
	close(fd);
	return result;
}

int
key_card_write(int dirfd, const char *key, const char *card, struct err *e)
{
	char name[128];

	return fs_replace(
	    dirfd, card_name(key, name, sizeof name), slice_str(card), 0600, e);
}

static void
get_text(const json_t *j, const char *name, char *out, size_t size)
{
	const char *s = json_string_value(json_object_get(j, name));

	snprintf(out, size, "%s", s == NULL ? "" : s);
}

static int64_t
get_number(const json_t *j, const char *name)
{
	return json_integer_value(json_object_get(j, name));
}

static enum pin_source
source_from(const char *name)
{
	for (int s = PIN_SOURCE_NONE; s <= PIN_SOURCE_PAD; s++)
		if (strcmp(pin_source_name((enum pin_source)s), name) == 0)
			return (enum pin_source)s;
	return PIN_SOURCE_NONE;
}

static int
parse_marker(struct slice text, struct pin_marker *m)
{
	json_t *j = json_loadb((const char *)text.p, text.len, 0, NULL);
	char source[20];

	if (!json_is_object(j)) {
		json_decref(j);
		return -1;
	}
	get_text(j, "key", m->key, sizeof m->key);
	get_text(j, "code", m->code, sizeof m->code);
	m->time_ms = get_number(j, "time-ms");
	clock_text(m->time_ms, m->time);
	get_text(j, "where", m->where, sizeof m->where);
	get_text(j, "source", source, sizeof source);
	m->refused = json_is_true(json_object_get(j, "refused"));
	m->file_only = json_is_true(json_object_get(j, "file-only"));
	m->tries = (int)get_number(j, "tries");
	m->origin.source = source_from(source);
	m->origin.regular = json_is_true(json_object_get(j, "regular"));
	m->origin.size = (uint64_t)get_number(j, "size");
	m->origin.ctime_ns = get_number(j, "ctime");
	json_decref(j);
	return 0;
}

int
pin_marker_read(int dirfd, const char *key, struct pin_marker *m, struct err *e)
{
	char name[128];
	struct buf text = {0};
	int result = -1;
	int fd = openat(dirfd, marker_name(key, name, sizeof name),
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	memset(m, 0, sizeof *m);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fs_read_all(fd, MARKER_MAX, &text, e) != 0 ||
	    parse_marker(buf_view(&text), m) != 0)
		err_set(e, ERR_PIN, "pin-marker-unreadable", "%s", name);
	else
		result = 1;
	buf_free(&text);
	if (fd >= 0)
		close(fd);
	return result;
}

int
pin_marker_write(
    int dirfd, const char *key, const struct pin_marker *m, struct err *e)
{
	const struct pin_origin *o = &m->origin;
	char name[128], *text;
	int result;
	char when[CLOCK_TEXT_SIZE];
	json_t *j = json_pack("{s:s, s:b, s:b, s:s, s:s, s:I, s:s, s:s, s:i, "
			      "s:b, s:I, s:I}",
	    "key", m->key, "refused", m->refused, "file-only", m->file_only,
	    "code", m->code, "time", clock_text(m->time_ms, when), "time-ms",
	    (json_int_t)m->time_ms, "where", m->where, "source",
	    pin_source_name(o->source), "tries", m->tries, "regular",
	    o->regular, "size", (json_int_t)o->size, "ctime",
	    (json_int_t)o->ctime_ns);

	text = j == NULL ? NULL : json_dumps(j, JSON_INDENT(1));
	json_decref(j);
	if (text == NULL)
		return err_nomem(e);
	result = fs_replace(dirfd, marker_name(key, name, sizeof name),
	    slice_str(text), 0600, e);
	free(text);
	return result;
}

int
pin_marker_clear(int dirfd, const char *key, struct err *e)
{
	char name[128];

	if (fs_unlink(dirfd, marker_name(key, name, sizeof name), e) != 0)
		return -1;
	return fs_sync_dir(dirfd, e);
}

/* Device and inode say nothing: some file systems number both anew after a
 * restart.  A file that is written, replaced or touched has another ctime. */
static bool
same_file(const struct pin_origin *a, const struct pin_origin *b)
{
	return a->regular && b->regular && a->size == b->size &&
	       a->ctime_ns == b->ctime_ns;
}

/* Has an operator put another PIN there since?  A file that is made anew at
 * every start (a credential) and a pipe cannot be recognised: only a
 * person's successful unlock frees those. */
static bool
has_changed(const struct pin_marker *m, const struct pin_origin *now)
{
	if (!now->regular || now->source == PIN_SOURCE_CREDENTIAL)
		return false;
	if (m->origin.regular)
		return !same_file(&m->origin, now);
	return now->ctime_ns / 1000000 > m->time_ms;
}

bool
pin_marker_tells_change(const struct pin_marker *m)
{
	return strcmp(m->code, PIN_MARKER_CHANGED) == 0 ||
	       strcmp(m->code, PIN_MARKER_UNSURE) == 0;
}

/* What this key itself was told. */
static int
check_own(int dirfd, const char *key, const struct pin_origin *o,
    const struct key_status *now, struct err *e)
{
	struct pin_marker m;
	int got = pin_marker_read(dirfd, key, &m, e);

	if (got <= 0)
		return got;
	/* An attempt that was cut short and cost no try was never seen by
	 * the card, or was accepted.  Where a counter cannot be seen it may
	 * have cost one. */
	if (!m.refused &&
	    (m.tries == -1 || (m.tries >= 0 && now->tries_left >= m.tries)))
		return 0;
	if (has_changed(&m, o))
		return 0;
	if (m.file_only && o->source != PIN_SOURCE_FILE)
		return 0;
	if (pin_marker_tells_change(&m))
		return err_set(e, ERR_PIN, "pin-stored-outdated",
		    "key \"%s\": %s at %s", key, m.code, m.time);
	return err_set(e, ERR_PIN, "pin-file-refused-before",
	    "key \"%s\": %s at %s (%s)", key, m.code, m.time,
	    pin_source_name(m.origin.source));
}

/* Written by an operator after that happened; keys may share a file. */
static bool
is_newer(const struct pin_marker *m, const struct pin_origin *o)
{
	return o->regular && o->source != PIN_SOURCE_CREDENTIAL &&
	       !same_file(&m->origin, o) && o->ctime_ns / 1000000 > m->time_ms;
}

/* What the card told another key.  An attempt counts until somebody has
 * given the card the right PIN: its tries are back then. */
static int
check_others(int dirfd, const char *key, const struct pin_origin *o,
    const struct key_status *now, struct err *e)
{
	struct pin_marker m;
	bool change;
	int got;

	if (now->card[0] == '\0')
		return 0;
	got = pin_marker_read(dirfd, now->card, &m, e);
	if (got <= 0)
		return got;
	change = pin_marker_tells_change(&m);
	if (strcmp(m.key, key) == 0 || is_newer(&m, o) ||
	    (!change && m.tries >= 0 && now->tries_left >= m.tries))
		return 0;
	return err_set(e, ERR_PIN,
	    change ? "pin-stored-outdated" : "pin-refused-for-other-key",
	    "key \"%s\": %s of key \"%s\" at %s", key, m.code, m.key, m.time);
}

int
pin_marker_check(int dirfd, const char *key, const struct pin_origin *o,
    const struct key_status *now, struct err *e)
{
	if (pin_source_typed(o->source))
		return 0;
	if (check_own(dirfd, key, o, now, e) != 0)
		return -1;
	return check_others(dirfd, key, o, now, e);
}
