/*
 * A test program does not stand beside build/locale, so the catalogue's place
 * is told here; everything else is the program's own code.
 */
#include "tests/lib/catalogue.h"

#include "base/i18n.h"

#include <stdio.h>
#include <stdlib.h>

void
catalogue_use(const char *language)
{
	const char *build = getenv("NATSUIN_BUILD");
	char dir[512];

	i18n_init();
	snprintf(dir, sizeof dir, "%s/locale", build == NULL ? "build" : build);
	bindtextdomain("natsuin", dir);
	i18n_use(language);
}
