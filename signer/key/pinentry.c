/*
 * Asking through a pinentry program, spoken to by libassuan.  All of
 * libassuan's memory, and so every buffer that the PIN passes, comes from
 * the secure heap and is wiped there; nothing is logged.  The program is
 * named by an absolute path, never looked up in $PATH.
 */
#include "base/i18n.h"
#include "signer/key/prompt.h"

#include <assuan.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASK_SECONDS 180

const char *
pinentry_program(void)
{
	static const char *const places[] = {"/usr/bin/pinentry",
	    "/usr/local/bin/pinentry", "/bin/pinentry", NULL};
	const char *named = getenv("NATSUIN_PINENTRY");

	if (named != NULL && named[0] == '/')
		return named;
	for (const char *const *p = places; *p != NULL; p++)
		if (access(*p, X_OK) == 0)
			return *p;
	return NULL;
}

static void *
secure_malloc(size_t n)
{
	return OPENSSL_secure_malloc(n);
}

static void
secure_free(void *p)
{
	OPENSSL_secure_free(p); /* wipes what is in the secure heap */
}

static void *
secure_realloc(void *p, size_t n)
{
	size_t had = p == NULL ? 0 : OPENSSL_secure_actual_size(p);
	void *q = OPENSSL_secure_malloc(n);

	if (q != NULL && p != NULL)
		memcpy(q, p, had < n ? had : n);
	if (q != NULL)
		secure_free(p);
	return q;
}

/* `command` and a text in which controls and % are escaped. */
static gpg_error_t
send_text(assuan_context_t a, const char *command, const char *text)
{
	char line[ASSUAN_LINELENGTH];
	size_t n = (size_t)snprintf(line, sizeof line, "%s ", command);

	for (; *text != '\0' && n + 4 < sizeof line - 2; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '%' || c < 0x20)
			n += (size_t)snprintf(
			    line + n, sizeof line - n, "%%%02X", c);
		else
			line[n++] = (char)c;
	}
	line[n] = '\0';
	return assuan_transact(a, line, NULL, NULL, NULL, NULL, NULL, NULL);
}

/* Options help some pinentries; those that do not know one say so. */
static void
send_options(assuan_context_t a)
{
	const char *tty = ttyname(STDIN_FILENO), *term = getenv("TERM");
	char option[300];

	if (tty != NULL) {
		snprintf(option, sizeof option, "ttyname=%s", tty);
		send_text(a, "OPTION", option);
	}
	if (term != NULL) {
		snprintf(option, sizeof option, "ttytype=%s", term);
		send_text(a, "OPTION", option);
	}
	send_text(a, "OPTION", "lc-ctype=C.UTF-8");
	snprintf(option, sizeof option, "%d", ASK_SECONDS);
	send_text(a, "SETTIMEOUT", option);
}

/* The PIN arrives in one or more pieces. */
static gpg_error_t
take_data(void *opaque, const void *data, size_t n)
{
	struct secret *pin = opaque;
	size_t had = secret_len(pin);

	if (n > secret_capacity(pin) - had)
		return gpg_error(GPG_ERR_TOO_LARGE);
	memcpy(secret_room(pin) + had, data, n);
	secret_set_len(pin, had + n);
	return 0;
}

static int
failed(gpg_error_t g, const char *program, struct err *e)
{
	gpg_err_code_t code = gpg_err_code(g);

	if (code == GPG_ERR_CANCELED || code == GPG_ERR_FULLY_CANCELED ||
	    code == GPG_ERR_TIMEOUT)
		return err_lib(e, ERR_PIN, "pin-cancelled", g, "%s", "");
	if (code == GPG_ERR_TOO_LARGE)
		return err_lib(e, ERR_PIN, "pin-too-long", g, "%s", "");
	return err_lib(e, ERR_PIN, "pinentry-failed", g, "%s: %s", program,
	    gpg_strerror(g));
}

static int
ask(assuan_context_t a, const char *program, const struct pin_prompt *prompt,
    struct secret *pin, struct err *e)
{
	gpg_error_t g;

	send_options(a);
	send_text(a, "SETTITLE", "natsuin");
	g = send_text(a, "SETDESC", prompt->description);
	if (g == 0)
		g = send_text(a, "SETPROMPT",
		    prompt->label != NULL ? prompt->label : _("PIN:"));
	if (g == 0) {
		assuan_begin_confidential(a);
		g = assuan_transact(
		    a, "GETPIN", take_data, pin, NULL, NULL, NULL, NULL);
		assuan_end_confidential(a);
	}
	if (g != 0)
		return failed(g, program, e);
	if (secret_len(pin) == 0)
		return err_set(e, ERR_PIN, "pin-cancelled", "%s", "");
	return 0;
}

/* In the pinentry process, before it is executed: our signal settings are
 * not its. */
static void
after_fork(void *opaque, int reserved)
{
	sigset_t none;

	(void)opaque;
	(void)reserved;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
}

static int
converse(const char *program, const struct pin_prompt *prompt,
    struct secret *pin, struct err *e)
{
	static struct assuan_malloc_hooks hooks = {
	    secure_malloc, secure_realloc, secure_free};
	assuan_fd_t none[] = {ASSUAN_INVALID_FD};
	const char *argv[] = {program, NULL};
	assuan_context_t a = NULL;
	int result = -1;
	gpg_error_t g;

	g = assuan_new_ext(&a, GPG_ERR_SOURCE_DEFAULT, &hooks, NULL, NULL);
	if (g == 0)
		g = assuan_pipe_connect(
		    a, program, argv, none, after_fork, NULL, 0);
	if (g != 0)
		failed(g, program, e);
	else
		result = ask(a, program, prompt, pin, e);
	if (a != NULL)
		assuan_release(a);
	return result;
}

int
prompt_pinentry(
    const struct pin_prompt *prompt, struct secret *pin, struct err *e)
{
	const char *program = pinentry_program();
	sigset_t all, before;
	int result;

	if (program == NULL)
		return err_set(e, ERR_PIN, "pin-needed", "%s", "no pinentry");
	/* Nothing is unlocked yet: while a person thinks, a signal may simply
	 * end this process, and pinentry with it. */
	sigfillset(&all);
	sigprocmask(SIG_UNBLOCK, &all, &before);
	result = converse(program, prompt, pin, e);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}
