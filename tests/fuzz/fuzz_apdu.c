/*
 * A hostile card and reader: any bytes as answers to the commands of a
 * session (open, unlock, certificate, signatures, recovery, close), through
 * a reader of this program in place of pcscd.  Whatever they say, a VERIFY
 * is sent once per unlock, only after a tries query that left two at least,
 * the PIN is in no other command, and a recovery needs all tries.  With
 * clang -DFUZZ -fsanitize=fuzzer and the --wrap options of the makefile this
 * is a libFuzzer target; without, a program over files or its own seeds.
 */
#include "base/clock.h"
#include "signer/key/backend.h"
#include "signer/key/jpki_card.h"
#include "signer/key/jpki_info.h"
#include "tests/fuzz/mutate.h"
#include "tests/lib/fakereader.h"

#define PIN "QX7PIN7XQ"
#define COMMANDS_MAX 20000

/* What the next answer is made of. */
enum { OP_GOOD, OP_GOOD_TOO, OP_BENT, OP_WORD, OP_BYTES, OP_ERROR, OP_KINDS };

static struct {
	const uint8_t *p;
	size_t len;
	unsigned verifies, commands;
	unsigned query; /* what the card said last to a tries query */
	bool pad;
} in;

int64_t __wrap_clock_mono_ms(void);

/* No waiting: each look at the clock is half a second later. */
int64_t
__wrap_clock_mono_ms(void)
{
	static int64_t now;

	return now += 500;
}

static void
require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static uint8_t
next(void)
{
	if (in.len == 0)
		return 0;
	in.len--;
	return *in.p++;
}

/* As a card would answer: file contents that begin like DER. */
static void
good_answer(struct slice c, struct buf *answer)
{
	static const uint8_t head[] = {0x30, 0x82, 0x02, 0x00};
	size_t at = c.len < 4 ? 0 : (size_t)c.p[2] << 8 | c.p[3];
	size_t n = 0;

	if (c.len == 5 && c.p[1] == 0xB0)
		n = c.p[4] == 0 ? 256 : c.p[4];
	else if (c.len > 5 && c.p[1] == 0x2A)
		n = 256;
	for (size_t i = 0; i < n; i++)
		buf_putc(answer, at + i < 4 ? head[at + i] : 0x41);
	if (c.len == 4 && c.p[1] == 0x20)
		buf_append(answer, "\x63\xC5", 2);
	else
		buf_append(answer, "\x90\x00", 2);
}

static LONG
some_error(void)
{
	static const LONG errors[] = {SCARD_W_REMOVED_CARD, SCARD_W_RESET_CARD,
	    SCARD_E_NOT_TRANSACTED, SCARD_E_NO_SERVICE,
	    SCARD_E_SHARING_VIOLATION, SCARD_F_COMM_ERROR};

	return errors[next() % (sizeof errors / sizeof *errors)];
}

static LONG
answer_of(struct slice command, struct buf *answer)
{
	size_t n, at;

	switch (next() % OP_KINDS) {
	case OP_BENT:
		good_answer(command, answer);
		at = next();
		answer->p[at % answer->len] ^= (uint8_t)(1 | next());
		return SCARD_S_SUCCESS;
	case OP_WORD:
		buf_putc(answer, next());
		buf_putc(answer, next());
		return SCARD_S_SUCCESS;
	case OP_BYTES:
		n = next() + 2 * (size_t)next();
		for (size_t i = 0; i < n; i++)
			buf_putc(answer, next());
		return SCARD_S_SUCCESS;
	case OP_ERROR:
		return some_error();
	default:
		good_answer(command, answer);
		return SCARD_S_SUCCESS;
	}
}

/* A VERIFY is about to go out, typed here or there. */
static void
check_verify(void)
{
	in.verifies++;
	require((in.query & 0xFFF0) == 0x63C0 || in.query == 0x6300,
	    "VERIFY without knowing the tries");
	require(in.query == 0x6300 || (in.query & 0xF) >= 2,
	    "VERIFY with the last try");
	in.query = 0;
}

static LONG
transmit(struct slice c, struct buf *answer)
{
	bool verify = c.len > 5 && c.p[1] == 0x20;
	LONG r;

	require(++in.commands < COMMANDS_MAX, "commands without end");
	require(c.len >= 4 && c.len <= 261, "a command's length");
	if (verify)
		check_verify();
	else
		require(memmem(c.p, c.len, PIN, strlen(PIN)) == NULL,
		    "the PIN in another command");
	r = answer_of(c, answer);
	if (c.len == 4 && c.p[1] == 0x20)
		in.query = r != SCARD_S_SUCCESS || answer->len < 2
			       ? 0
			       : (unsigned)answer->p[answer->len - 2] << 8 |
				     answer->p[answer->len - 1];
	return r;
}

static LONG
pad(struct slice structure, struct buf *answer)
{
	require(structure.len == 24, "a structure's length");
	check_verify();
	return answer_of(slice_of(structure.p + 19, 5), answer);
}

/* One unlock is one VERIFY at most. */
static int
unlock(struct key *k, const struct secret *pin, struct err *e)
{
	unsigned before = in.verifies;
	int r = key_backend_jpki.unlock(k, in.pad ? NULL : pin, e);

	require(in.verifies - before <= 1, "two VERIFY in one unlock");
	require(r != 0 || in.verifies == before + 1, "unlocked without VERIFY");
	return r;
}

static int
sign(struct key *k, struct err *e)
{
	static const uint8_t digest[32] = {1, 2, 3};
	struct buf out = {0};
	int r = key_backend_jpki.sign(
	    k, SIGN_RSA_SHA256, slice_of(digest, sizeof digest), &out, e);

	require(out.len == (r == 0 ? 256 : 0), "a signature's length");
	buf_free(&out);
	return r;
}

static void
session(struct key *k, const struct secret *pin)
{
	const struct key_backend *b = &key_backend_jpki;
	struct key_status status;
	struct buf der = {0};
	struct err e = {0}, why = {0};

	b->status(k, &status, &e);
	unlock(k, pin, &e);
	b->certificate(k, &der, &e);
	for (int i = 0; i < 3; i++) {
		err_clear(&e);
		if (sign(k, &e) == 0 || b->recover(k, &e, &why) != 0)
			continue;
		require(in.query == 0x63C5, "recovered without all tries");
		buf_reset(&der);
		if (unlock(k, pin, &e) == 0 && b->certificate(k, &der, &e) == 0)
			sign(k, &e);
	}
	b->alive(k, &e);
	b->status(k, &status, &e);
	buf_free(&der);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char none[] = "";
	struct conf_key conf = {.name = none, .reader = none};
	struct jpki_info info = {0};
	struct err e = {0};
	struct secret *pin;
	struct key *k;

	if (secret_init(&e) != 0 || (pin = secret_new(16)) == NULL)
		abort();
	memcpy(secret_room(pin), PIN, strlen(PIN));
	secret_set_len(pin, strlen(PIN));
	memset(&in, 0, sizeof in);
	in.p = data;
	in.len = size;
	in.pad = (next() & 1) != 0;
	fakereader.transmit = transmit;
	fakereader.pad = in.pad ? pad : NULL;
	k = key_backend_jpki.open(&conf, &e);
	if (k != NULL)
		session(k, pin);
	key_backend_jpki.close(k);
	in.verifies = 0;
	jpki_info_read("", &info, &e);
	require(in.verifies == 0, "VERIFY for a look");
	jpki_info_free(&info);
	secret_free(pin);
	return 0;
}

#ifndef FUZZ
int
main(int argc, char **argv)
{
	/* All good; forgotten at the first signature; the tries running out. */
	static const uint8_t good[] = {0}, padded[] = {1};
	uint8_t late[160] = {0}, few[64] = {0}, words[400], again[64] = {0};
	struct fuzz_seed seeds[] = {{good, sizeof good},
	    {padded, sizeof padded}, {late, sizeof late}, {few, sizeof few},
	    {words, sizeof words}, {again, sizeof again}};

	if (argc > 1)
		return mutate_files(argc, argv);
	for (size_t i = 20; i + 3 < sizeof late; i += 9)
		memcpy(late + i, "\x03\x69\x82", 3);
	/* The 19th command is the first signature; the 8th after it asks for
	 * the tries left, of which one is gone. */
	memcpy(again + 19, "\x03\x69\x82", 3);
	memcpy(again + 29, "\x03\x63\xC4", 3);
	memcpy(few + 12, "\x03\x63\xC1\x03\x63\xC2\x03\x90\x00", 9);
	for (size_t i = 0; i < sizeof words; i++)
		words[i] = (uint8_t)(i % 3 == 0 ? OP_WORD : i * 37);
	mutate_run(seeds, sizeof seeds / sizeof *seeds, 20000);
	return 0;
}
#endif
