/*
 * One hash table for IDs and the references to them: three spellings of the
 * attribute share one ID space, and libxml2's streaming validation neither
 * finds duplicates nor dangling references.  Linear in the number of names,
 * also for names chosen by an enemy.
 */
#include "signer/exam/ids.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define IDS_FIRST_SIZE 256

struct ids_entry {
	size_t at; /* in names */
	uint32_t len;
	uint32_t hash;
	unsigned defined; /* line, 0 = not defined */
	unsigned refered; /* line of the first reference, 0 = none */
	bool used;
};

static uint32_t
hash_of(const struct ids *t, struct slice s)
{
	uint64_t h = t->seed;

	for (size_t i = 0; i < s.len; i++) {
		h = (h ^ s.p[i]) * UINT64_C(0x9E3779B97F4A7C15);
		h ^= h >> 29;
	}
	return (uint32_t)(h ^ h >> 32);
}

static bool
blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct slice
trim(struct slice s)
{
	while (s.len > 0 && blank(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

static struct slice
name_of(const struct ids *t, const struct ids_entry *x)
{
	return slice_of(t->names.p + x->at, x->len);
}

/* The entry of that name, or the free one where it belongs. */
static struct ids_entry *
slot(const struct ids *t, struct slice s, uint32_t hash)
{
	size_t i = hash & (t->size - 1);

	while (
	    t->entries[i].used && !(t->entries[i].hash == hash &&
				      slice_eq(name_of(t, &t->entries[i]), s)))
		i = (i + 1) & (t->size - 1);
	return &t->entries[i];
}

static int
enlarge(struct ids *t)
{
	struct ids old = *t;

	t->size = old.size == 0 ? IDS_FIRST_SIZE : old.size * 2;
	t->entries = calloc(t->size, sizeof *t->entries);
	if (t->entries == NULL) {
		*t = old;
		return -1;
	}
	for (size_t i = 0; i < old.size; i++) {
		const struct ids_entry *x = &old.entries[i];

		if (x->used)
			*slot(t, name_of(t, x), x->hash) = *x;
	}
	free(old.entries);
	return 0;
}

static struct ids_entry *
enter(struct ids *t, struct slice s)
{
	struct ids_entry *x;
	uint32_t hash;

	if (t->size == 0)
		t->seed = (uint64_t)clock_mono_ns() ^ (uint64_t)(uintptr_t)t;
	if (s.len > UINT32_MAX || (t->count * 2 >= t->size && enlarge(t) != 0))
		return NULL;
	hash = hash_of(t, s);
	x = slot(t, s, hash);
	if (x->used)
		return x;
	x->at = t->names.len;
	if (buf_slice(&t->names, s) != 0)
		return NULL;
	x->len = (uint32_t)s.len;
	x->hash = hash;
	x->used = true;
	t->count++;
	return x;
}

int
ids_define(
    struct ids *t, struct slice value, unsigned line, unsigned *first_line)
{
	struct ids_entry *x = enter(t, trim(value));

	if (x == NULL)
		return -1;
	if (x->defined != 0) {
		*first_line = x->defined;
		return 1;
	}
	x->defined = line == 0 ? 1 : line;
	return 0;
}

int
ids_refer(struct ids *t, struct slice value, unsigned line)
{
	struct ids_entry *x = enter(t, trim(value));

	if (x == NULL)
		return -1;
	if (x->refered == 0)
		x->refered = line == 0 ? 1 : line;
	return 0;
}

bool
ids_defined(const struct ids *t, const char *name)
{
	struct slice s = slice_str(name);

	return t->size != 0 && slot(t, s, hash_of(t, s))->defined != 0;
}

bool
ids_dangling(const struct ids *t, struct slice *name, unsigned *line)
{
	const struct ids_entry *first = NULL;

	for (size_t i = 0; i < t->size; i++) {
		const struct ids_entry *x = &t->entries[i];

		if (x->used && x->refered != 0 && x->defined == 0 &&
		    (first == NULL || x->at < first->at))
			first = x;
	}
	if (first == NULL)
		return false;
	*name = name_of(t, first);
	*line = first->refered;
	return true;
}

size_t
ids_count(const struct ids *t)
{
	return t->count;
}

bool
ids_next(
    const struct ids *t, const char *prefix, size_t *at, struct slice *name)
{
	while (*at < t->size) {
		const struct ids_entry *x = &t->entries[(*at)++];

		if (!x->used || x->defined == 0)
			continue;
		*name = name_of(t, x);
		if (slice_starts(*name, prefix))
			return true;
	}
	return false;
}

void
ids_free(struct ids *t)
{
	free(t->entries);
	buf_free(&t->names);
	memset(t, 0, sizeof *t);
}
