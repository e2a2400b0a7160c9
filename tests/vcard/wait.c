/*
 * `vcard wait`: until pcscd shows so many readers, or a card in (or out of)
 * one of them.  For the fixture, which must never sleep and hope.
 */
#include "base/clock.h"
#include "signer/key/pcsc.h"
#include "tests/vcard/vcard.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_MS 60000
#define PAUSE_US 5000

struct wish {
	const char *what; /* "readers", "card", "empty" */
	const char *name;
	long count;
};

static bool
fulfilled(const struct wish *w, const struct pcsc_reader *r, int n)
{
	if (strcmp(w->what, "readers") == 0)
		return n == w->count;
	for (int i = 0; i < n; i++) {
		if (strcmp(r[i].name, w->name) == 0)
			return r[i].present == (w->what[0] == 'c');
	}
	return false;
}

/* One look: 1 fulfilled, 0 not yet, -1 pcscd is not there. */
static int
look(struct pcsc **p, const struct wish *w)
{
	struct pcsc_reader r[PCSC_READERS_MAX];
	int n;

	if (*p == NULL)
		*p = pcsc_new(NULL);
	if (*p == NULL)
		return -1;
	n = pcsc_readers(*p, r, NULL);
	if (n >= 0 && fulfilled(w, r, n))
		return 1;
	if (n >= 0 && pcsc_wait(*p, 200, NULL) >= 0)
		return 0;
	pcsc_free(*p);
	*p = NULL;
	return -1;
}

int
vcard_wait(int argc, char **argv)
{
	int64_t end = clock_mono_ms() + LIMIT_MS;
	struct pcsc *p = NULL;
	struct wish w = {0};
	int found = 0;

	if (argc != 2)
		return 64;
	w.what = argv[0];
	w.name = argv[1];
	w.count = strtol(argv[1], NULL, 10);
	do {
		found = look(&p, &w);
		if (found < 0)
			usleep(PAUSE_US);
	} while (found != 1 && clock_mono_ms() < end);
	pcsc_free(p);
	if (found != 1)
		fprintf(stderr, "vcard wait: no %s %s\n", argv[0], argv[1]);
	return found == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
