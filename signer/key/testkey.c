/*
 * The scriptable key of tests: a key (RSA, or on P-384) and its certificate
 * from a PEM file, and a script of faults that real parts cannot be made to
 * show.  It is no way round anything: it can only use the key in its own file,
 * which whoever reads the file could use anyway, and everything around it
 * (template, audit, verification) is the same as for a card.  It is used only
 * where the configuration says backend = "test", and says so in its token
 * name.
 *
 * Script, separated by ';' or ',' or blanks:
 *   latency=50ms      each signature takes this long
 *   tries=N           tries left at first (5); a wrong PIN takes one
 *   pin=TEXT          the right PIN (1234567890)
 *   unlock=CODE       unlock fails with this fault
 *   sign:N=CODE       the N-th signature fails with this fault, once
 *   sign:N+=CODE      from the N-th on
 *   alive:N=CODE      the N-th presence check fails
 *   gate:N=PATH       the N-th signature and later ones wait until PATH is
 *                     there (a minute at most)
 *   log=PATH          appends a line per unlock, certificate and sign
 * Faults: card-removed, card-no-answer, pin-lost, wrong-signature,
 * short-signature, pin-wrong, pin-blocked.
 */
#include "signer/key/backend.h"

#include "base/clock.h"
#include "base/fsops.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_RULES 16
#define WORD 120
#define GATE_MS 60000

struct rule {
	char what[16]; /* "sign", "alive", "unlock" */
	int64_t from, to;
	char code[40];
};

struct key {
	char path[120];
	EVP_PKEY *pkey;
	X509 *certificate;
	const struct algorithm *algorithm;
	bool verified;
	int tries;
	int64_t signs, checks, unlocks;
	int64_t latency_ms;
	int64_t gate_from; /* 0: none */
	char gate[WORD];
	char pin[WORD];
	int log;
	struct rule rule[MAX_RULES];
	unsigned rules;
};

static const struct {
	const char *code;
	enum err_class class;
} faults[] = {
    {"card-removed", ERR_CARD},
    {"card-no-answer", ERR_CARD},
    {"pin-lost", ERR_PIN},
    {"pin-wrong", ERR_PIN},
    {"pin-blocked", ERR_PIN},
    {"wrong-signature", ERR_NONE},
    {"short-signature", ERR_NONE},
};

static void
test_close(struct key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	X509_free(k->certificate);
	if (k->log >= 0)
		close(k->log);
	OPENSSL_cleanse(k->pin, sizeof k->pin);
	free(k);
}

static void
note(const struct key *k, const char *what, const char *how)
{
	char line[160];
	int n;
	struct err ignored = {0};

	if (k->log < 0)
		return;
	n = snprintf(line, sizeof line, "%lld %s %s\n",
	    (long long)(clock_mono_ns() / 1000), what, how);
	fs_write(k->log, slice_of(line, (size_t)n), &ignored);
}

/* `sign:3`, `sign:3+`, `unlock`: which calls the fault is for. */
static int
parse_when(const char *name, struct rule *r)
{
	char number[16];
	const char *colon = strchr(name, ':');
	size_t n = colon == NULL ? strlen(name) : (size_t)(colon - name);
	bool onwards;

	if (n >= sizeof r->what)
		return -1;
	memcpy(r->what, name, n);
	r->from = 1;
	r->to = INT64_MAX;
	if (colon == NULL)
		return 0;
	snprintf(number, sizeof number, "%s", colon + 1);
	n = strlen(number);
	onwards = n > 0 && number[n - 1] == '+';
	if (onwards)
		number[n - 1] = '\0';
	if (text_number(number, 1, INT32_MAX, &r->from) != 0)
		return -1;
	r->to = onwards ? INT64_MAX : r->from;
	return 0;
}

static int
add_rule(struct key *k, const char *name, const char *value)
{
	struct rule *r = &k->rule[k->rules];
	bool known = false;

	if (k->rules == MAX_RULES)
		return -1;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		known = known || strcmp(value, faults[i].code) == 0;
	memset(r, 0, sizeof *r);
	if (!known || parse_when(name, r) != 0 ||
	    (strcmp(r->what, "sign") != 0 && strcmp(r->what, "alive") != 0 &&
		strcmp(r->what, "unlock") != 0))
		return -1;
	snprintf(r->code, sizeof r->code, "%s", value);
	k->rules++;
	return 0;
}

static int
apply_word(struct key *k, const char *name, const char *value)
{
	struct err e = {0};
	int64_t n;

	if (strcmp(name, "latency") == 0)
		return text_duration_ms(value, &k->latency_ms);
	if (strcmp(name, "pin") == 0) {
		snprintf(k->pin, sizeof k->pin, "%s", value);
		return 0;
	}
	if (strcmp(name, "tries") == 0) {
		if (text_number(value, 0, 100, &n) != 0)
			return -1;
		k->tries = (int)n;
		return 0;
	}
	if (strncmp(name, "gate:", 5) == 0) {
		snprintf(k->gate, sizeof k->gate, "%s", value);
		return text_number(name + 5, 1, INT32_MAX, &k->gate_from);
	}
	if (strcmp(name, "log") == 0) {
		k->log = fs_open_append(AT_FDCWD, value, 0600, &e);
		return k->log >= 0 ? 0 : -1;
	}
	return add_rule(k, name, value);
}

static int
parse_script(struct key *k, const char *script, struct err *e)
{
	static const char between[] = ";, \t\n";

	while (script != NULL && *(script += strspn(script, between)) != 0) {
		char word[WORD];
		size_t n = strcspn(script, between);
		char *equal;

		snprintf(word, sizeof word, "%.*s", (int)n, script);
		equal = strchr(word, '=');
		if (n >= sizeof word || equal == NULL)
			return err_set(
			    e, ERR_CONFIG, "test-script", "%s", word);
		*equal = '\0';
		if (apply_word(k, word, equal + 1) != 0)
			return err_set(e, ERR_CONFIG, "test-script", "%s=%s",
			    word, equal + 1);
		script += n;
	}
	return 0;
}

static int
read_pem(struct key *k, const char *path, struct err *e)
{
	BIO *b = BIO_new_file(path, "r");

	if (b == NULL)
		return err_set(e, ERR_CARD, "key-file-unreadable", "%s", path);
	k->pkey = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
	if (BIO_seek(b, 0) == 0)
		k->certificate = PEM_read_bio_X509(b, NULL, NULL, NULL);
	BIO_free(b);
	if (k->pkey != NULL)
		k->algorithm = algorithm_of_key(k->pkey);
	if (k->algorithm == NULL || k->certificate == NULL)
		return err_set(e, ERR_CONFIG, "key-file-unreadable",
		    "%s needs a key and its certificate in PEM", path);
	return 0;
}

static struct key *
test_open(const struct conf_key *conf, struct err *e)
{
	struct key *k = calloc(1, sizeof *k);

	if (k == NULL) {
		err_nomem(e);
		return NULL;
	}
	k->log = -1;
	k->tries = 5;
	snprintf(k->pin, sizeof k->pin, "%s", "1234567890");
	snprintf(k->path, sizeof k->path, "%s", conf->file);
	if (parse_script(k, conf->script, e) != 0 ||
	    read_pem(k, conf->file, e) != 0) {
		test_close(k);
		return NULL;
	}
	return k;
}

static const struct rule *
fault_of(const struct key *k, const char *what, int64_t n)
{
	for (unsigned i = 0; i < k->rules; i++)
		if (strcmp(k->rule[i].what, what) == 0 &&
		    n >= k->rule[i].from && n <= k->rule[i].to)
			return &k->rule[i];
	return NULL;
}

static int
raise_fault(const struct rule *r, struct err *e)
{
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		if (strcmp(faults[i].code, r->code) == 0)
			return err_set(
			    e, faults[i].class, r->code, "%s", "test key");
	return err_set(e, ERR_BUG, "test-script", "%s", r->code);
}

static int
test_status(struct key *k, struct key_status *out, struct err *e)
{
	(void)e;
	memset(out, 0, sizeof *out);
	out->present = true;
	out->tries_left = k->tries;
	out->pin = k->tries == 0 ? PIN_BLOCKED
		   : k->verified ? PIN_VERIFIED
				 : PIN_NEEDED;
	snprintf(out->where, sizeof out->where, "%s", k->path);
	snprintf(out->token, sizeof out->token, "%s", "TEST KEY");
	return 0;
}

static int
test_unlock(struct key *k, const struct secret *pin, struct err *e)
{
	const struct rule *r = fault_of(k, "unlock", ++k->unlocks);

	note(k, "unlock", r == NULL ? "" : r->code);
	if (k->tries == 0)
		return err_set(e, ERR_PIN, "pin-blocked", "%s", "test key");
	if (r != NULL)
		return raise_fault(r, e);
	if (pin == NULL || strcmp(secret_text(pin), k->pin) != 0) {
		k->tries--;
		return err_set(
		    e, ERR_PIN, "pin-wrong", "%d tries left", k->tries);
	}
	k->verified = true;
	return 0;
}

static int
test_certificate(struct key *k, struct buf *out, struct err *e)
{
	unsigned char *der = NULL;
	int n = i2d_X509(k->certificate, &der), r;

	note(k, "certificate", "");
	if (n <= 0)
		return err_nomem(e);
	r = buf_append(out, der, (size_t)n);
	OPENSSL_free(der);
	return r == 0 ? 0 : err_nomem(e);
}

static int
make_signature(
    struct key *k, struct slice digest, struct buf *out, struct err *e)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
	int result = -1;

	if (c != NULL && EVP_PKEY_sign_init(c) == 1 &&
	    algorithm_prepare(k->algorithm, c) == 0)
		result = algorithm_sign(k->algorithm, c, digest, out);
	EVP_PKEY_CTX_free(c);
	if (result != 0)
		err_set(e, ERR_CARD, "key-unusable", "%s", k->path);
	return result;
}

static void
wait_ms(int64_t ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

static void
wait_gate(const struct key *k)
{
	int64_t end = clock_mono_ms() + GATE_MS;

	if (k->gate_from == 0 || k->signs < k->gate_from)
		return;
	while (access(k->gate, F_OK) != 0 && clock_mono_ms() < end)
		wait_ms(5);
}

static int
test_sign(struct key *k, enum sign_algorithm a, struct slice digest,
    struct buf *out, struct err *e)
{
	const struct rule *r = fault_of(k, "sign", ++k->signs);

	note(k, "sign", r == NULL ? "" : r->code);
	if (!k->verified)
		return err_set(e, ERR_PIN, "pin-needed", "%s", k->path);
	if (a != k->algorithm->id || digest.len != k->algorithm->digest)
		return err_set(e, ERR_CONFIG, "algorithm-not-allowed",
		    "algorithm %d", (int)a);
	wait_gate(k);
	wait_ms(k->latency_ms);
	if (r != NULL && strstr(r->code, "-signature") == NULL)
		return raise_fault(r, e);
	if (make_signature(k, digest, out, e) != 0)
		return -1;
	if (r != NULL && strcmp(r->code, "wrong-signature") == 0)
		out->p[out->len - 1] ^= 1;
	else if (r != NULL)
		out->len--;
	note(k, "signed", "");
	return 0;
}

static int
test_alive(struct key *k, struct err *e)
{
	const struct rule *r = fault_of(k, "alive", ++k->checks);

	return r == NULL ? 0 : raise_fault(r, e);
}

const struct key_backend key_backend_test = {
    .name = "test",
    .pin_min = 6,
    .pin_max = 16,
    .pin_upper_alnum = true,
    .open = test_open,
    .status = test_status,
    .unlock = test_unlock,
    .certificate = test_certificate,
    .sign = test_sign,
    .alive = test_alive,
    .close = test_close,
};
