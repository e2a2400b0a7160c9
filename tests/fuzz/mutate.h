/*
 * For fuzz targets built as plain programs: a run over the files named as
 * arguments, or, without any, over the target's own seeds and small changes
 * of them, always the same ones.  Included once, by the target.
 */
#ifndef TESTS_FUZZ_MUTATE_H
#define TESTS_FUZZ_MUTATE_H

#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_seed {
	const void *p;
	size_t len;
};

static uint64_t mutate_state;

static inline uint32_t
mutate_next(uint32_t below)
{
	mutate_state =
	    mutate_state * 6364136223846793005u + 1442695040888963407u;
	return below == 0 ? 0 : (uint32_t)(mutate_state >> 33) % below;
}

/* One small change: a bit, a byte, a cut, a repeat, an insertion. */
static inline void
mutate_once(struct buf *b)
{
	static const char tricky[] = "<>&\"' =#%/:\0\xFF\x80"
				     "A0";
	uint32_t n = (uint32_t)b->len, at = mutate_next(n);
	uint32_t span = mutate_next(n - at < 40 ? n - at : 40);

	switch (n == 0 ? 4 : mutate_next(6)) {
	case 0:
		b->p[at] ^= (uint8_t)(1u << mutate_next(8));
		return;
	case 1:
		b->p[at] = (uint8_t)tricky[mutate_next(sizeof tricky - 1)];
		return;
	case 2:
		memmove(b->p + at, b->p + at + span, n - at - span);
		b->len -= span;
		return;
	case 3:
		b->len = at;
		return;
	case 4:
		if (buf_putc(b, 0) != 0)
			return;
		memmove(b->p + at + 1, b->p + at, b->len - 1 - at);
		b->p[at] = (uint8_t)mutate_next(256);
		return;
	default:
		if (buf_reserve(b, span) != 0)
			return;
		memmove(b->p + at + span, b->p + at, n - at);
		b->len += span;
		return;
	}
}

static inline void
mutate_run(const struct fuzz_seed *seeds, size_t count, unsigned rounds)
{
	struct buf b = {0};

	for (size_t i = 0; i < count; i++)
		LLVMFuzzerTestOneInput(seeds[i].p, seeds[i].len);
	for (unsigned i = 0; i < rounds; i++) {
		const struct fuzz_seed *s = &seeds[i % count];

		mutate_state = i + 1; /* the round's number is its seed */
		mutate_next(1);
		buf_reset(&b);
		if (buf_append(&b, s->p, s->len) != 0)
			abort();
		for (uint32_t n = 1 + mutate_next(4); n > 0; n--)
			mutate_once(&b);
		LLVMFuzzerTestOneInput(b.p, b.len);
	}
	buf_free(&b);
}

static inline int
mutate_files(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		static uint8_t data[1 << 20];
		FILE *f = fopen(argv[i], "rb");
		size_t n;

		if (f == NULL) {
			perror(argv[i]);
			return 1;
		}
		n = fread(data, 1, sizeof data, f);
		fclose(f);
		LLVMFuzzerTestOneInput(data, n);
	}
	return 0;
}

#endif
