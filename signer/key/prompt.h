/* Asking a person for the PIN: the terminal, or a pinentry program. */
#ifndef SIGNER_KEY_PROMPT_H
#define SIGNER_KEY_PROMPT_H

#include "signer/key/pin.h"

/* PIN_SOURCE_PINENTRY, PIN_SOURCE_TERMINAL or PIN_SOURCE_NONE. */
enum pin_source prompt_choose(void);

/* Asks on /dev/tty with the echo off (restored in any case).  0; -1 with
 * "pin-cancelled" when prompt->signal_fd becomes readable or the line ends
 * without a PIN, "pin-needed" without a terminal. */
int prompt_terminal(
    const struct pin_prompt *prompt, struct secret *pin, struct err *e);

/* Tells the person, on the terminal or else on standard error, to type the
 * PIN on the reader's keys. */
void prompt_pad(const struct pin_prompt *prompt);

/* $NATSUIN_PINENTRY when it is an absolute path, else the system's pinentry;
 * NULL when there is none. */
const char *pinentry_program(void);

/* Asks through $NATSUIN_PINENTRY or the pinentry program of the system.
 * 0; -1 with "pin-cancelled" or "pinentry-failed". */
int prompt_pinentry(
    const struct pin_prompt *prompt, struct secret *pin, struct err *e);

#endif
