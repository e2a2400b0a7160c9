/*
 * A queue of two between two threads.  The places move from free to given to
 * working to done and are free again when taken; their order is that of the
 * calls of hand_give.
 */
#include "signer/key/hand.h"

#include "signer/key/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PLACES (HAND_FULL + 2) /* done ones wait here to be taken */

enum place_state { PLACE_FREE, PLACE_GIVEN, PLACE_WORKING, PLACE_DONE };

struct place {
	enum place_state state;
	unsigned long order;
	struct sign_input in;
	struct handed out;
};

struct hand {
	struct session *session;
	int event;
	pthread_t thread;
	pthread_mutex_t lock;  /* of everything below */
	pthread_cond_t change; /* of what there is to do */
	struct place place[PLACES];
	unsigned long next;
	bool failed; /* stands still until hand_go_on */
	bool quit;
};

/* The oldest in this state, or NULL. */
static struct place *
oldest(struct hand *h, enum place_state state)
{
	struct place *found = NULL;

	for (unsigned i = 0; i < PLACES; i++) {
		struct place *p = &h->place[i];

		if (p->state == state &&
		    (found == NULL || p->order < found->order))
			found = p;
	}
	return found;
}

static unsigned
count(const struct hand *h, enum place_state state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PLACES; i++)
		n += h->place[i].state == state;
	return n;
}

static void
tell(const struct hand *h)
{
	uint64_t one = 1;
	ssize_t n = write(h->event, &one, sizeof one);

	(void)n;
}

static void
work(struct hand *h, struct place *p)
{
	struct handed *out = &p->out;
	int result;

	p->state = PLACE_WORKING;
	pthread_mutex_unlock(&h->lock);
	result =
	    session_sign_once(h->session, &p->in, &out->signature, &out->error);
	/* What a backend noted on its way to a signature is no failure. */
	if (result == 0)
		err_clear(&out->error);
	else if (out->error.class == ERR_NONE)
		err_set(&out->error, ERR_CARD, "key-unusable", "%s", "");
	pthread_mutex_lock(&h->lock);
	p->state = PLACE_DONE;
	h->failed = result != 0;
	tell(h);
}

static void *
hand_main(void *arg)
{
	struct hand *h = arg;

	pthread_mutex_lock(&h->lock);
	while (!h->quit) {
		struct place *p = h->failed ? NULL : oldest(h, PLACE_GIVEN);

		if (p != NULL)
			work(h, p);
		else
			pthread_cond_wait(&h->change, &h->lock);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

struct hand *
hand_new(struct session *s, struct err *e)
{
	struct hand *h = calloc(1, sizeof *h);

	if (h == NULL) {
		err_nomem(e);
		return NULL;
	}
	h->session = s;
	h->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->change, NULL);
	if (h->event >= 0) {
		errno = pthread_create(&h->thread, NULL, hand_main, h);
		if (errno == 0) {
			watchdog_leave();
			return h;
		}
		close(h->event);
	}
	err_errno(e, ERR_TRANSIENT_IO, "io-error", "%s", "thread");
	free(h);
	return NULL;
}

void
hand_free(struct hand *h)
{
	if (h == NULL)
		return;
	pthread_mutex_lock(&h->lock);
	h->quit = true;
	pthread_cond_signal(&h->change);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	watchdog_return(); /* a key can hang when it is closed, too */
	for (unsigned i = 0; i < PLACES; i++)
		buf_free(&h->place[i].out.signature);
	pthread_cond_destroy(&h->change);
	pthread_mutex_destroy(&h->lock);
	close(h->event);
	free(h);
}

int
hand_fd(const struct hand *h)
{
	return h->event;
}

static unsigned
holds(const struct hand *h)
{
	return count(h, PLACE_GIVEN) + count(h, PLACE_WORKING);
}

unsigned
hand_holds(struct hand *h)
{
	unsigned n;

	pthread_mutex_lock(&h->lock);
	n = holds(h);
	pthread_mutex_unlock(&h->lock);
	return n;
}

bool
hand_give(struct hand *h, const struct sign_input *in, void *tag)
{
	struct place *p = NULL;

	pthread_mutex_lock(&h->lock);
	if (holds(h) < HAND_FULL)
		p = oldest(h, PLACE_FREE);
	if (p != NULL) {
		p->state = PLACE_GIVEN;
		p->order = h->next++;
		p->in = *in;
		p->out = (struct handed){.tag = tag};
		pthread_cond_signal(&h->change);
	}
	pthread_mutex_unlock(&h->lock);
	return p != NULL;
}

bool
hand_take(struct hand *h, struct handed *out)
{
	struct place *p;
	uint64_t told;

	/* Before the look: what is done after it makes it readable again. */
	if (read(h->event, &told, sizeof told) < 0 && errno != EAGAIN)
		return false;
	pthread_mutex_lock(&h->lock);
	p = oldest(h, PLACE_DONE);
	if (p != NULL) {
		*out = p->out;
		*p = (struct place){.state = PLACE_FREE};
	}
	pthread_mutex_unlock(&h->lock);
	return p != NULL;
}

bool
hand_withdraw(struct hand *h, const void *tag)
{
	bool found = false;

	pthread_mutex_lock(&h->lock);
	for (unsigned i = 0; i < PLACES && !found; i++) {
		struct place *p = &h->place[i];

		found = p->state == PLACE_GIVEN && p->out.tag == tag;
		if (found)
			*p = (struct place){.state = PLACE_FREE};
	}
	pthread_mutex_unlock(&h->lock);
	return found;
}

void
hand_go_on(struct hand *h)
{
	pthread_mutex_lock(&h->lock);
	h->failed = false;
	pthread_cond_signal(&h->change);
	pthread_mutex_unlock(&h->lock);
}
