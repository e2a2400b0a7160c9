/*
 * Asking a person on the terminal.  The line goes from the kernel straight
 * into the secure heap; echo comes back on every way out.  Nothing is asked
 * twice here, and nothing is asked from the background.
 */
#include "signer/key/prompt.h"

#include "base/i18n.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* A terminal counts only when we are in its foreground: asking from the
 * background would stop the whole batch with SIGTTIN. */
static int
open_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd >= 0 && tcgetpgrp(fd) != getpgrp()) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool
has_display(void)
{
	const char *x = getenv("DISPLAY"), *w = getenv("WAYLAND_DISPLAY");

	return (x != NULL && x[0] != '\0') || (w != NULL && w[0] != '\0');
}

enum pin_source
prompt_choose(void)
{
	const char *named = getenv("NATSUIN_PINENTRY");
	int tty;

	if (named != NULL && named[0] == '/')
		return PIN_SOURCE_PINENTRY;
	tty = open_terminal();
	if (tty >= 0) {
		close(tty);
		return PIN_SOURCE_TERMINAL;
	}
	if (has_display() && pinentry_program() != NULL)
		return PIN_SOURCE_PINENTRY;
	return PIN_SOURCE_NONE;
}

/* Waits for a line; false when a signal says stop. */
static bool
wait_line(int tty, int signal_fd)
{
	struct pollfd p[2] = {
	    {tty, POLLIN, 0}, {signal_fd, POLLIN, 0}}; /* -1 is skipped */

	while (poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return false;
	return p[1].revents == 0 && (p[0].revents & POLLIN) != 0;
}

/* Reads the line that the terminal has ready (canonical mode gives it whole
 * or not at all). */
static int
take_line(int tty, struct secret *pin, struct err *e)
{
	ssize_t n = read(tty, secret_room(pin), secret_capacity(pin));

	if (n < 0)
		return err_errno(e, ERR_PIN, "pin-unreadable", "%s", "tty");
	if (n > 0 && secret_room(pin)[n - 1] == '\n')
		n--;
	else if ((size_t)n == secret_capacity(pin))
		return err_set(e, ERR_PIN, "pin-too-long",
		    "more than %zu bytes", secret_capacity(pin));
	secret_set_len(pin, (size_t)n);
	if (n == 0)
		return err_set(e, ERR_PIN, "pin-cancelled", "%s", "");
	return 0;
}

static int
say(int tty, const char *text)
{
	return write(tty, text, strlen(text)) < 0 ? -1 : 0;
}

int
prompt_terminal(
    const struct pin_prompt *prompt, struct secret *pin, struct err *e)
{
	struct termios before, quiet;
	char text[600];
	int result = -1, tty = open_terminal();

	if (tty < 0 || tcgetattr(tty, &before) != 0) {
		err_errno(e, ERR_PIN, "pin-needed", "%s", "no terminal");
		goto out;
	}
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	quiet.c_lflag |= ICANON | ISIG;
	quiet.c_cc[VSUSP] = _POSIX_VDISABLE;
	snprintf(text, sizeof text, "%s\n%s: ", prompt->description,
	    prompt->label != NULL ? prompt->label
				  : _("PIN (nothing is shown while you type)"));
	if (tcsetattr(tty, TCSAFLUSH, &quiet) != 0) {
		err_errno(e, ERR_PIN, "pin-needed", "%s", "no terminal");
		goto out;
	}
	if (say(tty, text) == 0 && wait_line(tty, prompt->signal_fd))
		result = take_line(tty, pin, e);
	else
		err_set(e, ERR_PIN, "pin-cancelled", "%s", "");
	tcsetattr(tty, TCSAFLUSH, &before);
	say(tty, "\n");
out:
	if (tty >= 0)
		close(tty);
	return result;
}

void
prompt_pad(const struct pin_prompt *prompt)
{
	int tty = open_terminal();
	char text[600];

	snprintf(text, sizeof text, "%s\n%s\n", prompt->description,
	    _("Type the PIN on the keys of the card reader now."));
	say(tty >= 0 ? tty : STDERR_FILENO, text);
	if (tty >= 0)
		close(tty);
}
