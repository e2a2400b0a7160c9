/*
 * The engine: natsuin's one pass, SignedInfo, software key and splice, in one
 * loop, without the referee, the journal and the processes around it.  Only
 * a benchmark: the program itself has no way to leave these out.
 *   bench_engine [-j JOBS] [--schema BUNDLE] [--verify yes] KEY.p12 PASSWORD
 *       OUTDIR FILE…
 * With --verify all that an examiner does is done: for a profiler.
 */
#include "base/secret.h"
#include "signer/exam/format.h"
#include "signer/exam/verify.h"
#include "signer/key/backend.h"
#include "tests/bench/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct engine {
	const struct submission_format *format;
	const struct key_backend *backend;
	struct key *key;
	struct buf certificate;
	struct exam_options options;
	const char *bundle;
	const char *out;
	bool verify;
};

static void
die(const char *what, const char *name, const struct err *e)
{
	char text[800] = "";

	if (e != NULL)
		err_format(e, text, sizeof text);
	fprintf(stderr, "bench_engine: %s: %s: %s\n", what, name, text);
	exit(1);
}

static int
open_bundle(void *ctx, const char *procedure, const char *version,
    char sha256[65], struct err *e)
{
	struct engine *g = ctx;

	(void)procedure;
	(void)version;
	memset(sha256, '0', 64);
	sha256[64] = '\0';
	if (g->bundle != NULL)
		return open(g->bundle, O_RDONLY | O_CLOEXEC);
	errno = ENOENT;
	return err_errno(e, ERR_INPUT, "schema-missing", "%s", "");
}

static void
open_key(struct engine *g, const char *file, const char *password)
{
	static char empty[] = "";
	struct conf_key conf = {.backend = CONF_BACKEND_PKCS12,
	    .name = empty,
	    .file = strdup(file),
	    .pin_file = empty,
	    .certificate_sha256 = empty};
	struct secret *pin = NULL;
	struct err e = {0};

	if (secret_init(&e) != 0 || (pin = secret_new(64)) == NULL)
		die("secret", file, &e);
	memcpy(secret_room(pin), password, strlen(password));
	secret_set_len(pin, strlen(password));
	g->backend = key_backend_find(&conf, &e);
	if (g->backend == NULL ||
	    (g->key = g->backend->open(&conf, &e)) == NULL)
		die("open", file, &e);
	if (g->backend->unlock(g->key, pin, &e) != 0 ||
	    g->backend->certificate(g->key, &g->certificate, &e) != 0)
		die("unlock", file, &e);
	secret_free(pin);
}

static void
sign_info(struct engine *g, const struct buf *signed_info, struct buf *value)
{
	uint8_t digest[32];
	struct err e = {0};

	EVP_Digest(
	    signed_info->p, signed_info->len, digest, NULL, EVP_sha256(), NULL);
	if (g->backend->sign(g->key, SIGN_RSA_SHA256,
		slice_of(digest, sizeof digest), value, &e) != 0)
		die("sign", "", &e);
}

static void
verify_one(struct engine *g, const struct drop *input, int fd, uint64_t size)
{
	struct member m = {"output.xtx", fd, size};
	struct drop d = {m.name, false, &m, 1};
	struct findings f;
	struct err e = {0};

	findings_init(&f);
	if (g->format->missing != NULL && g->format->missing(input, &e) != 0)
		die("missing", input->name, &e);
	if (g->format->verify(&d, input, &g->options, &f, &e) != 0)
		die("verify", input->name, &e);
	for (size_t i = 0; i < f.signature_count; i++)
		if (!f.signatures[i].value_ok || !f.signatures[i].references_ok)
			die("verify", f.signatures[i].problem, NULL);
	if (f.signature_count == 0)
		die("verify", "no signature", NULL);
	findings_free(&f);
}

static void
sign_one(struct engine *g, const char *file)
{
	const char *name = strrchr(file, '/');
	struct member m = {file, open(file, O_RDONLY | O_CLOEXEC), 0};
	struct drop d = {file, false, &m, 1};
	struct findings f;
	struct new_signature s = {.id = "_bench"};
	struct buf value = {0};
	struct slice plan;
	struct built built;
	struct stat st;
	struct err e = {0};
	char path[1024];
	int out;

	findings_init(&f);
	if (m.fd < 0 || fstat(m.fd, &st) != 0)
		die("open", file, NULL);
	m.size = (uint64_t)st.st_size;
	if (g->format->examine(&d, &g->options, &f, &e) != 0)
		die("examine", file, &e);
	sign_info(g, &f.parts[0].signed_info, &value);
	s.value = buf_view(&value);
	s.certificate = buf_view(&g->certificate);
	plan = buf_view(&f.parts[0].plan);
	snprintf(
	    path, sizeof path, "%s/%s", g->out, name == NULL ? file : name + 1);
	out = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (out < 0 || g->format->build(&d, &g->options, &plan, 1, &s, 1, 0,
			   out, &built, &e) != 0)
		die("build", path, &e);
	if (g->verify)
		verify_one(g, &d, out, built.size);
	close(out);
	close(m.fd);
	buf_free(&value);
	findings_free(&f);
}

static void
run(struct engine *g, int jobs, int count, char **files)
{
	for (int j = 0; j < jobs; j++) {
		pid_t pid = jobs == 1 ? 0 : fork();

		if (pid != 0)
			continue;
		for (int i = j; i < count; i += jobs)
			sign_one(g, files[i]);
		if (jobs > 1)
			exit(0);
	}
	while (jobs > 1 && wait(NULL) > 0)
		;
}

int
main(int argc, char **argv)
{
	struct engine g = {0};
	struct err e = {0};
	int i = 1, jobs = 1;

	usage_start();
	for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (strcmp(argv[i], "-j") == 0)
			jobs = (int)strtol(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--schema") == 0)
			g.bundle = argv[i + 1];
		else if (strcmp(argv[i], "--verify") == 0)
			g.verify = true;
	}
	if (argc - i < 4)
		die("usage", "[-j N] [--schema BUNDLE] P12 PASSWORD OUT FILE",
		    NULL);
	g.format = format_find("etax");
	if (g.format == NULL)
		die("format", "etax", &e);
	if (g.verify && verify_init(&e) != 0)
		die("verify", "xmlsec", &e);
	open_key(&g, argv[i], argv[i + 1]);
	g.out = argv[i + 2];
	g.options.anchors_fd = -1;
	g.options.limits = (struct exam_limits){.document_max = 1U << 30,
	    .drop_max = 1U << 30,
	    .full_verify_max = 1U << 30,
	    .members_max = 100,
	    .archive_max = 100,
	    .depth = 200,
	    .attributes = 256,
	    .namespaces = 200,
	    .ids = 2000000};
	g.options.signer_count = 1;
	g.options.schemas.open = open_bundle;
	g.options.schemas.ctx = &g;
	run(&g, jobs, argc - i - 3, argv + i + 3);
	usage_print("engine", (unsigned long)(argc - i - 3));
	return 0;
}
