/*
 * One cache of compiled schemas per examiner: compiling takes longer than
 * checking a small filing.  Bundles are known by their hash, so an import
 * that changed one is noticed at once.
 */
#include "signer/exam/bundles.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define BUNDLES_KEPT 8

static struct schema_cache *cache; /* lives as long as the process */

static int
missing(const struct exam_options *o, const char *procedure,
    const char *version, struct findings *f, struct err *e)
{
	if (o->schema_required)
		return err_set(e, ERR_INPUT, "schema-missing", "%s %s",
		    procedure, version);
	err_clear(e);
	return findings_warn(
		   f, "schema-missing", "%s %s", procedure, version) == 0
		   ? 0
		   : err_nomem(e);
}

static const struct schema *
compiled(int fd, const char *sha256, struct err *e)
{
	const struct schema *s;

	if (cache == NULL)
		cache = schema_cache_new(BUNDLES_KEPT);
	if (cache == NULL) {
		err_nomem(e);
		return NULL;
	}
	s = schema_cache_get(cache, sha256);
	return s != NULL ? s : schema_cache_add(cache, fd, e);
}

int
bundles_run(const struct exam_options *o, const char *procedure,
    const char *version, struct findings *f, struct schema_run **run,
    struct err *e)
{
	const struct schema *s;
	char sha256[65] = "";
	int fd;

	*run = NULL;
	if (o->schemas.open == NULL)
		return missing(o, procedure, version, f, e);
	fd = o->schemas.open(o->schemas.ctx, procedure, version, sha256, e);
	if (fd < 0)
		return e->errnum == ENOENT
			   ? missing(o, procedure, version, f, e)
			   : -1;
	s = compiled(fd, sha256, e);
	close(fd);
	if (s == NULL)
		return -1;
	*run = schema_run_new(s, e);
	if (*run == NULL)
		return -1;
	snprintf(f->schema, sizeof f->schema, "%s-%s", procedure, version);
	snprintf(f->schema_sha256, sizeof f->schema_sha256, "%s", sha256);
	return 0;
}
