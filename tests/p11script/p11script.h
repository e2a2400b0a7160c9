/* What the scripted PKCS#11 module counted; found with dlsym. */
#ifndef TESTS_P11SCRIPT_P11SCRIPT_H
#define TESTS_P11SCRIPT_P11SCRIPT_H

struct p11script_counts {
	unsigned initialised, logins, context_logins, signatures;
};

/* Since the library was loaded. */
__attribute__((visibility("default"))) struct p11script_counts p11script_counts(
    void);

#endif
