/*
 * Reads the configuration: libconfuse parses, the table of settings decides
 * what exists and what is allowed.  Every fault is said with file and line;
 * nothing is guessed, nothing unknown is passed over, and nothing of the
 * file is used when one thing in it is wrong.
 */
#include "conf/conf.h"

#include "base/buf.h"
#include "base/fsops.h"
#include "base/text.h"
#include "conf/check.h"
#include "conf/table.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (1024 * 1024)
#define OPTS_MAX 24
#define SECTIONS_MAX 16

/* Put after the text: libconfuse takes the end of the file for the end of an
 * open section, and this setting exists only outside of all sections. */
#define SENTINEL "__end__"

/* libconfuse's callbacks have no argument of their own. */
static struct conf_reading *now;

/* code: 3 of fault, code: 3 of conf_fault */
static int
fault(struct conf_reading *r, int line, const char *code, const char *text)
{
	if (r->failed)
		return -1; /* the first fault; others may follow from it */
	r->failed = true;
	if (line > r->lines) /* at the end, beyond it by what we appended */
		line = r->lines;
	return err_set(
	    r->e, ERR_CONFIG, code, "%s:%d: %s", r->file, line, text);
}

int
conf_fault(
    struct conf_reading *r, int line, const char *code, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof text, fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	return fault(r, line, code, text);
}

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* libconfuse's own messages, which it would print to stderr. */
static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	const char *code = "conf-syntax";
	char text[200];

	if (vsnprintf(text, sizeof text, fmt, ap) < 0)
		text[0] = '\0';
	if (strstr(text, SENTINEL) != NULL)
		snprintf(text, sizeof text, "a section is not closed by }");
	else if (strstr(text, "no such option") != NULL)
		code = "conf-unknown-setting";
	else if (strstr(text, "duplicate title") != NULL)
		code = "conf-duplicate";
	fault(now, cfg == NULL ? 0 : cfg->line, code, text);
}

static struct conf_seen *
find_seen(const struct conf_reading *r, const void *opt)
{
	for (size_t i = 0; i < r->seen_count; i++) {
		if (r->seen[i].opt == opt)
			return &r->seen[i];
	}
	return NULL;
}

int
conf_line_of(const struct conf_reading *r, const void *opt)
{
	const struct conf_seen *seen = find_seen(r, opt);

	return seen == NULL ? 0 : seen->line;
}

static int
seen_new(cfg_t *cfg, cfg_opt_t *opt)
{
	bool list = (opt->flags & CFGF_LIST) != 0;
	struct conf_seen *grown;

	grown = realloc(now->seen, (now->seen_count + 1) * sizeof *grown);
	if (grown == NULL)
		return conf_fault(now, cfg->line, "out-of-memory", "no memory");
	now->seen = grown;
	grown[now->seen_count++] = (struct conf_seen){.opt = opt,
	    .line = cfg->line,
	    .values = cfg_opt_size(opt),
	    .closed = !list || cfg_opt_size(opt) == 0};
	return 0;
}

/*
 * A value has been read: remember where, and that it is the only one.  For
 * a list this is called after each value and once more at its closing brace,
 * when the number of values has not grown.
 */
static int
on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	struct conf_seen *seen = find_seen(now, opt);

	if (seen == NULL)
		return seen_new(cfg, opt);
	if (seen->closed)
		return conf_fault(now, cfg->line, "conf-duplicate",
		    "\"%s\" is set twice", opt->name);
	seen->closed = cfg_opt_size(opt) <= seen->values;
	seen->values = cfg_opt_size(opt);
	return 0;
}

/* Sections without a title exist once. */
static int
on_section(cfg_t *cfg, cfg_opt_t *opt)
{
	return (opt->flags & CFGF_TITLE) != 0 ? 0 : on_value(cfg, opt);
}

static void
section_opts(const char *section, cfg_opt_t *opts)
{
	size_t n = 0;

	for (const struct conf_setting *s = conf_settings; s->name; s++) {
		cfg_opt_t single = CFG_STR(s->name, NULL, CFGF_NONE);
		cfg_opt_t list = CFG_STR_LIST(s->name, NULL, CFGF_NONE);
		bool many = conf_is_list(s);

		if (strcmp(s->section, section) != 0)
			continue;
		if (n + 1 >= OPTS_MAX)
			BUG("too many settings in a section");
		opts[n] = many ? list : single;
		opts[n++].validcb = on_value;
	}
	opts[n] = (cfg_opt_t)CFG_END();
}

static cfg_t *
build_parser(void)
{
	cfg_opt_t top[SECTIONS_MAX], opts[SECTIONS_MAX][OPTS_MAX];
	size_t n = 0;

	for (const struct conf_section *s = conf_sections; s->name; s++) {
		cfg_flag_t flags = CFGF_NONE;

		if (n + 2 >= SECTIONS_MAX)
			BUG("too many sections");
		section_opts(s->name, opts[n]);
		if (s->example != NULL)
			flags = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
		top[n] = (cfg_opt_t)CFG_SEC(s->name, opts[n], flags);
		top[n++].validcb = on_section;
	}
	top[n++] = (cfg_opt_t)CFG_STR(SENTINEL, NULL, CFGF_NONE);
	top[n] = (cfg_opt_t)CFG_END();
	return cfg_init(top, CFGF_NONE);
}

static int
set_defaults(const struct conf_setting *s, void *base, const char *dir)
{
	bool list = conf_is_list(s);
	const char *text = s->fallback;
	char why[120], word[128];

	if (s->type == CONF_INSIDE)
		return 0; /* made from the title, when all is known */
	if (!list)
		return conf_value_set(s, base, text, dir, why);
	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		snprintf(word, sizeof word, "%.*s", (int)n, text);
		if (conf_value_set(s, base, word, dir, why) != 0)
			return -1;
		text += n + (text[n] == ' ');
	}
	return 0;
}

static int
take_value(struct conf_reading *r, cfg_opt_t *opt, const struct conf_setting *s,
    void *base)
{
	int line = conf_line_of(r, opt);
	char why[120];

	/* "{}" has no value whose line could be remembered. */
	if (line == 0 && (opt->flags & CFGF_MODIFIED) == 0) {
		if (set_defaults(s, base, r->dir) != 0)
			return conf_fault(
			    r, 0, "out-of-memory", "default of %s", s->name);
		return 0;
	}
	for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
		const char *text = cfg_opt_getnstr(opt, i);

		if (text == NULL)
			continue;
		if (conf_value_set(s, base, text, r->dir, why) != 0)
			return conf_fault(r, line, "conf-value",
			    "%s = \"%.60s\": %s", s->name, text, why);
	}
	return 0;
}

static int
take_section(struct conf_reading *r, cfg_t *cfg, const char *name, void *base)
{
	for (const struct conf_setting *s = conf_settings; s->name; s++) {
		if (strcmp(s->section, name) != 0)
			continue;
		if (take_value(r, cfg_getopt(cfg, s->name), s, base) != 0)
			return -1;
	}
	return 0;
}

static int
take_drops(struct conf_reading *r, cfg_t *cfg)
{
	size_t n = cfg_size(cfg, "drop");

	r->conf->drops = calloc(n + 1, sizeof *r->conf->drops);
	if (r->conf->drops == NULL)
		return conf_fault(r, 0, "out-of-memory", "no memory");
	for (size_t i = 0; i < n; i++) {
		struct conf_drop *d = &r->conf->drops[i];
		cfg_t *sec = cfg_getnsec(cfg, "drop", (unsigned)i);

		r->conf->drop_count++;
		d->name = strdup(cfg_title(sec));
		if (d->name == NULL)
			return conf_fault(r, 0, "out-of-memory", "no memory");
		if (take_section(r, sec, "drop", d) != 0 ||
		    conf_check_drop(r, sec, d) != 0)
			return -1;
	}
	return 0;
}

static int
take_keys(struct conf_reading *r, cfg_t *cfg)
{
	size_t n = cfg_size(cfg, "key");

	r->conf->keys = calloc(n + 1, sizeof *r->conf->keys);
	if (r->conf->keys == NULL)
		return conf_fault(r, 0, "out-of-memory", "no memory");
	for (size_t i = 0; i < n; i++) {
		struct conf_key *k = &r->conf->keys[i];
		cfg_t *sec = cfg_getnsec(cfg, "key", (unsigned)i);

		r->conf->key_count++;
		k->name = strdup(cfg_title(sec));
		if (k->name == NULL)
			return conf_fault(r, 0, "out-of-memory", "no memory");
		if (take_section(r, sec, "key", k) != 0 ||
		    conf_check_key(r, sec, k) != 0)
			return -1;
	}
	return 0;
}

static int
take_pools(struct conf_reading *r, cfg_t *cfg)
{
	size_t n = cfg_size(cfg, "pool");

	/* One more, for the keys by the agent's number (conf/check.c). */
	r->conf->pools = calloc(n + 1, sizeof *r->conf->pools);
	if (r->conf->pools == NULL)
		return conf_fault(r, 0, "out-of-memory", "no memory");
	for (size_t i = 0; i < n; i++) {
		struct conf_pool *p = &r->conf->pools[i];
		cfg_t *sec = cfg_getnsec(cfg, "pool", (unsigned)i);

		r->conf->pool_count++;
		p->name = strdup(cfg_title(sec));
		if (p->name == NULL)
			return conf_fault(r, 0, "out-of-memory", "no memory");
		if (take_section(r, sec, "pool", p) != 0 ||
		    conf_check_pool(r, sec, p) != 0)
			return -1;
	}
	return 0;
}

static int
take_kinds(struct conf_reading *r, cfg_t *cfg)
{
	size_t n = cfg_size(cfg, "certificate-kind");

	r->conf->kinds = calloc(n + 1, sizeof *r->conf->kinds);
	if (r->conf->kinds == NULL)
		return conf_fault(r, 0, "out-of-memory", "no memory");
	for (size_t i = 0; i < n; i++) {
		struct conf_kind *k = &r->conf->kinds[i];
		cfg_t *sec = cfg_getnsec(cfg, "certificate-kind", (unsigned)i);

		r->conf->kind_count++;
		k->name = strdup(cfg_title(sec));
		if (k->name == NULL)
			return conf_fault(r, 0, "out-of-memory", "no memory");
		if (take_section(r, sec, "certificate-kind", k) != 0 ||
		    conf_check_kind(r, sec, k) != 0)
			return -1;
	}
	return 0;
}

/* Keys first: pools name them, and drops both. */
static int
take_all(struct conf_reading *r, cfg_t *cfg)
{
	for (const struct conf_section *s = conf_sections; s->name; s++) {
		if (s->example == NULL &&
		    take_section(
			r, cfg_getsec(cfg, s->name), s->name, r->conf) != 0)
			return -1;
	}
	if (take_kinds(r, cfg) != 0 || take_keys(r, cfg) != 0 ||
	    take_pools(r, cfg) != 0 || take_drops(r, cfg) != 0)
		return -1;
	return conf_check_all(r, cfg);
}

static int
parse(struct conf_reading *r, struct buf *text)
{
	FILE *in = NULL;
	cfg_t *cfg = NULL;
	int result = -1;

	now = r;
	in = fmemopen(text->p, text->len, "r");
	cfg = build_parser();
	if (in == NULL || cfg == NULL) {
		conf_fault(r, 0, "out-of-memory", "no memory");
		goto out;
	}
	cfg_set_error_function(cfg, on_error);
	cfg->filename = strdup(r->file);
	if (cfg_parse_fp(cfg, in) != CFG_SUCCESS || r->failed ||
	    cfg_getstr(cfg, SENTINEL) == NULL) {
		conf_fault(r, cfg->line, "conf-syntax", "not understood");
		goto out;
	}
	result = take_all(r, cfg);
out:
	if (cfg != NULL)
		cfg_free(cfg);
	if (in != NULL)
		fclose(in);
	free(r->seen);
	now = NULL;
	return result;
}

/* Editors on Windows leave a BOM and CRLF; both are fine. */
static int
read_text(struct conf_reading *r, struct buf *out)
{
	int fd = open(r->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct buf raw = {0};
	size_t at = 0;
	int result = -1;

	if (fd < 0) {
		err_errno(r->e, ERR_CONFIG, "conf-unreadable", "%s", r->file);
		goto out;
	}
	if (fs_read_all(fd, FILE_MAX, &raw, r->e) != 0) {
		r->e->class = ERR_CONFIG;
		err_push(r->e, "%s", r->file);
		goto out;
	}
	if (!text_is_utf8(buf_view(&raw)) ||
	    (raw.len > 0 && memchr(raw.p, '\0', raw.len) != NULL)) {
		fault(r, 1, "conf-encoding", "the file is not UTF-8 text");
		goto out;
	}
	if (slice_starts(buf_view(&raw), "\xEF\xBB\xBF"))
		at = 3;
	for (; at < raw.len; at++) {
		if (raw.p[at] == '\r' && at + 1 < raw.len &&
		    raw.p[at + 1] == '\n')
			continue;
		if (buf_putc(out, raw.p[at]) != 0)
			goto nomem;
		r->lines += raw.p[at] == '\n' && at + 1 < raw.len;
	}
	if (buf_puts(out, "\n" SENTINEL " = end\n") != 0)
		goto nomem;
	result = 0;
	goto out;
nomem:
	err_nomem(r->e);
out:
	if (fd >= 0)
		close(fd);
	buf_free(&raw);
	return result;
}

/* The absolute folder of the file, with its '/' at the end. */
static char *
folder_of(const char *file)
{
	char *real = realpath(file, NULL);
	char *slash = real == NULL ? NULL : strrchr(real, '/');

	if (slash != NULL)
		slash[1] = '\0';
	return real;
}

struct conf *
conf_load(const char *file, struct err *e)
{
	struct conf *c = calloc(1, sizeof *c);
	struct conf_reading r = {.conf = c, .file = file, .e = e, .lines = 1};
	struct buf text = {0};
	int result = -1;

	if (c == NULL) {
		err_nomem(e);
		return NULL;
	}
	if (read_text(&r, &text) != 0)
		goto out;
	r.dir = folder_of(file);
	c->file = realpath(file, NULL);
	if (r.dir == NULL || c->file == NULL) {
		err_errno(e, ERR_CONFIG, "conf-unreadable", "%s", file);
		goto out;
	}
	result = parse(&r, &text);
out:
	buf_free(&text);
	free(r.dir);
	if (result != 0) {
		conf_free(c);
		return NULL;
	}
	return c;
}

static void
free_section(const char *section, void *base)
{
	for (const struct conf_setting *s = conf_settings; s->name; s++) {
		if (strcmp(s->section, section) == 0)
			conf_value_free(s, base);
	}
}

void
conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->drop_count; i++) {
		free_section("drop", &c->drops[i]);
		free(c->drops[i].name);
	}
	for (size_t i = 0; i < c->key_count; i++) {
		free_section("key", &c->keys[i]);
		free(c->keys[i].name);
	}
	for (size_t i = 0; i < c->pool_count; i++) {
		free_section("pool", &c->pools[i]);
		free(c->pools[i].name);
	}
	for (size_t i = 0; i < c->kind_count; i++) {
		free_section("certificate-kind", &c->kinds[i]);
		free(c->kinds[i].name);
	}
	for (const struct conf_section *s = conf_sections; s->name; s++) {
		if (s->example == NULL)
			free_section(s->name, c);
	}
	free(c->kinds);
	free(c->pools);
	free(c->drops);
	free(c->keys);
	free(c->file);
	free(c);
}

const struct conf_key *
conf_key_find(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->key_count; i++) {
		if (strcmp(c->keys[i].name, name) == 0)
			return &c->keys[i];
	}
	return NULL;
}

const struct conf_drop *
conf_drop_find(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->drop_count; i++) {
		if (strcmp(c->drops[i].name, name) == 0)
			return &c->drops[i];
	}
	return NULL;
}

const struct conf_pool *
conf_pool_find(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->pool_count; i++) {
		if (strcmp(c->pools[i].name, name) == 0)
			return &c->pools[i];
	}
	return NULL;
}

struct conf_list
conf_signer_keys(const struct conf *c, char **name)
{
	const struct conf_pool *p = conf_pool_find(c, *name);
	struct conf_list alone = {name, 1};

	return p != NULL ? p->keys : alone;
}

bool
conf_drop_signs_with(
    const struct conf *c, const struct conf_drop *d, const char *key)
{
	for (size_t i = 0; i < d->sign_with.count; i++) {
		struct conf_list keys =
		    conf_signer_keys(c, &d->sign_with.item[i]);

		for (size_t k = 0; k < keys.count; k++)
			if (strcmp(keys.item[k], key) == 0)
				return true;
	}
	return false;
}

static bool
allowed_by(
    const struct conf_setting *s, const struct conf *c, const char *algorithm)
{
	const bool *flags = (const void *)((const char *)c + s->offset);

	for (size_t i = 0; s->words[i] != NULL; i++)
		if (strcmp(s->words[i], algorithm) == 0)
			return flags[i];
	return false;
}

bool
conf_algorithm_allowed(
    const struct conf *c, const char *format, const char *algorithm)
{
	for (const struct conf_setting *s = conf_settings; s->name; s++) {
		if (strcmp(s->section, "algorithms") == 0 &&
		    (format == NULL || strcmp(s->name, format) == 0) &&
		    allowed_by(s, c, algorithm))
			return true;
	}
	return false;
}
