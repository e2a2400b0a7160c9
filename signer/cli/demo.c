/*
 * Fills a fresh spool with everything that a first batch needs.  The agent,
 * the taxpayers, the procedures and the keys do not exist anywhere else: no
 * agency takes what comes out.  Files are only ever created, never replaced.
 */
#include "signer/cli/demo.h"

#include "base/fsops.h"
#include "base/text.h"
#include "schemas/bundle.h"
#include "schemas/import.h"
#include "schemas/sample.h"
#include "schemas/store.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define PIN_BYTES 8

static const char conf_text[] =
    "# Made by natsuin init --demo. The keys and filings here are made up.\n"
    "spool {\n"
    "\troot = \".\"\n"
    "\trun-dir = \"run\"\n"
    "\tsettle = \"1s\"\n"
    "}\n"
    "\n"
    "# The tax accountant signs.\n"
    "drop \"kokuzei\" {\n"
    "\tpath = \"in/kokuzei\"\n"
    "\tformat = \"etax\"\n"
    "\tsign-with = { \"zeirishi\" }\n"
    "}\n"
    "\n"
    "# The tax accountant and then the client sign.\n"
    "drop \"renmei\" {\n"
    "\tpath = \"in/renmei\"\n"
    "\tformat = \"etax\"\n"
    "\tsign-with = { \"zeirishi\", \"nozeisha\" }\n"
    "}\n"
    "\n"
    "drop \"egov\" {\n"
    "\tpath = \"in/egov\"\n"
    "\tformat = \"egov\"\n"
    "\tsign-with = { \"zeirishi\" }\n"
    "}\n"
    "\n"
    "key \"zeirishi\" {\n"
    "\tbackend = \"pkcs12\"\n"
    "\tfile = \"keys/zeirishi.p12\"\n"
    "\tpin-file = \"keys/zeirishi.pin\"\n"
    "\tetax-user-id = \"" DEMO_AGENT_ID "\"\n"
    "}\n"
    "\n"
    "key \"nozeisha\" {\n"
    "\tbackend = \"pkcs12\"\n"
    "\tfile = \"keys/nozeisha.p12\"\n"
    "\tpin-file = \"keys/nozeisha.pin\"\n"
    "\tetax-user-id = \"%s\"\n"
    "}\n"
    "\n"
    "certificates { anchors = \"anchors\" }\n"
    "schemas { path = \"schemas\" }\n";

/* The filing that the second signer's number stands in. */
#define JOINT_NUMBER 2

const char *
demo_conf(void)
{
	static char text[sizeof conf_text + 32];
	char id[17];

	sample_taxpayer_id(JOINT_NUMBER, id);
	snprintf(text, sizeof text, conf_text, id);
	return text;
}

/* A new file below `dir`, durable; `path` may have folders in it. */
static int
put_file(
    int dir, const char *path, mode_t mode, struct slice bytes, struct err *e)
{
	const char *name = strrchr(path, '/');
	char folder[512];
	int at, fd = -1, result = -1;

	snprintf(folder, sizeof folder, "%.*s",
	    name == NULL ? 0 : (int)(name - path), path);
	at = fs_mkdirs(dir, folder, 0777, e);
	if (at < 0)
		return -1;
	fd = fs_create(at, name + 1, mode, e);
	if (fd >= 0 && fs_write(fd, bytes, e) == 0 && fs_sync(fd, e) == 0)
		result = fs_close(&fd, e);
	if (fd >= 0)
		fs_close(&fd, NULL);
	if (result == 0)
		result = fs_sync_dir(at, e);
	fs_close(&at, NULL);
	return result;
}

static int
put_key(int dir, struct demo_ca *ca, const char *key, const char *holder,
    long serial, struct err *e)
{
	char path[64], pin[2 * PIN_BYTES + 1];
	uint8_t random[PIN_BYTES];
	struct buf p12 = {0};
	int result = -1;

	if (RAND_priv_bytes(random, sizeof random) != 1)
		return err_set(e, ERR_BUG, "demo-crypto", "no random bytes");
	text_hex_fixed(pin, random, sizeof random);
	if (demo_signer(ca, holder, serial, pin, &p12, e) != 0)
		goto out;
	snprintf(path, sizeof path, "keys/%s.p12", key);
	if (put_file(dir, path, 0400, buf_view(&p12), e) != 0)
		goto out;
	snprintf(path, sizeof path, "keys/%s.pin", key);
	result = put_file(dir, path, 0400, slice_str(pin), e);
out:
	buf_free(&p12);
	explicit_bzero(pin, sizeof pin);
	return result;
}

int
demo_keys(int dir, struct err *e)
{
	struct buf pem = {0};
	struct demo_ca *ca = demo_ca_new(&pem, e);
	int result = -1;

	if (ca != NULL &&
	    put_file(dir, "anchors/demo-ca.pem", 0644, buf_view(&pem), e) ==
		0 &&
	    put_key(dir, ca, "zeirishi",
		"\xE8\xA6\x8B\xE6\x9C\xAC "
		"\xE7\xA8\x8E\xE7\x90\x86\xE5\xA3\xAB",
		1001, e) == 0 &&
	    put_key(dir, ca, "nozeisha",
		"\xE8\xA6\x8B\xE6\x9C\xAC "
		"\xE7\xB4\x8D\xE7\xA8\x8E\xE8\x80\x85",
		1002, e) == 0)
		result = 0;
	demo_ca_free(ca);
	buf_free(&pem);
	return result;
}

static int
store_bundle(struct schema_store *store, struct slice bytes, struct err *e)
{
	struct bundle b = {0};
	int result;

	if (bundle_parse(bytes, &b, e) != 0)
		return -1;
	result = schema_store_put(store, b.procedure, b.version, bytes, e);
	bundle_free(&b);
	return result < 0 ? -1 : 0;
}

int
demo_schemas(const char *path, struct err *e)
{
	struct schema_store *store = schema_store_open(path, e);
	struct archive in = {0}, out = {0};
	int result = -1;

	if (store == NULL || demo_xsd(&in, e) != 0 ||
	    schema_import(&in, &out, e) != 0)
		goto out;
	result = 0;
	for (size_t i = 0; result == 0 && i < out.count; i++)
		if (strcmp(out.files[i].name, IMPORT_BUNDLE) == 0)
			result = store_bundle(
			    store, buf_view(&out.files[i].bytes), e);
out:
	archive_free(&in);
	archive_free(&out);
	schema_store_close(store);
	return result;
}

static int
put_etax(int dir, const char *path, const struct sample *s, struct err *e)
{
	struct buf b = {0};
	int result = sample_etax(s, &b) != 0
			 ? err_nomem(e)
			 : put_file(dir, path, 0644, buf_view(&b), e);

	buf_free(&b);
	return result;
}

/* A filing that must be refused: a DOCTYPE stands before its root. */
static int
put_refused(int dir, const char *path, const struct sample *s, struct err *e)
{
	static const char doctype[] = "<!DOCTYPE DATA SYSTEM \"data.dtd\">\n";
	struct buf whole = {0}, b = {0};
	const uint8_t *root;
	int result = -1;

	if (sample_etax(s, &whole) != 0)
		goto nomem;
	root = memmem(whole.p, whole.len, "<DATA", 5);
	if (root == NULL) {
		err_set(e, ERR_BUG, "demo-sample", "no DATA in the sample");
		goto out;
	}
	if (buf_append(&b, whole.p, (size_t)(root - whole.p)) != 0 ||
	    buf_puts(&b, doctype) != 0 ||
	    buf_append(&b, root, whole.len - (size_t)(root - whole.p)) != 0)
		goto nomem;
	result = put_file(dir, path, 0644, buf_view(&b), e);
	goto out;
nomem:
	err_nomem(e);
out:
	buf_free(&whole);
	buf_free(&b);
	return result;
}

static int
put_application(int dir, const char *folder, enum sample_egov kind,
    const struct sample *s, struct err *e)
{
	const char *member;
	char path[512];
	struct buf b = {0};
	int result = 0;

	for (size_t i = 0;
	     result == 0 && (member = sample_egov_member(kind, i)) != NULL;
	     i++) {
		buf_reset(&b);
		snprintf(path, sizeof path, "%s/%s", folder, member);
		result = sample_egov_write(kind, i, s, &b) != 0
			     ? err_nomem(e)
			     : put_file(dir, path, 0644, buf_view(&b), e);
	}
	buf_free(&b);
	return result;
}

int
demo_filings(int dir, struct err *e)
{
	struct sample s = {.number = 1, .agent_id = DEMO_AGENT_ID};

	if (put_etax(dir, "in/kokuzei/ZZZ0010-0001.xtx", &s, e) != 0)
		return -1;
	s.number = JOINT_NUMBER;
	s.letter = true;
	if (put_etax(dir, "in/renmei/ZZZ0010-0002.xtx", &s, e) != 0)
		return -1;
	s.number = 3;
	s.letter = false;
	if (put_refused(dir, "in/kokuzei/ZZZ0010-0003.xtx", &s, e) != 0)
		return -1;
	s.number = 4;
	if (put_application(dir, "in/egov/999Z000000000000(1)",
		SAMPLE_EGOV_STANDARD, &s, e) != 0)
		return -1;
	s.number = 5;
	return put_application(
	    dir, "in/egov/999Z000000000000(2)", SAMPLE_EGOV_INDIVIDUAL, &s, e);
}
