/*
 * From text to certificates.  Nobody's data: all keys are made here, and the
 * policies are below the number that RFC 5612 gives to documentation.
 */
#include "tests/lib/pathlab.h"

#ifdef NATSUIN_SANITIZED
#include <sanitizer/lsan_interface.h>
#endif

#include <openssl/conf.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLICY_ARC "1.3.6.1.4.1.32473.1."

struct key {
	char name[40]; /* "rsa/A" */
	EVP_PKEY *key;
	uint8_t id[EVP_MAX_MD_SIZE]; /* SHA-1, as subjectKeyIdentifier */
	unsigned id_len;
};

static struct key keys[PATHLAB_MAX];
static size_t key_count;
static long serial = 0x2000;

static void
need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "pathlab: %s\n", what);
	exit(2);
}

static void
forget(void)
{
	while (key_count > 0)
		EVP_PKEY_free(keys[--key_count].key);
}

/* The value of an option, up to the next space; NULL without it. */
static const char *
option(const struct pathlab_cert *c, const char *name, char *out, size_t size)
{
	char want[32];
	const char *at;
	size_t len;

	snprintf(want, sizeof want, " %s=", name);
	at = strstr(c->options, want);
	if (at == NULL)
		return NULL;
	at += strlen(want);
	len = strcspn(at, " ");
	need(len < size, at);
	for (size_t i = 0; i < len; i++)
		out[i] = at[i] == '|' ? ';' : at[i];
	out[len] = '\0';
	return out;
}

static bool
has(const struct pathlab_cert *c, const char *word)
{
	char want[32];

	snprintf(want, sizeof want, " %s ", word);
	return strstr(c->options, want) != NULL;
}

struct pathlab_cert *
pathlab_find(struct pathlab *lab, const char *label)
{
	for (size_t i = 0; i < lab->count; i++)
		if (strcmp(lab->cert[i].label, label) == 0)
			return &lab->cert[i];
	need(0, label);
	return NULL;
}

static const char *
kind_of(const struct pathlab_cert *c)
{
	static const char *const kinds[] = {"rsa", "rsa1024", "p384"};

	for (size_t i = 0; i < 3; i++)
		if (has(c, kinds[i]))
			return kinds[i];
	return strcmp(c->key, "leaf") == 0 ? "leaf" : "p256";
}

static EVP_PKEY *
new_key(const char *kind)
{
	if (strcmp(kind, "leaf") == 0) {
		EVP_PKEY_up_ref(certlab_key(KEY_LEAF));
		return certlab_key(KEY_LEAF);
	}
	if (strcmp(kind, "rsa") == 0)
		return EVP_RSA_gen(2048);
	if (strcmp(kind, "rsa1024") == 0)
		return EVP_RSA_gen(1024);
	return EVP_EC_gen(strcmp(kind, "p384") == 0 ? "P-384" : "P-256");
}

static void
make_key(struct key *k, const char *kind)
{
	X509 *x = X509_new();

	k->key = new_key(kind);
	need(k->key != NULL && X509_set_pubkey(x, k->key) == 1 &&
		 X509_pubkey_digest(x, EVP_sha1(), k->id, &k->id_len) == 1,
	    "key");
	X509_free(x);
}

/* The key of a certificate, kept for all that name it. */
static const struct key *
key_of(const struct pathlab_cert *c)
{
	char name[40];

	snprintf(name, sizeof name, "%s/%s", kind_of(c), c->key);
	for (size_t i = 0; i < key_count; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	need(key_count < PATHLAB_MAX, "too many keys");
	if (key_count == 0)
		atexit(forget);
	snprintf(keys[key_count].name, sizeof name, "%s", name);
	make_key(&keys[key_count], kind_of(c));
	return &keys[key_count++];
}

static void
add_entry(X509_NAME *n, const char *field, const char *value, int type)
{
	char text[80];

	snprintf(text, sizeof text, "%s", value);
	for (char *p = text; *p != '\0'; p++)
		if (*p == '_')
			*p = ' ';
	need(X509_NAME_add_entry_by_txt(
		 n, field, type, (const unsigned char *)text, -1, -1, 0) == 1,
	    text);
}

/* The name of a certificate, with another CN or another encoding. */
static void
set_name(X509_NAME *n, const struct pathlab_cert *c, const char *cn, bool print)
{
	int type = print ? V_ASN1_PRINTABLESTRING : MBSTRING_UTF8;
	char text[80];
	const char *o = option(c, "o", text, sizeof text);

	add_entry(n, "C", "JP", type);
	add_entry(n, "O", o == NULL ? "Test" : o, type);
	add_entry(n, "CN", cn == NULL ? c->name : cn, type);
	if (option(c, "mail", text, sizeof text) != NULL)
		add_entry(n, "emailAddress", text, V_ASN1_IA5STRING);
}

static void
set_date(ASN1_TIME *t, const char *text, const char *otherwise)
{
	char full[32];

	snprintf(full, sizeof full, "%s%s", text == NULL ? otherwise : text,
	    text != NULL && strlen(text) > 4 ? "" : "0101000000Z");
	need(ASN1_TIME_set_string_X509(t, full) == 1, full);
}

/* "a", "a12" or "any" as an OID. */
static void
put_policy(struct buf *out, const char *name, size_t len)
{
	if (len == 3 && strncmp(name, "any", 3) == 0)
		buf_printf(out, "2.5.29.32.0");
	else
		buf_printf(
		    out, POLICY_ARC "%d%.*s", name[0], (int)len - 1, name + 1);
}

/* "a,b" or "a>b,c>d" into OIDs, '>' into ':'. */
static void
put_policies(struct buf *out, const char *list)
{
	while (*list != '\0') {
		size_t len = strcspn(list, ",>");

		put_policy(out, list, len);
		list += len;
		if (*list != '\0')
			buf_printf(out, "%s", *list++ == '>' ? ":" : ",");
	}
	buf_printf(out, "\n");
}

/* basicConstraints and keyUsage. */
static void
config_basic(struct buf *out, const struct pathlab_cert *c)
{
	bool leaf = strcmp(c->key, "leaf") == 0;
	bool ca = !has(c, "noca") && (!leaf || has(c, "ca"));
	char text[80];

	if (!has(c, "nobc") && (!leaf || has(c, "ca"))) {
		buf_printf(out, "basicConstraints=%sCA:%s",
		    has(c, "softbc") ? "" : "critical,", ca ? "TRUE" : "FALSE");
		if (option(c, "len", text, sizeof text) != NULL)
			buf_printf(out, ",pathlen:%s", text);
		buf_printf(out, "\n");
	}
	if (option(c, "ku", text, sizeof text) != NULL)
		buf_printf(out, "keyUsage=%s\n", text);
	else if (!has(c, "noku"))
		buf_printf(out, "keyUsage=critical,%s\n",
		    leaf ? "digitalSignature,nonRepudiation"
			 : "keyCertSign,cRLSign");
	if (!has(c, "noski"))
		buf_printf(out, "subjectKeyIdentifier=hash\n");
}

static void
config_policies(struct buf *out, const struct pathlab_cert *c)
{
	char text[300], number[8];
	bool more = false;

	if (option(c, "pol", text, sizeof text) != NULL) {
		buf_printf(out, "certificatePolicies=");
		put_policies(out, text);
	} else if (option(c, "pol!", text, sizeof text) != NULL) {
		buf_printf(out, "certificatePolicies=critical,");
		put_policies(out, text);
	}
	if (option(c, "map", text, sizeof text) != NULL) {
		buf_printf(out, "policyMappings=critical,");
		put_policies(out, text);
	}
	if (option(c, "req", number, sizeof number) != NULL) {
		buf_printf(out,
		    "policyConstraints=critical,requireExplicitPolicy:%s",
		    number);
		more = true;
	}
	if (option(c, "inh", number, sizeof number) != NULL)
		buf_printf(out, "%s,inhibitPolicyMapping:%s",
		    more ? "" : "policyConstraints=critical", number);
	buf_printf(out, "\n");
	if (option(c, "any", number, sizeof number) != NULL)
		buf_printf(out, "inhibitAnyPolicy=critical,%s\n", number);
}

/* One constraint; the names of "dir:" stand in sections of their own. */
static void
config_constraint(struct buf *out, struct buf *sections, const char *kind,
    const char *text, bool more)
{
	buf_printf(
	    out, "%s%s;", more ? "," : "nameConstraints=critical,", kind);
	if (strncmp(text, "dir:", 4) == 0) {
		buf_printf(out, "dirName:dir_%s", text + 4);
		buf_printf(
		    sections, "[dir_%s]\nC=JP\nO=%s\n", text + 4, text + 4);
	} else {
		buf_printf(out, "%s", text);
	}
}

static void
config_names(
    struct buf *out, struct buf *sections, const struct pathlab_cert *c)
{
	char text[160];
	bool more = false;

	if (option(c, "permit", text, sizeof text) != NULL) {
		config_constraint(out, sections, "permitted", text, more);
		more = true;
	}
	if (option(c, "exclude", text, sizeof text) != NULL)
		config_constraint(out, sections, "excluded", text, more);
	buf_printf(out, "\n");
	if (option(c, "san", text, sizeof text) != NULL)
		buf_printf(out, "subjectAltName=%s\n", text);
	if (has(c, "crit"))
		buf_printf(out, POLICY_ARC "9=critical,ASN1:UTF8String:x\n");
	if (has(c, "odd"))
		buf_printf(out, POLICY_ARC "9=ASN1:UTF8String:x\n");
}

static void
add_key_identifier(X509 *x, const struct key *issuer)
{
	AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();

	id->keyid = ASN1_OCTET_STRING_new();
	ASN1_OCTET_STRING_set(id->keyid, issuer->id, (int)issuer->id_len);
	need(X509_add1_ext_i2d(x, NID_authority_key_identifier, id, 0,
		 X509V3_ADD_DEFAULT) == 1,
	    "key identifier");
	AUTHORITY_KEYID_free(id);
}

static void
add_extensions(X509 *x, const struct pathlab_cert *c, const struct key *issuer)
{
	struct buf text = {0}, sections = {0};
	CONF *conf = NCONF_new(NULL);
	X509V3_CTX ctx;
	BIO *b;
	long line = 0;

	buf_printf(&text, "[ext]\n");
	config_basic(&text, c);
	config_policies(&text, c);
	config_names(&text, &sections, c);
	buf_slice(&text, buf_view(&sections));
	b = BIO_new_mem_buf(text.p, (int)text.len);
	need(NCONF_load_bio(conf, b, &line) == 1, buf_cstr(&text));
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	X509V3_set_nconf(&ctx, conf);
	need(X509V3_EXT_add_nconf(conf, &ctx, "ext", x) == 1, buf_cstr(&text));
	if (!has(c, "noaki") && !c->self_signed)
		add_key_identifier(x, issuer);
	BIO_free(b);
	NCONF_free(conf);
	buf_free(&text);
	buf_free(&sections);
}

static void
make(struct pathlab *lab, struct pathlab_cert *c)
{
	const struct pathlab_cert *issuer = pathlab_find(lab, c->issuer);
	char from[32], until[32], text[80];
	const EVP_MD *md = EVP_sha256();
	EVP_PKEY *signer = key_of(issuer)->key;
	X509 *x = X509_new();

	X509_set_version(x, has(c, "v1") ? X509_VERSION_1 : X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	set_date(X509_getm_notBefore(x), option(c, "from", from, sizeof from),
	    "2020");
	set_date(X509_getm_notAfter(x), option(c, "until", until, sizeof until),
	    "2035");
	set_name(X509_get_subject_name(x), c, NULL, false);
	set_name(X509_get_issuer_name(x), issuer,
	    option(c, "iname", text, sizeof text), has(c, "print"));
	X509_set_pubkey(x, key_of(c)->key);
	if (option(c, "aki", text, sizeof text) != NULL)
		issuer = pathlab_find(lab, text);
	if (!has(c, "v1"))
		add_extensions(x, c, key_of(issuer));
	if (option(c, "md", text, sizeof text) != NULL)
		md = EVP_get_digestbyname(text);
	if (option(c, "sig", text, sizeof text) != NULL)
		signer = key_of(pathlab_find(lab, text))->key;
	need(md != NULL && X509_sign(x, signer, md) > 0, c->label);
	c->x = x;
}

/* "A2:A:K2<B" */
static void
parse_head(struct pathlab_cert *c, const char *head)
{
	char text[120];
	char *issuer, *name, *key;

	snprintf(text, sizeof text, "%s", head);
	issuer = strchr(text, '<');
	c->self_signed = issuer == NULL;
	if (issuer != NULL)
		*issuer++ = '\0';
	name = strchr(text, ':');
	if (name != NULL)
		*name++ = '\0';
	key = name == NULL ? NULL : strchr(name, ':');
	if (key != NULL)
		*key++ = '\0';
	snprintf(c->label, sizeof c->label, "%.23s", text);
	snprintf(c->name, sizeof c->name, "%.39s", name == NULL ? text : name);
	snprintf(c->key, sizeof c->key, "%.23s", key == NULL ? c->name : key);
	snprintf(c->issuer, sizeof c->issuer, "%.23s",
	    issuer == NULL ? c->label : issuer);
}

static void
parse_one(struct pathlab *lab, const char *text, size_t len)
{
	struct pathlab_cert *c = &lab->cert[lab->count];
	size_t head;

	while (len > 0 && (*text == ' ' || *text == '\n' || *text == '\t')) {
		text++;
		len--;
	}
	if (len == 0)
		return;
	need(lab->count < PATHLAB_MAX && len < sizeof c->options - 2, text);
	memset(c, 0, sizeof *c);
	snprintf(c->options, sizeof c->options, " %.*s ", (int)len, text);
	head = strcspn(c->options + 1, " ");
	c->options[head + 1] = '\0';
	parse_head(c, c->options + 1);
	snprintf(c->options, sizeof c->options, " %.*s ", (int)(len - head),
	    text + head);
	c->absent = has(c, "absent");
	lab->count++;
}

void
pathlab_make(struct pathlab *lab, const char *text)
{
	lab->count = 0;
	while (*text != '\0') {
		size_t len = strcspn(text, ";");

		parse_one(lab, text, len);
		text += len + (text[len] == ';');
	}
	for (size_t i = 0; i < lab->count; i++)
		make(lab, &lab->cert[i]);
}

void
pathlab_free(struct pathlab *lab)
{
	for (size_t i = 0; i < lab->count; i++)
		X509_free(lab->cert[i].x);
	lab->count = 0;
}

void
pathlab_anchors(const struct pathlab *lab, struct buf *pem)
{
	for (size_t i = 0; i < lab->count; i++) {
		const struct pathlab_cert *c = &lab->cert[i];

		if (!c->absent && strcmp(c->label, "leaf") != 0)
			certlab_pem(&c->x, 1, pem);
	}
}

static bool
is_lossy(const struct pathlab *lab)
{
	for (size_t i = 0; i < lab->count; i++) {
		const char *o = lab->cert[i].options;

		if (strstr(o, " pol") == NULL &&
		    (strstr(o, " req=") != NULL || strstr(o, " inh=") != NULL))
			return true;
	}
	return false;
}

void
pathlab_leaks_begin(const struct pathlab *lab)
{
#ifdef NATSUIN_SANITIZED
	if (is_lossy(lab))
		__lsan_disable();
#else
	(void)is_lossy(lab);
#endif
}

void
pathlab_leaks_end(const struct pathlab *lab)
{
#ifdef NATSUIN_SANITIZED
	if (is_lossy(lab))
		__lsan_enable();
#else
	(void)is_lossy(lab);
#endif
}

void
pathlab_judge(struct pathlab *lab, struct cert_policy policy, const char *at,
    struct cert_verdict *v)
{
	struct buf pem = {0}, der = {0};
	struct err e = {0};
	struct cert_anchors *a;

	pathlab_anchors(lab, &pem);
	certlab_der(pathlab_find(lab, "leaf")->x, &der);
	a = cert_anchors_parse(buf_view(&pem), &e);
	need(a != NULL, e.code);
	policy.anchors = a;
	pathlab_leaks_begin(lab);
	need(cert_check(&policy, buf_view(&der), certlab_time(at), v, &e) == 0,
	    e.code);
	pathlab_leaks_end(lab);
	cert_anchors_free(a);
	buf_free(&pem);
	buf_free(&der);
}

void
pathlab_ask(const struct pathlab_cert *c, struct certlab_question *q)
{
	if (strcmp(c->label, "leaf") == 0)
		certlab_pem(&c->x, 1, &q->leaf);
	else
		certlab_pem(&c->x, 1, c->self_signed ? &q->roots : &q->helpers);
}
