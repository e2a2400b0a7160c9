/*
 * One small file per key, replaced whole: a reader sees what was recorded
 * before or after, never half of it.  A line for each time it was said, so
 * that the file is also the office's proof; the last line counts.  What does
 * not read as such a line counts as nothing recorded and is an error.
 */
#include "signer/cert/registered.h"

#include "base/clock.h"
#include "base/fsops.h"
#include "base/text.h"
#include "queue/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "registered"
#define FILE_MAX (64 * 1024)
#define KEPT_MAX (32 * 1024) /* older lines are dropped beyond */
#define HEX 64

static int
unreadable(const char *key, struct err *e)
{
	return err_set(
	    e, ERR_CONFIG, "registration-unreadable", "%s/%s", FOLDER, key);
}

/* The spool's state folder; descriptor / -1. */
static int
open_state(const struct conf *c, struct err *e)
{
	char path[1100];
	int dir;

	snprintf(path, sizeof path, "%s/state", c->root);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_errno(e, ERR_CONFIG, "queue-none", "%s", path);
	return dir;
}

static int
hex_byte(const char *at, uint8_t *out)
{
	static const char digits[] = "0123456789abcdef";
	const char *high = strchr(digits, at[0]), *low = strchr(digits, at[1]);

	if (at[0] == '\0' || at[1] == '\0' || high == NULL || low == NULL)
		return -1;
	*out = (uint8_t)((high - digits) << 4 | (low - digits));
	return 0;
}

/* "HEX MILLISECONDS UID TIME-FOR-PEOPLE" */
static int
parse_line(const char *line, struct registration *r)
{
	char ms[24], uid[24];
	int64_t id;

	if (strlen(line) < HEX + 2 || line[HEX] != ' ' ||
	    sscanf(line + HEX, " %23s %23s", ms, uid) != 2 ||
	    text_number(ms, 1, INT64_MAX / 2, &r->time_ms) != 0 ||
	    text_number(uid, 0, UINT32_MAX, &id) != 0)
		return -1;
	for (size_t i = 0; i < HEX / 2; i++)
		if (hex_byte(line + 2 * i, &r->sha256[i]) != 0)
			return -1;
	r->uid = (uid_t)id;
	return 0;
}

/* Its bytes, as text that ends with a line: 1, 0 no file, -1. */
static int
read_file(int state, const char *key, struct buf *out, struct err *e)
{
	char name[128];
	int fd, result;

	snprintf(name, sizeof name, FOLDER "/%s", key);
	fd =
	    openat(state, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return unreadable(key, e);
	result = fs_read_all(fd, FILE_MAX, out, e);
	close(fd);
	if (result != 0 || out->len < HEX || out->p[out->len - 1] != '\n')
		return unreadable(key, e);
	return 1;
}

static int
last_line(struct buf *text, struct registration *r)
{
	char *line;

	text->p[text->len - 1] = '\0'; /* its line feed */
	if (memchr(text->p, '\0', text->len - 1) != NULL)
		return -1;
	line = strrchr((char *)text->p, '\n');
	return parse_line(line == NULL ? (char *)text->p : line + 1, r);
}

int
registered_get(const struct conf *c, const char *key, struct registration *r,
    struct err *e)
{
	struct buf text = {0};
	int state = open_state(c, e), result;

	memset(r, 0, sizeof *r);
	if (state < 0)
		return strcmp(e->code, "queue-none") == 0 ? 0 : -1;
	result = read_file(state, key, &text, e);
	if (result == 1 && last_line(&text, r) != 0) {
		memset(r, 0, sizeof *r);
		result = unreadable(key, e);
	}
	buf_free(&text);
	close(state);
	return result;
}

/* Where the lines begin that are kept. */
static size_t
kept_from(const struct buf *text)
{
	size_t at;

	if (text->len <= KEPT_MAX)
		return 0;
	for (at = text->len - KEPT_MAX; text->p[at] != '\n'; at++)
		;
	return at + 1;
}

/* An unreadable file is no reason to refuse a new record: it is replaced. */
static int
write_file(int dir, const char *key, const struct registration *r,
    struct buf *old, struct err *e)
{
	char hex[HEX + 1], when[CLOCK_TEXT_SIZE];
	size_t from = kept_from(old);
	struct buf text = {0};
	int result;

	text_hex_fixed(hex, r->sha256, sizeof r->sha256);
	if ((old->len > from &&
		buf_append(&text, old->p + from, old->len - from) != 0) ||
	    buf_printf(&text, "%s %lld %lld %s\n", hex, (long long)r->time_ms,
		(long long)r->uid, clock_text(r->time_ms, when)) != 0)
		result = err_nomem(e);
	else
		result = fs_replace(dir, key, buf_view(&text), 0600, e);
	buf_free(&text);
	return result;
}

int
registered_put(const struct conf *c, const char *key,
    const struct registration *r, struct err *e)
{
	struct buf old = {0};
	struct err ignored = {0};
	struct stat st;
	int state = open_state(c, e), dir = -1, result = -1;

	if (state < 0)
		return -1;
	/* What root writes the batch could not read. */
	if (fstat(state, &st) != 0 || st.st_uid != geteuid()) {
		err_set(e, ERR_CONFIG, "registration-not-owner", "%s/state",
		    c->root);
		goto out;
	}
	dir = fs_mkdirs(state, FOLDER, 0700, e);
	if (dir < 0)
		goto out;
	if (read_file(state, key, &old, &ignored) != 1)
		buf_reset(&old);
	result = write_file(dir, key, r, &old, e);
out:
	buf_free(&old);
	if (dir >= 0)
		close(dir);
	close(state);
	return result;
}

/* Was another certificate seen with this key? */
static int
seen_another(
    struct queue *q, const char *key, const uint8_t sha256[32], struct err *e)
{
	struct queue_certificate other = {0};
	int found;

	if (q == NULL)
		return 0;
	found = queue_certificate_last(q, key, sha256, &other, e);
	queue_certificate_free(&other);
	return found;
}

int
registered_judge(const struct conf *c, struct queue *q, const char *key,
    const uint8_t sha256[32], enum registered *out, struct registration *r,
    struct err *e)
{
	int recorded = registered_get(c, key, r, e), another;

	if (recorded < 0)
		return -1;
	if (recorded == 1) {
		*out = memcmp(r->sha256, sha256, sizeof r->sha256) == 0
			   ? REGISTERED_YES
			   : REGISTERED_CHANGED;
		return 0;
	}
	another = seen_another(q, key, sha256, e);
	*out = another == 1 ? REGISTERED_CHANGED : REGISTERED_FIRST;
	return another < 0 ? -1 : 0;
}
