/*
 * The stack of namespace declarations and xml:* attributes of the open
 * elements.  It is the only memory that a subtree's canonical form needs of
 * its ancestors.
 */
#include "signer/exam/scope.h"

#include <stdlib.h>
#include <string.h>

/* Room for one more element of `size` bytes; 0 / -1. */
static int
grow(void **array, size_t count, size_t *cap, size_t size)
{
	size_t want;
	void *p;

	if (count < *cap)
		return 0;
	want = *cap == 0 ? 16 : *cap * 2;
	p = reallocarray(*array, want, size);
	if (p == NULL)
		return -1;
	*array = p;
	*cap = want;
	return 0;
}

int
scope_declare(
    struct scope *s, const char *prefix, const char *uri, unsigned depth)
{
	void *names = s->names;
	int failed = grow(&names, s->count, &s->cap, sizeof *s->names);

	s->names = names;
	if (failed != 0)
		return -1;
	s->names[s->count++] = (struct scope_name){prefix, uri, depth};
	return 0;
}

static int
add_attribute(
    struct scope *s, const char *local, struct slice value, unsigned depth)
{
	struct scope_attribute a = {.depth = depth};
	void *array = s->attributes;
	int failed =
	    grow(&array, s->attribute_count, &s->attribute_cap, sizeof a);

	s->attributes = array;
	if (failed != 0)
		return -1;
	a.local = strdup(local);
	if (a.local == NULL || buf_slice(&a.value, value) != 0) {
		free(a.local);
		return -1;
	}
	s->attributes[s->attribute_count++] = a;
	return 0;
}

int
scope_push(struct scope *s, const struct element *el)
{
	for (size_t i = 0; i < el->namespace_count; i++) {
		const char *prefix = (const char *)el->namespaces[2 * i];
		const char *uri = (const char *)el->namespaces[2 * i + 1];

		if (scope_declare(s, prefix == NULL ? "" : prefix,
			uri == NULL ? "" : uri, el->depth) != 0)
			return -1;
	}
	for (size_t i = 0; i < el->attribute_count; i++) {
		struct attribute a = element_attribute_at(el, i);

		if (a.uri == NULL || strcmp(a.uri, ELEMENT_XML) != 0)
			continue;
		if (add_attribute(s, a.local, a.value, el->depth) != 0)
			return -1;
	}
	return 0;
}

static void
free_attribute(struct scope_attribute *a)
{
	free(a->local);
	buf_free(&a->value);
}

void
scope_pop(struct scope *s, unsigned depth)
{
	while (s->count > 0 && s->names[s->count - 1].depth >= depth)
		s->count--;
	while (s->attribute_count > 0 &&
	       s->attributes[s->attribute_count - 1].depth >= depth)
		free_attribute(&s->attributes[--s->attribute_count]);
}

const char *
scope_find(const struct scope *s, const char *prefix, unsigned before)
{
	for (size_t i = s->count; i-- > 0;)
		if (s->names[i].depth < before &&
		    strcmp(s->names[i].prefix, prefix) == 0)
			return s->names[i].uri;
	return "";
}

/* True when no later entry has the same name: this one is in effect. */
static bool
name_in_effect(const struct scope *s, size_t i)
{
	for (size_t k = i + 1; k < s->count; k++)
		if (strcmp(s->names[k].prefix, s->names[i].prefix) == 0)
			return false;
	return s->names[i].uri[0] != '\0';
}

static bool
attribute_in_effect(const struct scope *s, size_t i)
{
	for (size_t k = i + 1; k < s->attribute_count; k++)
		if (strcmp(s->attributes[k].local, s->attributes[i].local) == 0)
			return false;
	return true;
}

static size_t
text_size(const struct scope *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		n += strlen(s->names[i].prefix) + strlen(s->names[i].uri) + 2;
	return n;
}

/* Keeps a string in memory reserved beforehand, which never moves. */
static const char *
keep(struct scope *s, const char *text)
{
	size_t at = s->owned.len;

	if (buf_append(&s->owned, text, strlen(text) + 1) != 0)
		return "";
	return (const char *)s->owned.p + at;
}

int
scope_copy(struct scope *to, const struct scope *from)
{
	struct scope copy = {0};

	if (buf_reserve(&copy.owned, text_size(from)) != 0)
		goto fail;
	for (size_t i = 0; i < from->count; i++) {
		const struct scope_name *n = &from->names[i];

		if (!name_in_effect(from, i))
			continue;
		if (scope_declare(&copy, keep(&copy, n->prefix),
			keep(&copy, n->uri), 0) != 0)
			goto fail;
	}
	for (size_t i = 0; i < from->attribute_count; i++) {
		const struct scope_attribute *a = &from->attributes[i];

		if (!attribute_in_effect(from, i))
			continue;
		if (add_attribute(&copy, a->local, buf_view(&a->value), 0) != 0)
			goto fail;
	}
	scope_free(to);
	*to = copy;
	return 0;
fail:
	scope_free(&copy);
	return -1;
}

void
scope_free(struct scope *s)
{
	scope_pop(s, 0);
	free(s->names);
	free(s->attributes);
	buf_free(&s->owned);
	memset(s, 0, sizeof *s);
}
