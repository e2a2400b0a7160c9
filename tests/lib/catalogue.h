/* The message catalogue of the build under test, for tests of words. */
#ifndef TESTS_LIB_CATALOGUE_H
#define TESTS_LIB_CATALOGUE_H

/* Binds $NATSUIN_BUILD/locale (else build/locale) and speaks the language,
 * "ja" or "en", from now on. */
void catalogue_use(const char *language);

#endif
