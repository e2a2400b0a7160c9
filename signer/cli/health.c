/*
 * Checks of the installation: folders and their rights, schemas, anchors and
 * the sandbox.  They look and change nothing.
 */
#include "signer/cli/health.h"

#include "base/clock.h"
#include "base/fsops.h"
#include "base/i18n.h"
#include "base/text.h"
#include "schemas/store.h"
#include "signer/cert/cert.h"
#include "signer/exam/examiner.h"
#include "signer/exam/sandbox.h"
#include "signer/report/explain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPACE_LEAST (1ULL << 30)

static struct health_line *
add(struct health *h, enum health_state state, const char *subject)
{
	struct health_line *grown =
	    reallocarray(h->line, h->count + 1, sizeof *grown);
	struct health_line *l;

	if (grown == NULL)
		return NULL;
	h->line = grown;
	l = &grown[h->count++];
	memset(l, 0, sizeof *l);
	l->state = state;
	text_printable(l->subject, sizeof l->subject, slice_str(subject));
	return l;
}

void
health_free(struct health *h)
{
	free(h->line);
	memset(h, 0, sizeof *h);
}

void
health_good(struct health *h, const char *subject, const char *fmt, ...)
{
	struct health_line *l = add(h, HEALTH_GOOD, subject);
	char text[500];
	va_list ap;

	if (l == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	text_printable(l->what, sizeof l->what, slice_str(text));
}

/* code: 4 of health_note */
void
health_note(struct health *h, enum health_state state, const char *subject,
    const char *code, const char *detail)
{
	struct health_line *l = add(h, state, subject);
	char text[500];

	if (l == NULL)
		return;
	snprintf(l->code, sizeof l->code, "%s", code);
	snprintf(text, sizeof text, "%s%s%s%s", explain_what(code),
	    *detail == '\0' ? "" : " (", detail, *detail == '\0' ? "" : ")");
	text_printable(l->what, sizeof l->what, slice_str(text));
	snprintf(l->todo, sizeof l->todo, "%s", explain_todo(code));
}

void
health_err(struct health *h, enum health_state state, const char *subject,
    const struct err *e)
{
	char detail[400];

	snprintf(detail, sizeof detail, "%s%s%s", e->detail,
	    e->errnum != 0 && e->detail[0] != '\0' ? ": " : "",
	    e->errnum != 0 ? strerror(e->errnum) : "");
	health_note(h, state, subject, e->code, detail);
}

/* ---- folders ------------------------------------------------------------ */

struct folder {
	const char *name;
	bool private; /* nobody else may look inside */
};

static const struct folder folders[] = {{"work", true}, {"state", true},
    {"in", false}, {"out", false}, {"failed", false}, {"done", false},
    {"reports", false}};

static void
check_folder(struct health *h, const char *path, bool private)
{
	char mode[16];
	struct stat st;

	if (stat(path, &st) != 0) {
		health_note(h, errno == ENOENT ? HEALTH_WARN : HEALTH_BAD, path,
		    errno == ENOENT ? "folder-missing" : "folder-unusable",
		    strerror(errno));
		return;
	}
	snprintf(mode, sizeof mode, "%04o", (unsigned)(st.st_mode & 07777));
	if (!S_ISDIR(st.st_mode))
		health_note(h, HEALTH_BAD, path, "folder-unusable", "");
	else if (faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) != 0)
		health_note(
		    h, HEALTH_BAD, path, "folder-unusable", strerror(errno));
	else if (private && (st.st_mode & 077) != 0)
		health_note(h, HEALTH_BAD, path, "folder-not-private", mode);
	else if ((st.st_mode & 07) != 0)
		health_note(
		    h, HEALTH_WARN, path, "folder-world-readable", mode);
	else
		health_good(h, path, _("there, rights %s"), mode);
}

static void
check_space(struct health *h, const char *root)
{
	struct statvfs v;
	unsigned long long left;
	char text[40];

	if (statvfs(root, &v) != 0)
		return;
	left = (unsigned long long)v.f_bavail * v.f_frsize;
	if (left < SPACE_LEAST) {
		snprintf(text, sizeof text, "%llu MB", left >> 20);
		health_note(h, HEALTH_WARN, root, "disk-nearly-full", text);
	} else {
		health_good(h, root, _("%llu MB free"), left >> 20);
	}
}

/* Sockets of keyholders: the folder may be missing until the first one. */
static void
check_run_dir(struct health *h, const char *path)
{
	struct stat st;
	char mode[16];

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		health_note(h, HEALTH_WARN, path, "run-dir-missing", "");
		return;
	}
	snprintf(mode, sizeof mode, "%04o", (unsigned)(st.st_mode & 07777));
	if ((st.st_mode & 02) != 0)
		health_note(h, HEALTH_BAD, path, "run-dir-open", mode);
	else
		health_good(h, path, _("there, rights %s"), mode);
}

/* "root/name", whether or not the root's own name ends in '/'. */
static void
below(const char *root, const char *name, char *out, size_t size)
{
	size_t len = strlen(root);

	while (len > 1 && root[len - 1] == '/')
		len--;
	snprintf(out, size, "%.*s/%s", (int)len, root, name);
}

static void
check_due(struct health *h, const struct conf_drop *d)
{
	char when[32], subject[64];

	if (d->due_ms == 0)
		return;
	snprintf(subject, sizeof subject, _("drop %s"), d->name);
	cert_time_text(d->due_ms, when, sizeof when);
	when[10] = '\0';
	if (d->due_ms < clock_wall_ms())
		health_note(h, HEALTH_WARN, subject, "due-passed", when);
	else
		health_good(h, subject, _("due %s (%lld days left)"), when,
		    (long long)(clock_day(d->due_ms) -
				clock_day(clock_wall_ms())));
}

void
health_files(struct health *h, const struct conf *c)
{
	struct stat st;
	char path[1200];

	if (stat(c->file, &st) == 0 && (st.st_mode & 02) != 0)
		health_note(h, HEALTH_BAD, c->file, "conf-writable", "");
	else
		health_good(h, c->file,
		    _("configuration read: %zu drop folders, %zu keys"),
		    c->drop_count, c->key_count);
	if (stat(c->root, &st) != 0) {
		health_note(
		    h, HEALTH_BAD, c->root, "folder-missing", strerror(errno));
		return;
	}
	check_space(h, c->root);
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		below(c->root, folders[i].name, path, sizeof path);
		check_folder(h, path, folders[i].private);
	}
	for (size_t i = 0; i < c->drop_count; i++) {
		below(c->root, c->drops[i].path, path, sizeof path);
		check_folder(h, path, false);
		check_due(h, &c->drops[i]);
	}
	check_run_dir(h, c->run_dir);
}

void
health_schemas(struct health *h, const struct conf *c)
{
	struct schema_entry *list = NULL;
	struct schema_store *s;
	struct err e = {0};
	size_t n = 0;

	if (c->schemas == NULL || c->schemas[0] == '\0') {
		health_note(h, HEALTH_WARN, _("schemas"), "schemas-none", "");
		return;
	}
	s = schema_store_open(c->schemas, &e);
	if (s == NULL || schema_store_list(s, &list, &n, &e) != 0)
		health_err(h, HEALTH_BAD, c->schemas, &e);
	else if (n == 0)
		health_note(h, HEALTH_WARN, c->schemas, "schemas-none", "");
	else
		health_good(h, c->schemas, _("%zu schema bundles"), n);
	free(list);
	schema_store_close(s);
}

/* ---- anchors ------------------------------------------------------------ */

static void
check_anchor(struct health *h, const struct cert_anchors *a, size_t i)
{
	struct buf der = {0};
	struct cert_info *c = calloc(1, sizeof *c);
	struct err e = {0};
	char when[32], detail[200];

	if (c != NULL && cert_anchors_der(a, i, &der) == 0 &&
	    cert_parse(buf_view(&der), c, &e) == 0 &&
	    c->not_after_ms < clock_wall_ms()) {
		cert_time_text(c->not_after_ms, when, sizeof when);
		snprintf(detail, sizeof detail, "%.140s, %s", c->subject, when);
		health_note(
		    h, HEALTH_WARN, _("anchors"), "anchor-expired", detail);
	}
	buf_free(&der);
	free(c);
}

struct cert_anchors *
health_anchors(struct health *h, const struct conf *c)
{
	struct cert_anchors *a;
	struct err e = {0};

	if (c->anchors == NULL || c->anchors[0] == '\0') {
		health_note(h, HEALTH_WARN, _("anchors"),
		    "certificate-path-not-checked", "");
		return NULL;
	}
	a = cert_anchors_load(c->anchors, &e);
	if (a == NULL) {
		health_err(h, HEALTH_BAD, c->anchors, &e);
		return NULL;
	}
	if (cert_anchors_trusted(a) == 0)
		health_note(h, HEALTH_BAD, c->anchors, "anchors-empty", "");
	else
		health_good(h, c->anchors, _("%zu trusted authorities"),
		    cert_anchors_trusted(a));
	for (size_t i = 0; i < cert_anchors_count(a); i++)
		check_anchor(h, a, i);
	return a;
}

/* ---- the sandbox -------------------------------------------------------- */

/* In a child: close the box and try to open a file.  0 = it held. */
static int
try_box(void)
{
	static const struct sandbox_limits limits = {.files = 32};
	struct err e = {0};

	log_open(-1, LOG_LEVEL_ALERT, "doctor");
	if (sandbox_prepare(&e) != 0 || sandbox_enter(&limits, &e) != 0)
		return 1;
	errno = 0;
	if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0)
		return 2;
	return errno == EPERM ? 0 : 3;
}

static bool
box_holds(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(try_box());
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* A real examiner must answer; that a word is no filing is its answer. */
static int
ask_examiner(const struct conf *c, struct err *e)
{
	struct exam_request q = {
	    .op = EXAM_EXAMINE, .format = "auto", .out = -1};
	struct exam_reply r = {0};
	struct examiner x = {.fd = -1};
	struct member m = {.name = "doctor.xtx", .size = 4};
	int rc = -1;

	m.fd = fs_memfd("doctor", e);
	if (m.fd < 0)
		return -1;
	if (fs_write(m.fd, slice_str("<a/>"), e) == 0 &&
	    examiner_start(&x, &c->limits, e) == 0) {
		examiner_options(c, &q.options);
		q.drop = (struct drop){
		    .name = "doctor.xtx", .members = &m, .count = 1};
		if (examiner_ask(&x, &q, NULL, &r, e) != 0 &&
		    e->class == ERR_INPUT)
			rc = 0;
	}
	exam_reply_free(&r);
	examiner_stop(&x);
	close(m.fd);
	return rc;
}

void
health_sandbox(struct health *h, const struct conf *c)
{
	struct err e = {0};

	if (!box_holds()) {
		health_note(
		    h, HEALTH_BAD, _("sandbox"), "sandbox-unavailable", "");
		return;
	}
	if (ask_examiner(c, &e) != 0)
		health_err(h, HEALTH_BAD, _("examiner"), &e);
	else
		health_good(h, _("sandbox"), "%s",
		    _("an examiner answers and can open no file"));
}
