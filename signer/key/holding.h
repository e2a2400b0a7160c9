/* The keyholder's inside, shared by its files. */
#ifndef SIGNER_KEY_HOLDING_H
#define SIGNER_KEY_HOLDING_H

#include "base/ipc.h"
#include "signer/key/audit.h"
#include "signer/key/hand.h"
#include "signer/key/keyholder.h"

#include <sys/types.h>

#define HOLD_CLIENTS 16
#define HOLD_USERS 32
#define HOLD_REPLIES 4    /* queued for one slow client */
#define HOLD_WAITING 4    /* requests of one client, the signed one with them */
#define HOLD_UNRELEASED 4 /* signed ones, before the next is begun */
#define HOLD_REQUESTS (HOLD_CLIENTS * HOLD_WAITING + HOLD_UNRELEASED + 2)
#define HOLD_READS 4    /* messages taken from a client in one round */
#define HOLD_CHATTER 64 /* messages in a second that sign nothing */

struct client {
	int fd; /* -1 = free */
	bool private;
	uint64_t id; /* never used twice */
	struct ipc_msg reply[HOLD_REPLIES];
	unsigned replies;
	int64_t second; /* of the monotonic clock, for the count below */
	unsigned chatter;
};

enum request_state {
	REQUEST_FREE,
	REQUEST_WAITING,
	REQUEST_GIVEN, /* recorded, and in the hand */
	REQUEST_SIGNED
};

struct request {
	enum request_state state;
	uint64_t client; /* 0: gone, while the card was at it */
	uint64_t order;
	char job[KEY_JOB_ID_MAX];
	struct buf signed_info;
	struct template_match match; /* borrows from signed_info */
	uint8_t sha256[32];          /* names the bytes in the audit file */
	uint8_t digest[ALGORITHM_DIGEST_MAX]; /* what the key signs */
	struct buf signature;
	uint64_t ticket; /* of the audit record */
};

struct keyholder {
	const struct conf_key *key;
	int state; /* folder of audit files and markers */
	int signals;
	int listener;
	int run_dir;
	char socket_name[128];
	struct audit *audit;
	struct session *session;
	struct hand *hand; /* from the first request on */
	struct keyholder_limits limits;
	uid_t users[HOLD_USERS]; /* who may connect */
	unsigned user_count;
	struct client clients[HOLD_CLIENTS];
	struct request requests[HOLD_REQUESTS];
	uint64_t next_id;
	int64_t made;
	int64_t last_alive_ms;
	bool ending;
	enum keyholder_end end;
	struct err why;
};

/* keyholder.c: waits at most `timeout` ms, then does what there is to do. */
void hold_round(struct keyholder *k, int timeout);

/* holding.c: clients and what they say. */
void hold_add_client(struct keyholder *k, int fd, bool private);
void hold_accept(struct keyholder *k);
void hold_client_event(struct keyholder *k, struct client *c, short revents);
void hold_drop(struct keyholder *k, struct client *c, const char *why);
void hold_reply(struct keyholder *k, struct client *c, const struct ipc_msg *m);
void hold_end(
    struct keyholder *k, enum keyholder_end end, const struct err *why);

/* signing.c: requests, from arrival to release. */
void hold_take_request(
    struct keyholder *k, struct client *c, struct ipc_msg *m);
void hold_give(struct keyholder *k);
void hold_take_back(struct keyholder *k);
void hold_release(struct keyholder *k);
/* One could be given now. */
bool hold_can_give(const struct keyholder *k);
/* The key is at work. */
bool hold_at_work(const struct keyholder *k);
/* Nothing that has not begun will: the session is over. */
void hold_withdraw(struct keyholder *k);
void hold_forget(struct keyholder *k, uint64_t client);
void hold_clear_request(struct request *r);
/* At work, or signed and not yet released. */
bool hold_unreleased(const struct keyholder *k);

#endif
