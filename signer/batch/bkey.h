/* A key as the batch sees it; for the files of signer/batch/ only. */
#ifndef SIGNER_BATCH_BKEY_H
#define SIGNER_BATCH_BKEY_H

#include "conf/conf.h"
#include "signer/cert/check.h"
#include "signer/exam/findings.h"
#include "signer/key/keyclient.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FORMATS_MAX 8

struct bjob;
struct revcheck;
struct bsig;

/* The first of a key and format (DESIGN 4, "one first"). */
enum gate { GATE_UNKNOWN, GATE_FIRST, GATE_OPEN, GATE_BROKEN };

enum key_state {
	KEY_CLOSED,
	KEY_OPENING, /* jobs wait for what becomes of it */
	KEY_OPEN,
	KEY_STOPPED,
	KEY_RETURNING /* as stopped, but it may have come back */
};

struct bkey {
	const struct conf_key *conf;
	enum key_state state;
	struct err error; /* why it stopped */
	int fd;
	pid_t pid;    /* private keyholder, or 0 */
	pid_t holder; /* the listening one that was asked last, or 0 */
	struct keyholder_status status;
	const struct algorithm *algorithm; /* of its certificate, once open */
	struct cert_policy policy;
	struct cert_verdict verdict;
	int64_t checked_ms;            /* monotonic, of the last whole check */
	struct revcheck *revcheck;     /* that runs, or NULL */
	struct cert_revocation known;  /* of the last one, */
	int64_t known_ms;              /* monotonic, at its end */
	bool is_known;                 /* there was one */
	bool wants_revocation;         /* somebody can be asked */
	uint8_t known_of[CERT_SHA256]; /* the certificate it was about */
	int64_t revoke_until_ms; /* monotonic: opening waits for it, or 0 */
	uint8_t spki[FINDINGS_SHA256]; /* of the certificate seen last */
	bool spki_known;
	uint8_t batch_certificate[FINDINGS_SHA256];
	bool bound; /* to that certificate, until the batch ends */
	enum gate gate[FORMATS_MAX];
	struct bjob *first[FORMATS_MAX]; /* whose turn it is at the gate, */
	int64_t first_ms;                /* monotonic: since then */
	struct bsig *line, **line_end;   /* durable intents, unanswered */
	size_t line_length;
	unsigned outstanding;
	uint64_t opened;    /* so many times: another time, another card */
	int64_t heard_ms;   /* monotonic: since when it owes a signature */
	int64_t pause_ms;   /* monotonic: nothing is sent before */
	unsigned fruitless; /* stops since its last signature, when asked */
	int64_t stopped_ms; /* monotonic */
	int64_t retry_ms;   /* how long it was waited for it; doubles */
	int64_t again_ms;   /* monotonic: not tried before */
	int64_t look_ms;    /* monotonic: is somebody listening? */
	uint64_t signatures;
	unsigned signs; /* formats in the open batch, 1 << index */
	bool used;      /* by the open batch: it has a line in the report */
};

#endif
