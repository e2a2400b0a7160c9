/*
 * Starts the real keyholder code in a forked process, as `natsuin unlock`
 * does, without its terminal.
 */
#include "tests/lib/keyserver.h"

#include "base/ipc.h"
#include "tests/lib/keylab.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
write_pem(const char *path)
{
	struct slice der = keylab_certificate();
	const unsigned char *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.len);
	FILE *f = fopen(path, "w");

	if (f == NULL || x == NULL ||
	    PEM_write_PrivateKey(f, keylab_key(), NULL, NULL, 0, NULL, NULL) !=
		1 ||
	    PEM_write_X509(f, x) != 1) {
		fprintf(stderr, "keyserver: cannot write %s\n", path);
		exit(2);
	}
	fclose(f);
	X509_free(x);
}

static char *
join(const char *a, const char *b)
{
	char *s;

	if (asprintf(&s, "%s%s", a, b) < 0)
		exit(2);
	return s;
}

void
keyserver_init(struct keyserver *s, const char *name, const char *script)
{
	const char *dir = suite_dir_path();
	char part[100], pin[100];

	memset(s, 0, sizeof *s);
	snprintf(part, sizeof part, "/%s.pem", name);
	s->key.file = join(dir, part);
	write_pem(s->key.file);
	snprintf(s->log, sizeof s->log, "%s/%s.calls", dir, name);
	unlink(s->log);
	snprintf(pin, sizeof pin, "%s.pin", name);
	s->key.pin_file = strdup(keylab_file(pin, "abc1234567\n", 0400));
	if (asprintf(&s->key.script, "pin=ABC1234567; log=%s; %s", s->log,
		script) < 0)
		exit(2);
	s->key.name = strdup(name);
	s->key.backend = CONF_BACKEND_TEST;
	s->conf.root = strdup(keylab_folder("spool", 0700));
	s->conf.run_dir = strdup(keylab_folder("run", 0755));
	s->conf.keys = &s->key;
	s->conf.key_count = 1;
	s->pid = -1;
}

void
keyserver_free(struct keyserver *s)
{
	free(s->key.file);
	free(s->key.pin_file);
	free(s->key.script);
	free(s->key.name);
	free(s->conf.root);
	free(s->conf.run_dir);
	memset(s, 0, sizeof *s);
}

/* Tells the test how unlocking went, then serves. */
static int
serve(struct keyserver *s, int ready)
{
	struct unlock_options o = {.source = PIN_SOURCE_FILE, .pin_fd = -1};
	struct ipc_msg m = {0};
	struct err e = {0}, ignored = {0};
	struct keyholder *k = keyholder_open(&s->key, s->conf.root, &e);
	int end = 100;
	bool ok = k != NULL && keyholder_prepare(k, s->conf.run_dir, &e) == 0 &&
		  keyholder_unlock(k, &o, &e) == 0 &&
		  keyholder_listen(k, &e) == 0;

	ipc_begin(&m, 1);
	ipc_put_u64(&m, ok);
	ipc_put_err(&m, &e);
	ipc_send(ready, &m, &ignored);
	ipc_free(&m);
	close(ready);
	if (ok) {
		keyholder_set_limits(k, s->limits);
		end = (int)keyholder_serve(k, &e);
	}
	keyholder_close(k);
	return end;
}

int
keyserver_start(struct keyserver *s, struct err *e)
{
	struct ipc_msg m = {0};
	struct err local = {0};
	int pair[2], r;

	if (ipc_pair(pair, e) != 0)
		return -1;
	fflush(NULL);
	s->pid = fork();
	if (s->pid == 0) {
		close(pair[0]);
		_exit(serve(s, pair[1]));
	}
	close(pair[1]);
	r = ipc_recv(pair[0], &m, e);
	close(pair[0]);
	if (r <= 0) {
		err_set(e, ERR_BUG, "test", "%s", "the keyholder died");
	} else {
		r = ipc_get_u64(&m) == 1 ? 0 : -1;
		ipc_get_err(&m, r == 0 ? &local : e);
	}
	ipc_free(&m);
	if (r != 0)
		keyserver_wait(s);
	return r == 0 ? 0 : -1;
}

int
keyserver_wait(struct keyserver *s)
{
	int status;

	if (s->pid <= 0)
		return -1;
	while (waitpid(s->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	s->pid = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int
keyserver_stop(struct keyserver *s)
{
	if (s->pid > 0)
		kill(s->pid, SIGTERM);
	return keyserver_wait(s);
}

int
keyserver_connect(const struct keyserver *s)
{
	struct key_reply r = {0};
	struct err e = {0};
	int fd = keyclient_connect(&s->conf, &s->key, &e);

	if (fd < 0)
		return -1;
	if (keyclient_receive(fd, &r, &e) != 0 || r.type != KEY_REPLY_STATUS) {
		close(fd);
		fd = -1;
	}
	key_reply_free(&r);
	return fd;
}

unsigned
keyserver_count(const struct keyserver *s, const char *what)
{
	char line[200], word[20];
	unsigned n = 0;
	FILE *f = fopen(s->log, "r");

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		n += sscanf(line, "%*s %19s", word) == 1 &&
		     strcmp(word, what) == 0;
	if (f != NULL)
		fclose(f);
	return n;
}

pid_t
keyserver_writer(const struct keyserver *s)
{
	char path[64];
	int child = -1;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)s->pid,
	    (int)s->pid);
	f = fopen(path, "r");
	if (f != NULL && fscanf(f, "%d", &child) != 1)
		child = -1;
	if (f != NULL)
		fclose(f);
	return child;
}
