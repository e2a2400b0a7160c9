/* The configuration: plain values, filled from one file by one table. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/err.h"
#include "conf/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum conf_format { CONF_FORMAT_AUTO, CONF_FORMAT_ETAX, CONF_FORMAT_EGOV };
enum conf_backend {
	CONF_BACKEND_JPKI,
	CONF_BACKEND_PKCS11,
	CONF_BACKEND_PKCS12,
	CONF_BACKEND_TEST
};
enum conf_missing { CONF_MISSING_WARN, CONF_MISSING_REFUSE };
enum conf_resubmission { CONF_RESUBMISSION_WARN, CONF_RESUBMISSION_HOLD };
/* Whose certificate must sign what is dropped here. */
enum conf_signer_must {
	CONF_SIGNER_ANY,
	CONF_SIGNER_ACCOUNTANT,
	CONF_SIGNER_TAXPAYER
};
enum conf_mismatch { CONF_MISMATCH_REFUSE, CONF_MISMATCH_WARN };
enum conf_revocation {
	CONF_REVOCATION_REQUIRE,
	CONF_REVOCATION_PREFER,
	CONF_REVOCATION_OFF,
	CONF_REVOCATION_DEFAULT /* of a key: as in certificates */
};

struct conf_drop {
	char *name;
	char *path; /* relative to the spool root, "in/kokuzei" */
	enum conf_format format;
	struct conf_list sign_with; /* keys and pools, in signing order */
	bool unsigned_only;         /* sign-with = { "none" } */
	char *deliver;              /* "out/{batch}/{path}" or a fixed folder */
	enum conf_resubmission resubmission;
	bool sign_form_root; /* sign the form-root family (控除証明書) */
	int64_t due_ms;      /* the due date's last moment in Japan, or 0 */
	enum conf_signer_must signer_must_match;
	enum conf_mismatch signer_mismatch;
};

/* How a PIN is entered where both ways are there. */
enum conf_pin_entry {
	CONF_PIN_AUTO, /* on the reader, unless something gives the PIN */
	CONF_PIN_KEYBOARD,
	CONF_PIN_PAD
};

struct conf_key {
	char *name;
	enum conf_backend backend;
	char *owner;              /* user name; "" = the user running natsuin */
	struct conf_list used_by; /* user names that may ask it to sign */
	char *etax_user_id;       /* 16 digits or "" */
	char *certificate_sha256; /* 64 hex digits or "" */
	char *file;               /* pkcs12 */
	char *pin_file;           /* owner-only file, or "" */
	char *reader;             /* jpki: part of a reader name, or "" = any */
	char *card_sha256;        /* jpki: 64 hex digits or "" */
	char *module;             /* pkcs11 */
	char *token_serial;
	char *token_label;
	int64_t card_timeout_ms; /* one card command at most */
	enum conf_pin_entry pin_entry;
	char *script; /* test key only: its fault script, or "" */
	enum conf_revocation revocation;
	char *ocsp_url; /* asked instead of the certificate's, or "" */
};

/* Keys of which any may make a signature. */
struct conf_pool {
	char *name;
	struct conf_list keys; /* key names, each once */
	bool by_agent;         /* only the one whose number the filing names */
};

/* Stands in sign-with for the key of the filing's agent: a pool of this name
 * has every key with an etax-user-id.  No key or pool can be called so. */
#define CONF_BY_AGENT "by-agent-id"

/* Where revocation of a configured kind of certificate can be looked up. */
enum conf_kind_revocation {
	CONF_KIND_CERTIFICATE, /* wherever the certificate says */
	CONF_KIND_CRL,         /* only in lists */
	CONF_KIND_OCSP,        /* only from OCSP responders */
	CONF_KIND_VERIFIERS    /* nobody but certified verifiers may ask */
};

/* A kind of certificate that the office adds to the built-in ones
 * (signer/cert/profile.c). */
struct conf_kind {
	char *name;
	struct conf_list policy; /* "1.2.3" or "1.2.3.*": one fits */
	struct conf_list issuer; /* texts: one is in the issuer's name */
	bool digital_signature;  /* keyUsage bits, one of which is needed; */
	bool non_repudiation;    /* in the order of the words */
	bool etax;               /* formats that take it, in the order of the */
	bool egov;               /* words */
	bool may_sign;
	enum conf_kind_revocation revocation;
	char *label;   /* or "" */
	char *renewal; /* or "" */
};

/* Keys that the signers of one drop folder come from, at most. */
#define CONF_DROP_KEYS_MAX 32

/* What one format may be signed with; in the order of the words. */
struct conf_algorithms {
	bool rsa_sha256;
	bool ecdsa_sha384;
};

struct conf {
	char *file; /* where it was read from */
	char *root; /* spool root, absolute */
	int64_t settle_ms;
	int64_t settle_network_ms;
	int64_t incomplete_after_ms;
	int64_t poll_ms;  /* watch: longest time between scans */
	int64_t quiet_ms; /* watch: a batch ends after this quiet time */
	char *group;      /* of shared folders, or "" */
	mode_t umask;
	int64_t examiners; /* 0 = number of cores, at least 2 */
	char *run_dir;     /* keyholder sockets, "/run/natsuin" */
	char *anchors;     /* folder of trust anchors, or "" */
	enum conf_revocation revocation;
	struct conf_revoke revoke;
	int64_t expiry_warning_days;
	struct conf_algorithms etax, etax_form, egov;
	char *schemas; /* folder of bundles */
	enum conf_missing schema_missing;
	char *report_language; /* "ja" | "en" */
	bool report_html, report_csv, report_json;
	struct conf_limits limits;
	struct conf_drop *drops;
	size_t drop_count;
	struct conf_key *keys;
	size_t key_count;
	struct conf_pool *pools;
	size_t pool_count;
	struct conf_kind *kinds;
	size_t kind_count;
};

/*
 * Reads and checks a configuration file.  NULL on error, class ERR_CONFIG,
 * detail "file:line: what"; unknown settings are errors.  Relative paths of
 * settings are taken from the configuration file's folder.
 */
struct conf *conf_load(const char *file, struct err *e);
/* NULL is accepted. */
void conf_free(struct conf *c);

const struct conf_key *conf_key_find(const struct conf *c, const char *name);
const struct conf_drop *conf_drop_find(const struct conf *c, const char *name);
const struct conf_pool *conf_pool_find(const struct conf *c, const char *name);

/* The names of the keys that a name in sign-with stands for: a pool's, or
 * the key's own.  Borrows from both. */
struct conf_list conf_signer_keys(const struct conf *c, char **name);
/* Is this key one of those that the drop folder is signed with? */
bool conf_drop_signs_with(
    const struct conf *c, const struct conf_drop *d, const char *key);

/* May documents of this format ("etax", "etax-form", "egov"; NULL: of any)
 * be signed with this algorithm ("rsa-sha256", …)? */
bool conf_algorithm_allowed(
    const struct conf *c, const char *format, const char *algorithm);

/* Every setting with its default, range and help, as a configuration file
 * (`natsuin --print-defaults`), or as man page text in mdoc. */
void conf_print_defaults(int fd);
void conf_print_man(int fd);

#endif
