/*
 * The demonstration schemas, taken into the program when it is built, so
 * that `init --demo` works where only the program is installed.
 */
#include "signer/cli/demo.h"

#include <stdint.h>

#define FILES(X)                                                               \
	X(catalog, "general/CATALOG.xsd")                                      \
	X(general, "general/General.xsd")                                      \
	X(itdefinition, "general/ITdefinition.xsd")                            \
	X(itreference, "general/ITreference.xsd")                              \
	X(xmldsig, "general/XMLDSIG050.xsd")                                   \
	X(zzg010, "kyotsu/ZZG010-001.xsd")                                     \
	X(zza010, "shohi/ZZA010-001.xsd")                                      \
	X(zzz0010, "shohi/ZZZ0010-100.xsd")                                    \
	X(soz074, "somu/SOZ074-001.xsd")

#define EMBED(symbol, name)                                                    \
	__asm__(".pushsection .rodata\n"                                       \
		"natsuin_xsd_" #symbol ":\n"                                   \
		".global natsuin_xsd_" #symbol "\n"                            \
		".incbin \"schemas/demo/" name "\"\n"                          \
		"natsuin_xsd_" #symbol "_end:\n"                               \
		".global natsuin_xsd_" #symbol "_end\n"                        \
		".popsection\n");                                              \
	extern const uint8_t natsuin_xsd_##symbol[];                           \
	extern const uint8_t natsuin_xsd_##symbol##_end[];
FILES(EMBED)

#define ROW(symbol, name)                                                      \
	{name, natsuin_xsd_##symbol, natsuin_xsd_##symbol##_end},

static const struct {
	const char *name;
	const uint8_t *start, *end;
} files[] = {FILES(ROW)};

int
demo_xsd(struct archive *a, struct err *e)
{
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		size_t n = (size_t)((uintptr_t)files[i].end -
				    (uintptr_t)files[i].start);

		if (archive_add(
			a, files[i].name, slice_of(files[i].start, n), e) != 0)
			return -1;
	}
	return 0;
}
