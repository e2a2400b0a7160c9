/* A session of the virtual card in reader 0, for tests of the key layer. */
#ifndef TESTS_LIB_CARDSESSION_H
#define TESTS_LIB_CARDSESSION_H

#include "signer/key/session.h"

struct cardsession {
	struct conf_key key;
	char name[16], reader[16], pin_file[300];
	char root[300];
	int state;
	struct audit *audit;
	struct session *session;
};
/* The one that is open. */
extern struct cardsession cardsession;

/* Opens one under a name of its own, with the right PIN in its file; false
 * (asserted) when that fails, then nothing is open. */
bool cardsession_begin(void);
/* The same without the assertion; 0 / -1. */
int cardsession_open(struct err *e);
int cardsession_unlock(struct err *e);
/* A fresh "tanaka", opened and unlocked. */
bool cardsession_unlocked(void);
/* Signs; session_sign verifies what it gives with the certificate. */
int cardsession_sign(struct err *e);
/* "", "attempt" or the code of the refusal that the marker tells. */
const char *cardsession_marker(void);
/* Closes everything; nothing when nothing is open. */
void cardsession_leave(void);

#endif
