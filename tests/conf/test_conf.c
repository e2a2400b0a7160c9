/* The configuration: defaults, every type, and each fault with its line. */
#include "conf/conf.h"

#include "base/fsops.h"
#include "conf/table.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct conf *
load(const char *text, struct err *e)
{
	char path[200];
	int dir = suite_dir();

	memset(e, 0, sizeof *e);
	CU_ASSERT(
	    fs_replace(dir, "natsuin.conf", slice_str(text), 0600, e) == 0);
	close(dir);
	snprintf(path, sizeof path, "%s/natsuin.conf", suite_dir_path());
	return conf_load(path, e);
}

/* Loading must fail with this code, and say this line and these words. */
static void
refused(const char *text, const char *code, int line, const char *words)
{
	char where[300];
	struct err e;
	struct conf *c = load(text, &e);

	snprintf(where, sizeof where, "%s/natsuin.conf:%d: ", suite_dir_path(),
	    line);
	CU_ASSERT_PTR_NULL(c);
	CU_ASSERT_EQUAL(e.class, ERR_CONFIG);
	if (strcmp(e.code, code) != 0 ||
	    strncmp(e.detail, where, strlen(where)) != 0 ||
	    strstr(e.detail, words) == NULL) {
		printf("# wanted %s %s…%s\n# got    %s %s\n", code, where,
		    words, e.code, e.detail);
		CU_FAIL("another fault");
	}
	conf_free(c);
}

#define KEY                                                                    \
	"key \"tanaka\" {\n backend = \"jpki\"\n"                              \
	" etax-user-id = \"1234567890123456\"\n}\n"

static void
defaults_of_an_empty_file(void)
{
	struct err e;
	struct conf *c = load("", &e);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_STRING_EQUAL(c->root, "/srv/natsuin");
	CU_ASSERT_EQUAL(c->settle_ms, 3000);
	CU_ASSERT_EQUAL(c->settle_network_ms, 10000);
	CU_ASSERT_EQUAL(c->incomplete_after_ms, 600000);
	CU_ASSERT_EQUAL(c->umask, 027);
	CU_ASSERT_EQUAL(c->limits.document_max, 20 << 20);
	CU_ASSERT_EQUAL(c->limits.depth, 200);
	CU_ASSERT_EQUAL(c->limits.full_verify_max, 32 << 20);
	CU_ASSERT_STRING_EQUAL(c->report_language, "ja");
	CU_ASSERT(c->report_html && c->report_csv && c->report_json);
	CU_ASSERT_EQUAL(c->revocation, CONF_REVOCATION_PREFER);
	CU_ASSERT_EQUAL(c->drop_count, 0);
	CU_ASSERT_EQUAL(c->key_count, 0);
	conf_free(c);
}

static void
a_whole_configuration(void)
{
	char want[300];
	struct err e;
	struct conf *c = load(
	    "# an office\n"
	    "spool { root = \"spool\"  settle = \"250ms\"  umask = \"0007\" "
	    "group = office }\n"
	    "drop \"kokuzei\" {\n"
	    "  path = \"in//./kokuzei/\"\n"
	    "  sign-with = { \"tanaka\", \"sato\" }\n"
	    "  deliver = \"/mnt/etax/{drop}/{date}{name}\"\n"
	    "  resubmission = hold\n"
	    "  sign-form-root = yes\n"
	    "}\n"
	    "drop \"egov\" { format = egov  sign-with = { none } }\n"
	    "key \"sato\" { backend = pkcs12  file = \"keys/sato.p12\"\n"
	    "  used-by = { \"natsuin\", \"www-data\" } card-timeout = 2m "
	    "}\n" KEY "report { formats = { csv } language = en }\n"
	    "limits { document-max = 64MB }",
	    &e);

	if (c == NULL)
		suite_print_err(__FILE__, __LINE__, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	snprintf(want, sizeof want, "%s/spool", suite_dir_path());
	CU_ASSERT_STRING_EQUAL(c->root, want);
	CU_ASSERT_EQUAL(c->settle_ms, 250);
	CU_ASSERT_EQUAL(c->umask, 07);
	CU_ASSERT_STRING_EQUAL(c->group, "office");
	CU_ASSERT_EQUAL_FATAL(c->drop_count, 2);
	CU_ASSERT_STRING_EQUAL(c->drops[0].path, "in/kokuzei");
	CU_ASSERT_EQUAL(c->drops[0].sign_with.count, 2);
	CU_ASSERT_STRING_EQUAL(c->drops[0].sign_with.item[1], "sato");
	CU_ASSERT_STRING_EQUAL(
	    c->drops[0].deliver, "/mnt/etax/{drop}/{date}{name}");
	CU_ASSERT_EQUAL(c->drops[0].resubmission, CONF_RESUBMISSION_HOLD);
	CU_ASSERT(c->drops[0].sign_form_root);
	CU_ASSERT_STRING_EQUAL(c->drops[1].path, "in/egov");
	CU_ASSERT_EQUAL(c->drops[1].format, CONF_FORMAT_EGOV);
	CU_ASSERT(c->drops[1].unsigned_only);
	CU_ASSERT_EQUAL(c->drops[1].sign_with.count, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf_key_find(c, "sato"));
	CU_ASSERT_EQUAL(conf_key_find(c, "sato")->backend, CONF_BACKEND_PKCS12);
	CU_ASSERT_EQUAL(conf_key_find(c, "sato")->card_timeout_ms, 120000);
	CU_ASSERT_EQUAL(conf_key_find(c, "sato")->used_by.count, 2);
	snprintf(want, sizeof want, "%s/keys/sato.p12", suite_dir_path());
	CU_ASSERT_STRING_EQUAL(conf_key_find(c, "sato")->file, want);
	CU_ASSERT_STRING_EQUAL(
	    conf_key_find(c, "tanaka")->etax_user_id, "1234567890123456");
	CU_ASSERT_PTR_NULL(conf_key_find(c, "none"));
	CU_ASSERT_PTR_NOT_NULL(conf_drop_find(c, "egov"));
	CU_ASSERT(!c->report_html && c->report_csv && c->report_json);
	CU_ASSERT_EQUAL(c->limits.document_max, 64 << 20);
	conf_free(c);
}

static void
an_editor_on_windows(void)
{
	char want[300];
	struct err e;
	struct conf *c =
	    load("\xEF\xBB\xBFspool {\r\n  root = \"捺印\" # 印\r\n}\r\n", &e);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	snprintf(want, sizeof want, "%s/捺印", suite_dir_path());
	CU_ASSERT_STRING_EQUAL(c->root, want);
	conf_free(c);
	refused("spool {\r\n root = \"\x82\xA0\"\r\n}\r\n", "conf-encoding", 1,
	    "UTF-8");
}

static void
unknown_settings_name_their_line(void)
{
	refused(
	    "spool {\n\n  rot = \"x\"\n}\n", "conf-unknown-setting", 3, "rot");
	refused("\nspol { }\n", "conf-unknown-setting", 2, "spol");
	refused("key \"a\" {\n backend = jpki\n pin = \"1234\"\n}\n",
	    "conf-unknown-setting", 3, "pin");
	refused("spool {\n root = \"a\"\n", "conf-syntax", 2, "");
	refused("spool {\n root = \"a\n}\n", "conf-syntax", 3, "");
	refused("spool { }\n/* root\n", "conf-syntax", 2, "");
	refused("spool {\n settle \"3s\"\n}\n", "conf-syntax", 2, "");
	refused(
	    "include(\"/etc/passwd\")\n", "conf-unknown-setting", 1, "include");
}

static void
values_out_of_range(void)
{
	refused("limits {\n depth = 7\n}\n", "conf-value", 2,
	    "a number from 8 to 2000");
	refused("limits {\n depth = 2001 }\n", "conf-value", 2, "2000");
	refused("limits { depth = 20x }\n", "conf-value", 1, "depth");
	refused("limits { document-max = 3GB }\n", "conf-value", 1,
	    "from 1KB to 2GB");
	refused("spool {\n settle = \"3 s\"\n}\n", "conf-value", 2,
	    "a duration such as 3s from 100ms to 1h");
	/* A card that hangs is never waited for without end. */
	refused("key \"a\" {\n card-timeout = 0 }\n", "conf-value", 2,
	    "from 1s to 10m");
	refused("key \"a\" { card-timeout = \"0s\" }\n", "conf-value", 1,
	    "from 1s to 10m");
	refused("spool { umask = 0888 }\n", "conf-value", 1, "octal");
	refused("schemas {\n missing = ignore\n}\n", "conf-value", 2,
	    "must be one of warn refuse");
	refused("report {\n formats = {\n html,\n pdf } }\n", "conf-value", 3,
	    "html csv json");
	refused("spool { root = \"a\\x01\" }\n", "conf-value", 1, "control");
}

static void
due_dates_are_days_in_japan(void)
{
	static const char *const bad[] = {"2026-02-29", "2026-3-16", "20260316",
	    "2026-03-16 ", " 2026-03-16", "2026-13-01", "2026-00-10",
	    "2026-03-00", "2026-04-31", "1969-12-31", "2026-03-16T00:00",
	    "--26-03-16", "2026--3-16", "today", "0000-01-01"};
	char text[200];
	struct err e;
	struct conf *c =
	    load("drop \"a\" { sign-with = { none } format = egov\n"
		 " due = \"2028-02-29\" }\n"
		 "drop \"b\" { sign-with = { none } format = egov\n"
		 " due = \"\" }\n",
		&e);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	/* 2028-02-29T14:59:59.999Z */
	CU_ASSERT_EQUAL(c->drops[0].due_ms, INT64_C(1835449199999));
	CU_ASSERT_EQUAL(c->drops[1].due_ms, 0);
	conf_free(c);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(text, sizeof text,
		    "drop \"a\" {\n sign-with = { none }\n due = \"%s\"\n}\n",
		    bad[i]);
		refused(text, "conf-value", 3, "such as 2026-03-16");
	}
}

static void
numbers_that_identify(void)
{
	refused("key \"a\" {\n etax-user-id = 123456789012345\n}\n",
	    "conf-value", 2, "exactly 16 decimal digits");
	refused("key \"a\" {\n etax-user-id = \"12345678901234567\"\n}\n",
	    "conf-value", 2, "16");
	refused("key \"a\" {\n etax-user-id = \"123456789012345x\"\n}\n",
	    "conf-value", 2, "16");
	refused("key \"a\" { certificate-sha256 = abcd }\n", "conf-value", 1,
	    "exactly 64 hex");
}

static void
certificate_hash_is_lower_case(void)
{
	struct err e;
	struct conf *c =
	    load("key \"a\" { certificate-sha256 = \"0123456789ABCDEF0123456789"
		 "ABCDEF0123456789ABCDEF0123456789abcdef\" }\n",
		&e);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_STRING_EQUAL(c->keys[0].certificate_sha256,
	    "0123456789abcdef0123456789abcdef"
	    "0123456789abcdef0123456789abcdef");
	conf_free(c);
}

static void
paths_stay_where_they_belong(void)
{
	refused(KEY "drop \"d\" {\n path = \"/in/d\"\n sign-with = {tanaka}\n}",
	    "conf-value", 6, "relative to the spool");
	refused(KEY "drop \"d\" { path = \"in/../d\" sign-with = {tanaka} }",
	    "conf-value", 5, "\"..\"");
	refused(KEY "drop \"d\" {\n path = \"work/d\" sign-with = {tanaka} }",
	    "conf-path", 6, "work");
	refused(KEY "drop \"d\" { path = \".\" sign-with = {tanaka} }",
	    "conf-value", 5, "folder");
	refused("spool { root = \"../spool\" }", "conf-value", 1, "\"..\"");
	refused(KEY "drop \"d\" { deliver = \"out/{nam}\" "
		    "sign-with = {tanaka} }",
	    "conf-value", 5, "only {batch}, {drop}, {path}, {name} and {date}");
	refused(KEY "drop \"a\" { path = \"in\" sign-with = {tanaka} }\n"
		    "drop \"b\" {\n path = \"in/b\"\n sign-with = {tanaka} }",
	    "conf-duplicate", 7, "share a folder");
}

static void
path_of_the_root_itself(void)
{
	struct err e;
	struct conf *c = load("spool { root = \".\" }", &e);
	size_t n = strlen(suite_dir_path());

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT(strncmp(c->root, suite_dir_path(), n) == 0);
	CU_ASSERT(strcmp(c->root + n, "/") == 0 || c->root[n] == '\0');
	conf_free(c);
}

static void
names_exist_and_are_unique(void)
{
	refused(KEY
	    "drop \"d\" {\n\n sign-with = { \"tanaka\", \"suzuki\" }\n}",
	    "conf-unknown-key", 7, "suzuki");
	refused(KEY "drop \"d\" {\n sign-with = { tanaka, tanaka }\n}",
	    "conf-value", 6, "twice");
	refused(KEY "drop \"d\" {\n sign-with = { tanaka, none }\n}",
	    "conf-value", 6, "alone");
	refused(KEY "drop \"d\" {\n format = etax\n}", "conf-missing", 7,
	    "names no key");
	refused("drop \"d\" { format = etax\n sign-with = { none } }",
	    "conf-value", 2, "e-Gov");
	refused(KEY "\n" KEY, "conf-duplicate", 6, "tanaka");
	refused(
	    "spool {\n root = a\n root = b\n}", "conf-duplicate", 3, "root");
	refused("spool { }\nspool { }\n", "conf-duplicate", 2, "spool");
	refused("key \"a/b\" {\n}\n", "conf-value", 2, "title");
	refused("key \"none\" { }\n", "conf-value", 1, "unsigned");
	refused("key \"k\" {\n backend = pkcs12\n}\n", "conf-missing", 2,
	    "\"file\"");
	refused("key \"k\" {\n backend = pkcs11 }\n", "conf-missing", 2,
	    "\"module\"");
	refused(
	    "key \"k\" { used-by = { \"a b\" } }\n", "conf-value", 1, "name");
}

#define SATO "key \"sato\" { }\n"

static void
a_pool_of_keys(void)
{
	struct err e;
	struct conf *c =
	    load(KEY SATO "drop \"d\" { sign-with = { office } }\n"
			  "drop \"one\" { sign-with = { sato } }\n"
			  "pool \"office\" { keys = { tanaka, sato } }\n",
		&e);
	struct conf_list keys;

	if (c == NULL)
		suite_print_err(__FILE__, __LINE__, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(c->pool_count, 1);
	CU_ASSERT_PTR_NULL(conf_pool_find(c, "tanaka"));
	CU_ASSERT_PTR_NULL(conf_key_find(c, "office"));
	keys = conf_signer_keys(c, &c->drops[0].sign_with.item[0]);
	CU_ASSERT_EQUAL_FATAL(keys.count, 2);
	CU_ASSERT_STRING_EQUAL(keys.item[0], "tanaka");
	CU_ASSERT_STRING_EQUAL(keys.item[1], "sato");
	keys = conf_signer_keys(c, &c->drops[1].sign_with.item[0]);
	CU_ASSERT_EQUAL_FATAL(keys.count, 1);
	CU_ASSERT_STRING_EQUAL(keys.item[0], "sato");
	conf_free(c);
}

static void
pools_that_are_refused(void)
{
	refused(KEY "pool \"tanaka\" { keys = { tanaka } }\n", "conf-duplicate",
	    5, "a key has this name");
	refused(KEY "pool \"none\" { keys = { tanaka } }\n", "conf-value", 5,
	    "unsigned");
	refused(KEY "pool \"a b\" { keys = { tanaka } }\n", "conf-value", 5,
	    "title");
	refused(KEY "pool \"office\" { }\n", "conf-missing", 5, "names no key");
	refused(KEY "pool \"office\" {\n keys = { tanaka, sato } }\n",
	    "conf-unknown-key", 6, "sato");
	refused(KEY "pool \"office\" {\n keys = { tanaka, tanaka } }\n",
	    "conf-value", 6, "twice");
	refused(KEY SATO "pool \"office\" { keys = { tanaka, sato } }\n"
			 "drop \"d\" {\n sign-with = { office, sato } }\n",
	    "conf-value", 8, "would sign twice");
	refused(KEY SATO "pool \"a\" { keys = { tanaka, sato } }\n"
			 "pool \"b\" { keys = { sato } }\n"
			 "drop \"d\" {\n sign-with = { a, b } }\n",
	    "conf-value", 9, "would sign twice");
	refused("pool \"a\" { keys = { b } }\npool \"b\" { keys = { a } }\n",
	    "conf-unknown-key", 1, "\"b\"");
}

static void
the_agents_own_key(void)
{
	static const char numbers[] =
	    "key \"a\" { etax-user-id = \"1111111111111111\" }\n"
	    "key \"b\" { }\n"
	    "key \"c\" { etax-user-id = \"2222222222222222\" }\n"
	    "drop \"d\" { sign-with = { by-agent-id } }\n"
	    "drop \"e\" { sign-with = { by-agent-id, b } }\n";
	struct err e;
	struct conf *c = load(numbers, &e);
	const struct conf_pool *p;

	if (c == NULL)
		suite_print_err(__FILE__, __LINE__, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	p = conf_pool_find(c, CONF_BY_AGENT);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_TRUE(p->by_agent);
	CU_ASSERT_EQUAL(c->pool_count, 1);
	CU_ASSERT_EQUAL_FATAL(p->keys.count, 2);
	CU_ASSERT_STRING_EQUAL(p->keys.item[1], "c");
	CU_ASSERT_EQUAL(c->drops[0].signer_must_match, CONF_SIGNER_ANY);
	CU_ASSERT_EQUAL(c->drops[0].signer_mismatch, CONF_MISMATCH_REFUSE);
	conf_free(c);
}

static void
by_agent_that_is_refused(void)
{
	refused("key \"by-agent-id\" { }\n", "conf-value", 1, "agent");
	refused(KEY "pool \"by-agent-id\" { keys = { tanaka } }\n",
	    "conf-value", 5, "agent");
	refused(SATO "drop \"d\" {\n sign-with = { by-agent-id } }\n",
	    "conf-missing", 3, "etax-user-id");
	refused("key \"a\" { etax-user-id = \"1111111111111111\" }\n"
		"drop \"d\" {\n sign-with = { a, by-agent-id } }\n",
	    "conf-value", 3, "would sign twice");
	refused("key \"a\" { etax-user-id = \"1111111111111111\" }\n"
		"drop \"d\" {\n format = egov\n"
		" sign-with = { by-agent-id } }\n",
	    "conf-value", 4, "e-Gov");
	refused(KEY "drop \"d\" {\n signer-must-match = somebody }\n",
	    "conf-value", 6, "accountant");
}

/* RSA only until a format is told otherwise, and then that format alone. */
static void
algorithms_by_format(void)
{
	static const char *const formats[] = {"etax", "etax-form", "egov"};
	struct err e = {0};
	struct conf *c = load("", &e);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	for (size_t i = 0; i < 3; i++) {
		CU_ASSERT(conf_algorithm_allowed(c, formats[i], "rsa-sha256"));
		CU_ASSERT(
		    !conf_algorithm_allowed(c, formats[i], "ecdsa-sha384"));
	}
	CU_ASSERT(!conf_algorithm_allowed(c, NULL, "ecdsa-sha384"));
	conf_free(c);
	c = load("algorithms {\n"
		 " egov = { \"rsa-sha256\", \"ecdsa-sha384\" }\n"
		 " etax-form = { ecdsa-sha384 }\n}\n",
	    &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT(conf_algorithm_allowed(c, "egov", "rsa-sha256"));
	CU_ASSERT(conf_algorithm_allowed(c, "egov", "ecdsa-sha384"));
	CU_ASSERT(!conf_algorithm_allowed(c, "etax-form", "rsa-sha256"));
	CU_ASSERT(conf_algorithm_allowed(c, "etax-form", "ecdsa-sha384"));
	CU_ASSERT(conf_algorithm_allowed(c, "etax", "rsa-sha256"));
	CU_ASSERT(!conf_algorithm_allowed(c, "etax", "ecdsa-sha384"));
	CU_ASSERT(conf_algorithm_allowed(c, NULL, "ecdsa-sha384"));
	CU_ASSERT(!conf_algorithm_allowed(c, "eltax", "rsa-sha256"));
	conf_free(c);
	refused("algorithms {\n etax = { rsa-sha1 } }\n", "conf-value", 2,
	    "rsa-sha1");
}

static void
missing_and_unreadable_files(void)
{
	struct err e = {0};

	CU_ASSERT_PTR_NULL(conf_load("/nonexistent/natsuin.conf", &e));
	CU_ASSERT_STRING_EQUAL(e.code, "conf-unreadable");
	CU_ASSERT_EQUAL(e.class, ERR_CONFIG);
	CU_ASSERT_PTR_NULL(conf_load(suite_dir_path(), &e));
	CU_ASSERT_EQUAL(e.class, ERR_CONFIG);
}

/* What conf_print_defaults writes, as a text. */
static void
printed(void (*print)(int), struct buf *out)
{
	struct err e = {0};
	int fd = fs_memfd("defaults", &e);

	CU_ASSERT_FATAL(fd >= 0);
	print(fd);
	CHECK_OK(fs_read_all(fd, 1 << 20, out, &e), &e);
	close(fd);
}

static void
shipped_example_is_the_table(void)
{
	const char *source = getenv("NATSUIN_SRC");
	struct buf want = {0}, got = {0};
	struct err e = {0};
	char path[400];
	int fd;

	snprintf(path, sizeof path, "%s/conf/natsuin.conf",
	    source == NULL ? "." : source);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CU_ASSERT_FATAL(fd >= 0);
	CHECK_OK(fs_read_all(fd, 1 << 20, &got, &e), &e);
	close(fd);
	printed(conf_print_defaults, &want);
	CU_ASSERT(slice_eq(buf_view(&want), buf_view(&got)));
	buf_free(&want);
	buf_free(&got);
}

/* With the marks removed the example is a working configuration, and the
 * defaults that it shows are those of an empty file. */
static void
example_loads_uncommented(void)
{
	struct buf text = {0}, plain = {0};
	struct err e;
	struct conf *c, *empty = load("", &e);
	bool start = true;

	printed(conf_print_defaults, &text);
	for (size_t i = 0; i < text.len; i++) {
		bool mark = start && text.p[i] == '#' && i + 1 < text.len &&
			    text.p[i + 1] != ' ';

		start = text.p[i] == '\n';
		if (!mark)
			CU_ASSERT(buf_putc(&plain, text.p[i]) == 0);
	}
	c = load(buf_cstr(&plain), &e);
	if (c == NULL)
		suite_print_err(__FILE__, __LINE__, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(empty);
	CU_ASSERT_EQUAL(c->drop_count, 1);
	CU_ASSERT_EQUAL(c->key_count, 1);
	CU_ASSERT_STRING_EQUAL(c->drops[0].name, "kokuzei");
	CU_ASSERT_EQUAL(
	    memcmp(&c->limits, &empty->limits, sizeof c->limits), 0);
	CU_ASSERT_EQUAL(c->settle_ms, empty->settle_ms);
	CU_ASSERT_STRING_EQUAL(c->root, empty->root);
	CU_ASSERT_STRING_EQUAL(c->schemas, empty->schemas);
	conf_free(c);
	conf_free(empty);
	buf_free(&text);
	buf_free(&plain);
}

static void
manual_names_every_setting(void)
{
	struct buf man = {0};
	char want[80];

	printed(conf_print_man, &man);
	CU_ASSERT_PTR_NOT_NULL_FATAL(buf_cstr(&man));
	for (const struct conf_setting *s = conf_settings; s->name; s++) {
		snprintf(want, sizeof want, ".It Ic %s No = Ar \"", s->name);
		CU_ASSERT_PTR_NOT_NULL(strstr((char *)man.p, want));
	}
	buf_free(&man);
}

#define KIND(text)                                                             \
	"certificate-kind \"guild\" {\n issuer = { \"CN=G CA\" }\n" text

static void
kinds_of_certificate(void)
{
	struct err e;
	struct conf *c =
	    load(KIND("}\n") "certificate-kind \"b\" {\n"
			     " policy = { \"1.2.*\", \"1.2\" }\n"
			     " usage = { digital-signature }\n"
			     " formats = { etax }\n may-sign = no\n"
			     " revocation = ocsp\n}\n",
		&e);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(c->kind_count, 2);
	CU_ASSERT_STRING_EQUAL(c->kinds[0].name, "guild");
	CU_ASSERT_STRING_EQUAL(c->kinds[0].issuer.item[0], "CN=G CA");
	CU_ASSERT_TRUE(c->kinds[0].non_repudiation);
	CU_ASSERT_FALSE(c->kinds[0].digital_signature);
	CU_ASSERT_TRUE(c->kinds[0].etax && c->kinds[0].egov);
	CU_ASSERT_TRUE(c->kinds[0].may_sign);
	CU_ASSERT_EQUAL(c->kinds[0].revocation, CONF_KIND_CERTIFICATE);
	CU_ASSERT_EQUAL(c->kinds[1].policy.count, 2);
	CU_ASSERT_TRUE(c->kinds[1].digital_signature);
	CU_ASSERT_FALSE(c->kinds[1].non_repudiation);
	CU_ASSERT_TRUE(c->kinds[1].etax && !c->kinds[1].egov);
	CU_ASSERT_FALSE(c->kinds[1].may_sign);
	CU_ASSERT_EQUAL(c->kinds[1].revocation, CONF_KIND_OCSP);
	conf_free(c);
	c = load(KIND(" formats = {}\n}\n"), &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_FALSE(c->kinds[0].etax || c->kinds[0].egov);
	conf_free(c);
}

static void
kinds_that_are_refused(void)
{
	refused("certificate-kind \"a\" { }\n", "conf-missing", 1, "policy");
	refused("certificate-kind \"a b\" { issuer = { \"CN=x\" } }\n",
	    "conf-value", 1, "title");
	refused(KIND("}\n") KIND("}\n"), "conf-duplicate", 4, "guild");
	refused(KIND(" policy = { \"1.2.x\" }\n}\n"), "conf-value", 3, "1.2.x");
	refused(KIND(" policy = { \"1..2\" }\n}\n"), "conf-value", 3, "1..2");
	refused(KIND(" policy = { \"*\" }\n}\n"), "conf-value", 3, "\"*\"");
	refused(KIND(" policy = { \"1.2*\" }\n}\n"), "conf-value", 3, "1.2*");
	refused(KIND(" policy = { \".1.2\" }\n}\n"), "conf-value", 3, ".1.2");
	refused(KIND(" policy = { \"12\" }\n}\n"), "conf-value", 3, "12");
	refused(KIND(" usage = {}\n}\n"), "conf-missing", 4, "usage");
	refused(KIND(" usage = { signing }\n}\n"), "conf-value", 3, "signing");
	refused(KIND(" formats = { eltax }\n}\n"), "conf-value", 3, "eltax");
	refused(KIND(" revocation = never\n}\n"), "conf-value", 3, "never");
	refused(KIND(" kind = x\n}\n"), "conf-unknown-setting", 3, "kind");
	refused("certificate-kind \"a\" {\n issuer = { \"O\" }\n}\n",
	    "conf-value", 2, "3 letters");
}

SUITE_MAIN("conf", CASE(defaults_of_an_empty_file), CASE(a_whole_configuration),
    CASE(an_editor_on_windows), CASE(unknown_settings_name_their_line),
    CASE(values_out_of_range), CASE(due_dates_are_days_in_japan),
    CASE(numbers_that_identify), CASE(certificate_hash_is_lower_case),
    CASE(paths_stay_where_they_belong), CASE(path_of_the_root_itself),
    CASE(names_exist_and_are_unique), CASE(a_pool_of_keys),
    CASE(pools_that_are_refused), CASE(kinds_of_certificate),
    CASE(kinds_that_are_refused), CASE(the_agents_own_key),
    CASE(by_agent_that_is_refused), CASE(algorithms_by_format),
    CASE(missing_and_unreadable_files), CASE(shipped_example_is_the_table),
    CASE(example_loads_uncommented), CASE(manual_names_every_setting))
