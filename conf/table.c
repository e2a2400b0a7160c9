/*
 * The table of settings.  A setting exists when it has a row here, and only
 * then: name, type, default, range and help are said once.  Nothing here
 * reads a file or knows about other settings.
 */
#include "conf/table.h"

#include "base/i18n.h"
#include "conf/conf.h"

#include <string.h>

static const char *const words_format[] = {"auto", "etax", "egov", NULL};
static const char *const words_backend[] = {
    "jpki", "pkcs11", "pkcs12", "test", NULL};
static const char *const words_pin_entry[] = {"auto", "keyboard", "pad", NULL};
static const char *const words_missing[] = {"warn", "refuse", NULL};
static const char *const words_resubmission[] = {"warn", "hold", NULL};
static const char *const words_signer[] = {
    "none", "accountant", "taxpayer", NULL};
static const char *const words_mismatch[] = {"refuse", "warn", NULL};
static const char *const words_revocation[] = {
    "require", "prefer", "off", NULL};
static const char *const words_key_revocation[] = {
    "require", "prefer", "off", "default", NULL};
static const char *const words_algorithms[] = {
    "rsa-sha256", "ecdsa-sha384", NULL};
static const char *const words_usage[] = {
    "digital-signature", "non-repudiation", NULL};
static const char *const words_formats[] = {"etax", "egov", NULL};
static const char *const words_kind_revocation[] = {
    "certificate", "crl", "ocsp", "verifiers-only", NULL};
static const char *const words_language[] = {"ja", "en", NULL};
static const char *const words_report[] = {"html", "csv", "json", NULL};

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KB INT64_C(1024)
#define MB (1024 * KB)
#define GB (1024 * MB)

/* CONF_FLAGS takes the first of the report flags and the two after it. */
_Static_assert(offsetof(struct conf, report_csv) ==
		       offsetof(struct conf, report_html) + sizeof(bool) &&
		   offsetof(struct conf, report_json) ==
		       offsetof(struct conf, report_csv) + sizeof(bool),
    "report flags are adjacent, in the order of words_report");
_Static_assert(offsetof(struct conf_algorithms, ecdsa_sha384) == sizeof(bool),
    "algorithms are adjacent, in the order of words_algorithms");
_Static_assert(
    offsetof(struct conf_kind, non_repudiation) ==
	    offsetof(struct conf_kind, digital_signature) + sizeof(bool) &&
	offsetof(struct conf_kind, egov) ==
	    offsetof(struct conf_kind, etax) + sizeof(bool),
    "usages and formats are adjacent, in the order of their words");

#define C(field) offsetof(struct conf, field)
#define D(field) offsetof(struct conf_drop, field)
#define K(field) offsetof(struct conf_key, field)
#define P(field) offsetof(struct conf_pool, field)
#define G(field) offsetof(struct conf_kind, field)
#define L(field) offsetof(struct conf, limits.field)
#define R(field) offsetof(struct conf, revoke.field)

const struct conf_section conf_sections[] = {
    {"spool", NULL, N_("Where filings arrive, wait and leave.")},
    {"drop", "kokuzei",
	N_("A folder that filings are dropped into. Any number of them; the "
	   "title is the folder's name in reports.")},
    {"key", "tanaka",
	N_("A signing key. The title is the name that sign-with uses.")},
    {"pool", "office",
	N_("Several keys of which any may make a signature: filings go to "
	   "whichever is free. The title is a name for sign-with; no key may "
	   "have the same.")},
    {"certificates", NULL, N_("How certificates are checked.")},
    {"certificate-kind", "example",
	N_("A kind of certificate that natsuin does not know, or knows too "
	   "little of. Any number of them; they are looked at before the "
	   "built-in kinds, but cannot let a certificate sign that natsuin "
	   "refuses, such as a card's user authentication certificate. The "
	   "title is the kind's name in records.")},
    {"algorithms", NULL,
	N_("What each format may be signed with. A key's certificate chooses "
	   "the algorithm: RSA rsa-sha256, P-384 ecdsa-sha384. Allow "
	   "ecdsa-sha384 only where the office that receives the filings "
	   "says that it takes it.")},
    {"schemas", NULL, N_("Schema bundles made by natsuin schema import.")},
    {"report", NULL, N_("The report of a batch.")},
    {"limits", NULL,
	N_("Bounds on what is read. A filing beyond one is refused.")},
    {NULL, NULL, NULL},
};

/* clang-format off */
const struct conf_setting conf_settings[] = {
{"spool", "root", CONF_PATH, "/srv/natsuin", NULL, 0, 0, NULL, C(root),
    N_("The spool folder, which has in, out, failed, done, reports, work and "
    "state below it.")},
{"spool", "settle", CONF_DURATION, "3s", NULL, 100, HOUR, NULL, C(settle_ms),
    N_("A file is taken once it has not changed for this long.")},
{"spool", "settle-network", CONF_DURATION, "10s", NULL, 100, HOUR, NULL,
    C(settle_network_ms),
    N_("The same on a network file system.")},
{"spool", "incomplete-after", CONF_DURATION, "10m", NULL, SECOND, 7 * DAY,
    NULL, C(incomplete_after_ms),
    N_("An e-Gov folder that still lacks a file it names fails after this "
    "long.")},
{"spool", "poll", CONF_DURATION, "5s", NULL, 100, HOUR, NULL, C(poll_ms),
    N_("watch: the longest time between two looks into the drop folders.")},
{"spool", "quiet", CONF_DURATION, "30s", NULL, SECOND, DAY, NULL, C(quiet_ms),
    N_("watch: a batch ends and its report is written when nothing has "
    "arrived for this long.")},
{"spool", "group", CONF_NAME, "", "office", 0, 0, NULL, C(group),
    N_("The group of the shared folders; empty leaves it as it is.")},
{"spool", "umask", CONF_MODE, "0027", NULL, 0, 0777, NULL, C(umask),
    N_("The umask of files in the shared folders, octal.")},
{"spool", "examiners", CONF_INT, "0", NULL, 0, 64, NULL, C(examiners),
    N_("Processes that examine filings; 0 is one per processor core, at "
    "least two.")},
{"spool", "run-dir", CONF_PATH, "/run/natsuin", NULL, 0, 0, NULL, C(run_dir),
    N_("Where unlocked keys listen for the batch.")},

{"drop", "path", CONF_INSIDE, "", "in/kokuzei", 0, 0, NULL, D(path),
    N_("The folder below the spool folder. Empty is in/ followed by the "
    "title.")},
{"drop", "format", CONF_ENUM, "auto", NULL, 0, 0, words_format, D(format),
    N_("What arrives here: e-Tax files, e-Gov applications, or decided for "
    "each drop.")},
{"drop", "sign-with", CONF_NAMES, "", "tanaka", 0, 8, NULL, D(sign_with),
    N_("The keys that sign, in signing order; a pool's name stands for any "
    "one of its keys, a key's name for that key only, \"by-agent-id\" for the "
    "key whose etax-user-id is the filing's agent (DAIRI_ID). Only \"none\" "
    "packages e-Gov applications without a signature.")},
{"drop", "deliver", CONF_DELIVER, "out/{batch}/{path}", NULL, 0, 0, NULL,
    D(deliver),
    N_("Where an output goes, from the spool folder or absolute. {batch} is "
    "the batch, {date} its day, {drop} this drop's name, {path} the path "
    "inside the drop folder, {name} its last part; a template without {path} "
    "and {name} is a folder that gets the path added.")},
{"drop", "resubmission", CONF_ENUM, "warn", NULL, 0, 0, words_resubmission,
    D(resubmission),
    N_("What to do when the same taxpayer, procedure and period was "
    "published before with other content.")},
{"drop", "sign-form-root", CONF_BOOL, "no", NULL, 0, 0, NULL,
    D(sign_form_root),
    N_("Also sign documents whose root is a form, such as deduction "
    "certificates; otherwise they are refused.")},
{"drop", "due", CONF_DATE, "", NULL, 0, 0, NULL, D(due_ms),
    N_("The day until which what is dropped here must be submitted, in "
    "Japanese time. natsuin warns when a signing certificate ends before it "
    "and when it has passed. Empty: none.")},

{"drop", "signer-must-match", CONF_ENUM, "none", NULL, 0, 0, words_signer,
    D(signer_must_match),
    N_("Whose certificate has to sign: its holder's name is compared with the "
    "tax accountant's (e-Gov: the contact's) or the taxpayer's (the "
    "applicant's) in the filing. This notices the wrong card in the reader. "
    "With several signers one of them has to be that person.")},
{"drop", "signer-mismatch", CONF_ENUM, "refuse", NULL, 0, 0, words_mismatch,
    D(signer_mismatch),
    N_("What to do when the names are different people's: hold the filing "
    "unsigned, or sign it with a remark in the report. Names that cannot be "
    "compared are always signed with a remark.")},

{"key", "backend", CONF_ENUM, "jpki", NULL, 0, 0, words_backend, K(backend),
    N_("jpki is a My Number card in a PC/SC reader, pkcs11 a token with its "
    "module, pkcs12 a key file; test is only for trying natsuin out.")},
{"key", "owner", CONF_NAME, "", "tanaka", 0, 0, NULL, K(owner),
    N_("The user whose natsuin unlock is trusted for this key; empty is the "
    "user that runs natsuin.")},
{"key", "used-by", CONF_NAMES, "", "natsuin", 0, 16, NULL, K(used_by),
    N_("Users, besides the owner, whose batches may ask this key to sign.")},
{"key", "etax-user-id", CONF_DIGITS, "", "0000000000000000", 0, 16, NULL,
    K(etax_user_id),
    N_("The signer's 16-digit e-Tax user number. e-Tax filings need it.")},
{"key", "certificate-sha256", CONF_HEX, "", NULL, 0, 64, NULL,
    K(certificate_sha256),
    N_("Only the certificate with this SHA-256 may sign; empty accepts the "
    "card's or the file's.")},
{"key", "file", CONF_PATH, "", NULL, 0, 0, NULL, K(file),
    N_("pkcs12: the key file.")},
{"key", "pin-file", CONF_PATH, "", NULL, 0, 0, NULL, K(pin_file),
    N_("A file with the PIN or password, readable by its owner only. Empty "
    "asks for it.")},
{"key", "pin-entry", CONF_ENUM, "auto", NULL, 0, 0, words_pin_entry,
    K(pin_entry),
    N_("Where a person types the PIN: on the keys of the reader or token "
    "(pad), at the computer (keyboard), or on the reader if it has keys and "
    "no file, descriptor or credential gives the PIN (auto). A password with "
    "letters needs keyboard where the reader has only digits.")},
{"key", "reader", CONF_TEXT, "", NULL, 0, 0, NULL, K(reader),
    N_("jpki: part of the reader's name; empty takes any reader with a "
    "matching card.")},
{"key", "card-sha256", CONF_HEX, "", NULL, 0, 64, NULL, K(card_sha256),
    N_("jpki: the SHA-256 of the card's user authentication certificate, as "
    "natsuin cert --card prints it. With several cards in the readers this "
    "one is looked for, before its PIN is sent; empty takes the only "
    "card.")},
{"key", "module", CONF_PATH, "", NULL, 0, 0, NULL, K(module),
    N_("pkcs11: the token's module, a shared library.")},
{"key", "token-serial", CONF_TEXT, "", NULL, 0, 0, NULL, K(token_serial),
    N_("pkcs11: the token's serial number, as natsuin doctor shows it; empty "
    "accepts any.")},
{"key", "token-label", CONF_TEXT, "", NULL, 0, 0, NULL, K(token_label),
    N_("pkcs11: the token's label; empty accepts any.")},
{"key", "card-timeout", CONF_DURATION, "30s", NULL, SECOND, 10 * MINUTE, NULL,
    K(card_timeout_ms),
    N_("The longest time that one card command may take.")},
{"key", "script", CONF_TEXT, "", NULL, 0, 0, NULL, K(script),
    N_("test: faults to play; see the manual.")},
{"key", "revocation", CONF_ENUM, "default", NULL, 0, 0, words_key_revocation,
    K(revocation),
    N_("revocation of this key's certificate; default is as in "
    "certificates.")},
{"key", "ocsp-url", CONF_TEXT, "", "http://ocsp.example.jp/", 0, 0, NULL,
    K(ocsp_url),
    N_("The OCSP responder for this key's certificate; empty asks the one in "
    "certificates, else the one that the certificate names.")},

{"pool", "keys", CONF_NAMES, "", "tanaka", 0, 32, NULL, P(keys),
    N_("The keys of the pool. An e-Tax filing that names its agent is signed "
    "by the key with that etax-user-id, if the pool has it.")},

{"certificates", "anchors", CONF_PATH, "", "/etc/natsuin/anchors", 0, 0, NULL,
    C(anchors),
    N_("A folder of CA certificates (PEM or DER). The self-signed ones are "
    "trusted; others, such as cross-certificates, help to get to one. Empty: "
    "no path can be checked, and the report says so.")},
{"certificates", "revocation", CONF_ENUM, "prefer", NULL, 0, 0,
    words_revocation, C(revocation),
    N_("Whether revocation must be known (require), is used when it can be "
    "had (prefer), or is not looked at (off).")},
{"certificates", "revocation-hosts", CONF_TEXTS, "", "crl.example.jp", 0, 32,
    NULL, R(hosts),
    N_("Hosts that revocation lists and OCSP answers may be fetched from, "
    "redirects too; \"host:port\" for another port than the usual one. "
    "Empty: nothing is ever fetched.")},
{"certificates", "crl", CONF_TEXTS, "", "/etc/natsuin/crl", 0, 16, NULL,
    R(crl),
    N_("Further revocation lists: files, folders, and http, https or ldap "
    "URLs. Paths are absolute.")},
{"certificates", "ocsp-url", CONF_TEXT, "", "http://ocsp.example.jp/", 0, 0,
    NULL, R(ocsp_url),
    N_("An OCSP responder to ask instead of the one that a certificate "
    "names.")},
{"certificates", "ocsp-nonce-required", CONF_BOOL, "no", NULL, 0, 0, NULL,
    R(nonce_required),
    N_("Refuse OCSP answers that do not repeat the number that was sent. An "
    "answer with another number is refused in any case.")},
{"certificates", "revocation-refresh", CONF_DURATION, "10m", NULL, SECOND,
    7 * DAY, NULL, R(refresh_ms),
    N_("What is known for longer than this is asked again: in the "
    "background, and before an output is published.")},
{"certificates", "revocation-wait", CONF_DURATION, "20s", NULL, 0, HOUR, NULL,
    R(wait_ms),
    N_("The longest time that a key's first signature waits for the "
    "answer.")},
{"certificates", "revocation-max-age", CONF_DURATION, "30d", NULL, SECOND,
    400 * DAY, NULL, R(max_age_ms),
    N_("Lists and answers older than this do not count, whatever they say "
    "themselves.")},
{"certificates", "fetch-connect-timeout", CONF_DURATION, "5s", NULL, 100,
    5 * MINUTE, NULL, R(connect_ms),
    N_("The longest time that connecting to a host may take.")},
{"certificates", "fetch-timeout", CONF_DURATION, "15s", NULL, 100, HOUR, NULL,
    R(fetch_ms),
    N_("The longest time that fetching one list or answer may take.")},
{"certificates", "fetch-max", CONF_SIZE, "20MB", NULL, KB, GB, NULL,
    R(fetch_max),
    N_("The largest list or answer that is taken.")},
{"certificates", "fetch-proxy", CONF_TEXT, "", "http://proxy.example.jp:8080",
    0, 0, NULL, R(proxy),
    N_("A proxy for fetching; empty uses none, whatever the environment "
    "says.")},
{"certificates", "fetch-ca-file", CONF_PATH, "", NULL, 0, 0, NULL, R(ca_file),
    N_("A file of CA certificates (PEM) that https servers are known by, "
    "instead of the system's. Signatures are never judged by them. Empty: "
    "the system's.")},
{"certificates", "expiry-warning-days", CONF_INT, "92", NULL, 0, 3650, NULL,
    C(expiry_warning_days),
    N_("Warn when a certificate expires within so many days.")},

{"certificate-kind", "policy", CONF_TEXTS, "", "1.2.392.9.1.*", 0, 16, NULL,
    G(policy),
    N_("Policy numbers (OIDs) of which a certificate of this kind has one; "
    "with .* at the end all numbers below it.")},
{"certificate-kind", "issuer", CONF_TEXTS, "", "O=Example-CA", 0, 16, NULL,
    G(issuer),
    N_("Texts of which one is in the name of the authority, as natsuin cert "
    "shows it. Looked at when no policy fits.")},
{"certificate-kind", "usage", CONF_FLAGS, "non-repudiation", NULL, 0, 0,
    words_usage, G(digital_signature),
    N_("What such a certificate must be meant for: one of these.")},
{"certificate-kind", "formats", CONF_FLAGS, "etax egov", NULL, 0, 0,
    words_formats, G(etax),
    N_("Who takes filings signed with it. A filing of another format is "
    "held.")},
{"certificate-kind", "may-sign", CONF_BOOL, "yes", NULL, 0, 0, NULL,
    G(may_sign),
    N_("no: certificates of this kind sign nothing here.")},
{"certificate-kind", "revocation", CONF_ENUM, "certificate", NULL, 0, 0,
    words_kind_revocation, G(revocation),
    N_("Where revocation can be looked up: where the certificate says, only "
    "in lists, only from OCSP responders, or nowhere because the authority "
    "tells certified verifiers only.")},
{"certificate-kind", "label", CONF_TEXT, "", "Certificate of Example CA", 0,
    0, NULL, G(label),
    N_("What people call it; empty is the title.")},
{"certificate-kind", "renewal", CONF_TEXT, "", "Order the next one from "
    "Example CA two months before.", 0, 0, NULL, G(renewal),
    N_("How it is renewed, for people to read.")},

{"algorithms", "etax", CONF_FLAGS, "rsa-sha256", NULL, 0, 0, words_algorithms,
    C(etax),
    N_("e-Tax filings.")},
{"algorithms", "etax-form", CONF_FLAGS, "rsa-sha256", NULL, 0, 0,
    words_algorithms, C(etax_form),
    N_("Documents whose root is an e-Tax form, where sign-form-root is set.")},
{"algorithms", "egov", CONF_FLAGS, "rsa-sha256", NULL, 0, 0, words_algorithms,
    C(egov),
    N_("e-Gov applications.")},

{"schemas", "path", CONF_PATH, "/var/lib/natsuin/schemas", NULL, 0, 0, NULL,
    C(schemas),
    N_("The folder of schema bundles.")},
{"schemas", "missing", CONF_ENUM, "warn", NULL, 0, 0, words_missing,
    C(schema_missing),
    N_("What to do with a filing whose procedure and version have no "
    "bundle.")},

{"report", "language", CONF_WORD, "ja", NULL, 0, 0, words_language,
    C(report_language),
    N_("The language of the report: Japanese or English.")},
{"report", "formats", CONF_FLAGS, "html csv json", NULL, 0, 0, words_report,
    C(report_html),
    N_("The files to write. The JSON file is the record and is always "
    "written.")},

{"limits", "document-max", CONF_SIZE, "20MB", NULL, KB, 2 * GB, NULL,
    L(document_max),
    N_("One XML document. e-Tax takes 20 MB per transmission.")},
{"limits", "drop-max", CONF_SIZE, "200MB", NULL, KB, 8 * GB, NULL,
    L(drop_max),
    N_("All files of one drop together, also unpacked.")},
{"limits", "members-max", CONF_INT, "150", NULL, 1, 180, NULL,
    L(members_max),
    N_("Files in one folder that is dropped.")},
{"limits", "archive-members-max", CONF_INT, "5000", NULL, 1, 50000, NULL,
    L(archive_max),
    N_("Entries of one ZIP archive that is dropped; one of many applications "
    "has many.")},
{"limits", "depth", CONF_INT, "200", NULL, 8, 2000, NULL, L(depth),
    N_("Nesting of elements.")},
{"limits", "attributes", CONF_INT, "256", NULL, 16, 10000, NULL,
    L(attributes),
    N_("Attributes of one element.")},
{"limits", "namespaces", CONF_INT, "256", NULL, 16, 10000, NULL,
    L(namespaces),
    N_("Namespace declarations in scope.")},
{"limits", "ids", CONF_INT, "200000", NULL, 100, 10000000, NULL, L(ids),
    N_("Identifiers in one document.")},
{"limits", "full-verify-max", CONF_SIZE, "32MB", NULL, KB, 2 * GB, NULL,
    L(full_verify_max),
    N_("Documents above this size are held, because verifying them takes "
    "about eleven times their size in memory.")},
{"limits", "examiner-memory", CONF_SIZE, "1GB", NULL, 64 * MB, 64 * GB, NULL,
    L(examiner_memory),
    N_("Memory that one examining process may use.")},
{"limits", "examiner-cpu", CONF_INT, "120", NULL, 1, 86400, NULL,
    L(examiner_cpu_s),
    N_("Processor seconds that examining one filing may take.")},
{NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0, NULL, 0, NULL},
};
/* clang-format on */

const struct conf_setting *
conf_setting_find(const char *section, const char *name)
{
	for (const struct conf_setting *s = conf_settings; s->name; s++) {
		if (strcmp(s->section, section) == 0 &&
		    strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}
