/*
 * From in/ to done/ or failed/: the private copy, what changes under our
 * hands, names that are taken, other file systems, going back.
 */
#include "base/text.h"
#include "spool/inside.h"
#include "tests/lib/box.h"

#include <openssl/evp.h>

#define ID "20261122-180000-0001"
#define BATCH "20261122-180000"

static struct spool_job
job_for(struct box *b, const char *id, const char *source, bool folder)
{
	static char path[8][SPOOL_PATH_MAX];
	static int n;
	struct spool_job j = {.id = id,
	    .batch = BATCH,
	    .drop = &b->drop[0],
	    .source = source,
	    .folder = folder};

	n = (n + 1) % 8;
	CU_ASSERT(spool_clean_path(path[n], SPOOL_PATH_MAX, source) == 0);
	j.path = path[n];
	return j;
}

static void
sha_of(const char *text, uint8_t sha256[FS_SHA256_SIZE])
{
	unsigned n = FS_SHA256_SIZE;

	EVP_Digest(text, strlen(text), sha256, &n, EVP_sha256(), NULL);
}

/* Finds the one drop there is. */
static const struct spool_found *
find_one(struct box *b)
{
	struct spool_scan scan;

	box_later(b, 60000);
	scan = box_scan(b);
	CU_ASSERT_EQUAL(scan.found_count, 1);
	return scan.found_count == 1 ? &scan.found[0] : NULL;
}

static struct spool_copy
take_one(struct box *b, const char *id)
{
	const struct spool_found *f = find_one(b);
	struct spool_copy copy = {0};
	struct err e = {0};

	if (f == NULL)
		return copy;
	CHECK_OK(spool_take(b->spool, f, id, &copy, &e), &e);
	CHECK_OK(spool_sync(b->spool, false, &e), &e);
	CHECK_OK(spool_taken(b->spool, &e), &e);
	return copy;
}

static void
write_output(struct box *b, const struct spool_job *j, const char *text)
{
	struct err e = {0};
	int fd = spool_create_output(b->spool, j, &e);

	CHECK_OK(fd, &e);
	CHECK_OK(fs_write(fd, slice_str(text), &e), &e);
	CHECK_OK(fs_sync(fd, &e), &e);
	close(fd);
}

static void
file_goes_all_the_way(void)
{
	struct spool_members m = {0};
	uint8_t sha[FS_SHA256_SIZE];
	char place[SPOOL_PATH_MAX];
	struct spool_copy copy;
	struct buf text = {0};
	struct spool_job j;
	struct err e = {0};
	struct stat st;
	struct box b;
	int fd;

	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, IN "/甲/申告.xtx", "<DATA/>");
	copy = take_one(&b, ID);
	j = job_for(&b, ID, "甲/申告.xtx", false);
	sha_of("<DATA/>", sha);
	CU_ASSERT(copy.size == 7);
	CU_ASSERT(memcmp(copy.sha256, sha, sizeof sha) == 0);
	CU_ASSERT(box_count(&b, "in") == 0 && box_count(&b, "work") == 2);
	CU_ASSERT(spool_unchanged(b.spool, &j, &copy));
	CHECK_OK(spool_open_input(b.spool, &j, 100, &m, &e), &e);
	CU_ASSERT(m.count == 1 && m.size == 7);
	CU_ASSERT_STRING_EQUAL(m.member[0].name, "申告.xtx");
	CHECK_OK(fs_read_all(m.member[0].fd, 100, &text, &e), &e);
	CU_ASSERT(slice_eq_str(buf_view(&text), "<DATA/>"));
	buf_free(&text);
	spool_members_close(&m);

	CU_ASSERT(spool_open_output(b.spool, &j, &e) == -1);
	CU_ASSERT(e.errnum == ENOENT);
	write_output(&b, &j, "half");
	write_output(&b, &j, "<DATA><Signature/></DATA>");
	fd = spool_open_output(b.spool, &j, &e);
	CHECK_OK(fd, &e);
	CU_ASSERT(fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0640);
	close(fd);
	sha_of("<DATA><Signature/></DATA>", sha);
	CHECK_OK(
	    spool_publish(b.spool, &j, "甲/申告.xtx", sha, false, place, &e),
	    &e);
	CU_ASSERT_STRING_EQUAL(place, "out/" BATCH "/甲/申告.xtx");
	CHECK_OK(spool_sync(b.spool, false, &e), &e);
	CU_ASSERT(box_holds(&b, place, "<DATA><Signature/></DATA>"));
	CHECK_OK(spool_done(b.spool, &j, place, &e), &e);
	CU_ASSERT_STRING_EQUAL(place, "done/" BATCH "/甲/申告.xtx");
	CU_ASSERT(box_holds(&b, place, "<DATA/>"));
	CU_ASSERT(box_count(&b, "work") == 0);
	/* Repeated, it says the same. */
	CHECK_OK(
	    spool_publish(b.spool, &j, "甲/申告.xtx", sha, true, place, &e),
	    &e);
	CU_ASSERT_STRING_EQUAL(place, "out/" BATCH "/甲/申告.xtx");
	CHECK_OK(spool_done(b.spool, &j, place, &e), &e);
	CU_ASSERT_STRING_EQUAL(place, "done/" BATCH "/甲/申告.xtx");
	CHECK_CODE(
	    spool_publish(b.spool, &j, "甲/申告.xtx", sha, false, place, &e),
	    &e, "output-missing");
	box_close(&b);
}

static void
modes_and_folders_are_as_configured(void)
{
	struct stat st;
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	CU_ASSERT(fstatat(b.root, "work", &st, 0) == 0);
	CU_ASSERT((st.st_mode & 07777) == 0700);
	CU_ASSERT(fstatat(b.root, "state", &st, 0) == 0);
	CU_ASSERT((st.st_mode & 07777) == 0700);
	CU_ASSERT(fstatat(b.root, IN, &st, 0) == 0);
	CU_ASSERT((st.st_mode & 07777) == 0750);
	/* Opened wide by somebody: ours are closed again, theirs stay. */
	CU_ASSERT(fchmodat(b.root, "work", 0777, 0) == 0);
	CU_ASSERT(fchmodat(b.root, "out", 0777, 0) == 0);
	spool_close(b.spool);
	b.spool = spool_open(&b.conf, NULL);
	CU_ASSERT(fstatat(b.root, "work", &st, 0) == 0);
	CU_ASSERT((st.st_mode & 07777) == 0700);
	CU_ASSERT(fstatat(b.root, "out", &st, 0) == 0);
	CU_ASSERT((st.st_mode & 07777) == 0777);
	box_close(&b);
}

static void
wrong_settings_are_named(void)
{
	struct err e = {0};
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	b.conf.group = (char *)(uintptr_t) "no-such-group-here";
	CU_ASSERT(spool_open(&b.conf, &e) == NULL);
	CU_ASSERT_STRING_EQUAL(e.code, "spool-group");
	b.conf.group = NULL;
	b.conf.root = (char *)(uintptr_t) "/nonexistent/spool";
	CU_ASSERT(spool_open(&b.conf, &e) == NULL);
	CU_ASSERT_STRING_EQUAL(e.code, "spool-missing");
	CU_ASSERT(e.class == ERR_CONFIG);
	b.conf.root = b.path;
	box_close(&b);
}

static void
what_changed_since_the_scan_stays(void)
{
	const struct spool_found *f;
	struct spool_copy copy;
	struct err e = {0};
	struct box b;
	int fd;

	box_open(&b, CONF_FORMAT_ETAX);
	/* Grown. */
	box_write(&b, IN "/a.xtx", "1");
	f = find_one(&b);
	box_write(&b, IN "/a.xtx", "12");
	CHECK_CODE(spool_take(b.spool, f, ID, &copy, &e), &e, "drop-changed");
	CU_ASSERT(e.class == ERR_TRANSIENT_IO);
	/* Replaced by another file of the same size and time. */
	f = find_one(&b);
	box_write(&b, IN "/.new", "34");
	CU_ASSERT(renameat(b.root, IN "/.new", b.root, IN "/a.xtx") == 0);
	CHECK_CODE(spool_take(b.spool, f, ID, &copy, &e), &e, "drop-changed");
	/* A writer came. */
	f = find_one(&b);
	fd = openat(b.root, IN "/a.xtx", O_WRONLY | O_CLOEXEC);
	CHECK_CODE(spool_take(b.spool, f, ID, &copy, &e), &e, "drop-changed");
	close(fd);
	/* A second link came. */
	f = find_one(&b);
	CU_ASSERT(linkat(b.root, IN "/a.xtx", b.root, "b", 0) == 0);
	CHECK_CODE(spool_take(b.spool, f, ID, &copy, &e), &e, "drop-changed");
	CU_ASSERT(unlinkat(b.root, "b", 0) == 0);
	/* Swapped for a link. */
	f = find_one(&b);
	CU_ASSERT(unlinkat(b.root, IN "/a.xtx", 0) == 0);
	box_write(&b, "secret", "34");
	CU_ASSERT(symlinkat("../../secret", b.root, IN "/a.xtx") == 0);
	CU_ASSERT(spool_take(b.spool, f, ID, &copy, &e) == -1);
	CU_ASSERT(box_has(&b, IN "/a.xtx") && box_count(&b, "work") == 0);
	CU_ASSERT(unlinkat(b.root, IN "/a.xtx", 0) == 0);
	/* Gone. */
	box_write(&b, IN "/c.xtx", "1");
	f = find_one(&b);
	CU_ASSERT(unlinkat(b.root, IN "/c.xtx", 0) == 0);
	CHECK_CODE(spool_take(b.spool, f, ID, &copy, &e), &e, "drop-gone");
	CU_ASSERT(box_count(&b, "work") == 0);
	box_close(&b);
}

static void
later_writes_do_not_reach_the_copy(void)
{
	struct spool_members m = {0};
	struct spool_copy copy;
	struct buf text = {0};
	struct spool_job j;
	struct err e = {0};
	struct box b;
	int fd;

	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, IN "/a.xtx", "before");
	/* A reader who may not be noticed writes through its descriptor
	 * later: /proc lets it reopen the file for writing. */
	fd = openat(b.root, IN "/a.xtx", O_RDONLY | O_CLOEXEC);
	copy = take_one(&b, ID);
	j = job_for(&b, ID, "a.xtx", false);
	{
		char path[60];
		int w;

		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		w = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
		CU_ASSERT(w >= 0 && write(w, "after!!", 7) == 7);
		close(w);
	}
	close(fd);
	CU_ASSERT(!spool_unchanged(b.spool, &j, &copy));
	CHECK_OK(spool_open_input(b.spool, &j, 9, &m, &e), &e);
	CHECK_OK(fs_read_all(m.member[0].fd, 100, &text, &e), &e);
	CU_ASSERT(slice_eq_str(buf_view(&text), "before"));
	buf_free(&text);
	spool_members_close(&m);
	box_close(&b);
}

static void
folder_goes_all_the_way(void)
{
	struct spool_members m = {0};
	const struct spool_found *f;
	char place[SPOOL_PATH_MAX];
	struct spool_copy copy, again;
	struct spool_job j;
	struct err e = {0};
	struct box b;

	box_open(&b, CONF_FORMAT_EGOV);
	box_write(&b, IN "/app/kousei.xml", "12345");
	box_write(&b, IN "/app/様式_01.xml", "123");
	box_write(&b, IN "/app/sub/x.pdf", "1");
	box_write(&b, IN "/app/Thumbs.db", "zz");
	f = find_one(&b);
	CHECK_OK(spool_open_found(b.spool, f, 10, &m, &e), &e);
	CU_ASSERT(m.count == 3);
	spool_members_close(&m);
	CHECK_CODE(
	    spool_open_found(b.spool, f, 2, &m, &e), &e, "too-many-members");
	/* Something came between the scan and the claim. */
	box_write(&b, IN "/app/late.pdf", "1");
	CHECK_CODE(
	    spool_open_found(b.spool, f, 10, &m, &e), &e, "drop-changed");
	CHECK_CODE(spool_take(b.spool, f, ID, &copy, &e), &e, "drop-changed");
	CU_ASSERT(box_has(&b, IN "/app/late.pdf"));
	CU_ASSERT(box_count(&b, "work") == 0);
	CU_ASSERT(unlinkat(b.root, IN "/app/late.pdf", 0) == 0);

	copy = take_one(&b, ID);
	j = job_for(&b, ID, "app", true);
	CU_ASSERT(copy.size == 9);
	CU_ASSERT(!box_has(&b, IN "/app"));
	CU_ASSERT(spool_unchanged(b.spool, &j, &copy));
	CHECK_OK(spool_open_input(b.spool, &j, 10, &m, &e), &e);
	CU_ASSERT(m.count == 3 && m.size == 9);
	CU_ASSERT(m.count == 3 && strcmp(m.member[0].name, "kousei.xml") == 0);
	CU_ASSERT(m.count == 3 && strcmp(m.member[1].name, "sub/x.pdf") == 0);
	CU_ASSERT(m.count == 3 && strcmp(m.member[2].name, "様式_01.xml") == 0);
	spool_members_close(&m);
	CHECK_OK(spool_copy_again(b.spool, &j, &again, &e), &e);
	CU_ASSERT(memcmp(copy.sha256, again.sha256, sizeof copy.sha256) == 0);
	CHECK_OK(spool_done(b.spool, &j, place, &e), &e);
	CU_ASSERT_STRING_EQUAL(place, "done/" BATCH "/app");
	CU_ASSERT(box_holds(&b, "done/" BATCH "/app/sub/x.pdf", "1"));
	CU_ASSERT(box_holds(&b, "done/" BATCH "/app/Thumbs.db", "zz"));
	CU_ASSERT(box_count(&b, "work") == 0);
	box_close(&b);
}

static void
taken_names_are_numbered(void)
{
	static const char *const want[] = {"a.xtx", "a (2).xtx", "a (3).xtx"};
	uint8_t sha[FS_SHA256_SIZE];
	char place[SPOOL_PATH_MAX], id[40], path[80];
	struct spool_job j;
	struct err e = {0};
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	for (int i = 0; i < 3; i++) {
		snprintf(id, sizeof id, BATCH "-%04d", i + 1);
		box_write(&b, IN "/a.xtx", i == 0 ? "one" : "more");
		take_one(&b, id);
		j = job_for(&b, id, "a.xtx", false);
		write_output(&b, &j, "same output");
		sha_of("same output", sha);
		CHECK_OK(
		    spool_publish(b.spool, &j, "a.xtx", sha, false, place, &e),
		    &e);
		snprintf(path, sizeof path, "out/" BATCH "/%s", want[i]);
		CU_ASSERT_STRING_EQUAL(place, path);
		CHECK_OK(spool_done(b.spool, &j, place, &e), &e);
		snprintf(path, sizeof path, "done/" BATCH "/%s", want[i]);
		CU_ASSERT_STRING_EQUAL(place, path);
	}
	CU_ASSERT(box_holds(&b, "done/" BATCH "/a.xtx", "one"));
	CU_ASSERT(box_count(&b, "out") == 3 && box_count(&b, "done") == 3);
	/* A file where a folder is needed. */
	box_write(&b, IN "/a.xtx/b.xtx", "x");
	take_one(&b, ID);
	j = job_for(&b, ID, "a.xtx/b.xtx", false);
	CHECK_OK(spool_done(b.spool, &j, place, &e), &e);
	CU_ASSERT_STRING_EQUAL(place, "done/" BATCH "/a (4).xtx/b.xtx");
	box_close(&b);
}

static void
templates_place_the_output(void)
{
	static const struct {
		const char *template, *path, *place;
	} cases[] = {
	    {"out/{batch}/{path}", "x/a.xtx", "out/" BATCH "/x/a.xtx"},
	    {"out/{drop}/{date}/{name}", "x/a.xtx",
		"out/kokuzei/20261122/a.xtx"},
	    {"out", "x/a.xtx", "out/x/a.xtx"},
	    {"out/all/", "a.xtx", "out/all/a.xtx"},
	};
	uint8_t sha[FS_SHA256_SIZE];
	char place[SPOOL_PATH_MAX], fixed[200], want[240];
	struct spool_job j;
	struct err e = {0};
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	sha_of("o", sha);
	j = job_for(&b, ID, "x/a.xtx", false);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		b.drop[0].deliver = (char *)(uintptr_t)cases[i].template;
		write_output(&b, &j, "o");
		CHECK_OK(spool_publish(
			     b.spool, &j, cases[i].path, sha, false, place, &e),
		    &e);
		CU_ASSERT_STRING_EQUAL(place, cases[i].place);
		CU_ASSERT(box_holds(&b, place, "o"));
	}
	/* A fixed folder elsewhere must be there; below it is made. */
	snprintf(fixed, sizeof fixed, "%s/send/{batch}", b.path);
	b.drop[0].deliver = fixed;
	write_output(&b, &j, "o");
	CHECK_CODE(spool_publish(b.spool, &j, "a.xtx", sha, false, place, &e),
	    &e, "deliver-missing");
	CU_ASSERT(e.class == ERR_TRANSIENT_IO && !box_has(&b, "send"));
	CU_ASSERT(mkdirat(b.root, "send", 0755) == 0);
	CHECK_OK(
	    spool_publish(b.spool, &j, "a.xtx", sha, false, place, &e), &e);
	snprintf(want, sizeof want, "%s/send/" BATCH "/a.xtx", b.path);
	CU_ASSERT_STRING_EQUAL(place, want);
	CU_ASSERT(box_holds(&b, "send/" BATCH "/a.xtx", "o"));

	b.drop[0].deliver = (char *)(uintptr_t) "out/{year}/{path}";
	CHECK_CODE(spool_publish(b.spool, &j, "a.xtx", sha, false, place, &e),
	    &e, "deliver-template");
	b.drop[0].deliver = (char *)(uintptr_t) "out/{path}";
	write_output(&b, &j, "o");
	CHECK_CODE(
	    spool_publish(b.spool, &j, "../a.xtx", sha, false, place, &e), &e,
	    "bad-path");
	box_close(&b);
}

static void
delivered_once_though_fetched_at_once(void)
{
	uint8_t sha[FS_SHA256_SIZE];
	char place[SPOOL_PATH_MAX];
	struct spool_job j;
	struct err e = {0};
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, "out/" BATCH "/a.xtx", "somebody's");
	sha_of("o", sha);
	j = job_for(&b, ID, "a.xtx", false);
	write_output(&b, &j, "o");
	CHECK_OK(
	    spool_publish(b.spool, &j, "a.xtx", sha, false, place, &e), &e);
	CU_ASSERT_STRING_EQUAL(place, "out/" BATCH "/a (2).xtx");
	/* A crash, and still there: found by its bytes. */
	CHECK_OK(spool_publish(b.spool, &j, "a.xtx", sha, true, place, &e), &e);
	CU_ASSERT_STRING_EQUAL(place, "out/" BATCH "/a (2).xtx");
	/* A crash, and built again: not delivered again either. */
	write_output(&b, &j, "o");
	CHECK_OK(spool_publish(b.spool, &j, "a.xtx", sha, true, place, &e), &e);
	CU_ASSERT_STRING_EQUAL(place, "out/" BATCH "/a (2).xtx");
	CU_ASSERT(box_count(&b, "out") == 2);
	CHECK_OK(spool_done(b.spool, &j, place, &e), &e);
	CU_ASSERT(box_count(&b, "work") == 0);
	CHECK_OK(spool_publish(b.spool, &j, "a.xtx", sha, true, place, &e), &e);
	/* A crash, and fetched meanwhile: not delivered again. */
	CU_ASSERT(unlinkat(b.root, place, 0) == 0);
	CHECK_OK(spool_publish(b.spool, &j, "a.xtx", sha, true, place, &e), &e);
	CU_ASSERT(box_count(&b, "out") == 1);
	CU_ASSERT(box_holds(&b, "out/" BATCH "/a.xtx", "somebody's"));
	box_close(&b);
}

static void
failed_drop_has_its_reason_beside_it(void)
{
	const struct slice why = slice_str("job 1: it is not XML\n");
	char place[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX];
	struct spool_job j;
	struct err e = {0};
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, "failed/" BATCH "/s/a.xtx.reason.txt", "another's");
	box_write(&b, IN "/s/a.xtx", "bad");
	take_one(&b, ID);
	j = job_for(&b, ID, "s/a.xtx", false);
	write_output(&b, &j, "o");
	CHECK_OK(spool_fail(b.spool, &j, why, place, &e), &e);
	CU_ASSERT_STRING_EQUAL(place, "failed/" BATCH "/s/a (2).xtx");
	CU_ASSERT(box_holds(&b, place, "bad"));
	CU_ASSERT(box_holds(&b, "failed/" BATCH "/s/a (2).xtx.reason.txt",
	    "job 1: it is not XML\n"));
	CU_ASSERT(box_count(&b, "failed") == 3 && box_count(&b, "work") == 0);
	CHECK_OK(spool_fail(b.spool, &j, why, place, &e), &e);
	CU_ASSERT_STRING_EQUAL(place, "failed/" BATCH "/s/a (2).xtx");
	CU_ASSERT(box_count(&b, "failed") == 3);

	/* Tried again: as a new drop, beside one that has its name. */
	box_write(&b, IN "/s/a.xtx", "newer");
	CHECK_OK(spool_retry(b.spool, &j, place, path, &e), &e);
	CU_ASSERT_STRING_EQUAL(path, "s/a (2).xtx");
	CU_ASSERT(box_holds(&b, IN "/s/a (2).xtx", "bad"));
	CU_ASSERT(box_count(&b, "failed") == 1);
	CHECK_CODE(
	    spool_retry(b.spool, &j, place, path, &e), &e, "original-missing");
	CHECK_CODE(spool_retry(b.spool, &j, "failed/../in/x", path, &e), &e,
	    "bad-path");
	CHECK_CODE(spool_retry(b.spool, &j, "state/natsuin.db", path, &e), &e,
	    "bad-path");
	box_close(&b);
}

static void
returned_drop_is_as_before(void)
{
	char path[SPOOL_PATH_MAX];
	struct spool_job j;
	struct err e = {0};
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, IN "/s/\xff.xtx", "x");
	take_one(&b, ID);
	j = job_for(&b, ID, "s/\xff.xtx", false);
	CU_ASSERT(unlinkat(b.root, IN "/s", AT_REMOVEDIR) == 0);
	for (int i = 0; i < 2; i++) {
		CHECK_OK(spool_return(b.spool, &j, path, &e), &e);
		CU_ASSERT_STRING_EQUAL(path, "s/\xff.xtx");
		CU_ASSERT(box_holds(&b, IN "/s/\xff.xtx", "x"));
		CU_ASSERT(box_count(&b, "work") == 0);
		CU_ASSERT(box_count(&b, "in") == 1);
	}
	box_close(&b);
}

static void
long_and_strange_names_end_well(void)
{
	char name[256], source[300], place[SPOOL_PATH_MAX];
	struct spool_job j;
	struct err e = {0};
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	/* 85 characters of three bytes, no extension: 255 bytes. */
	name[0] = '\0';
	for (int i = 0; i < 85; i++)
		strncat(name, "法", sizeof name - strlen(name) - 1);
	for (int round = 0; round < 2; round++) {
		snprintf(source, sizeof source, IN "/%s", name);
		box_write(&b, source, "x");
		take_one(&b, round == 0 ? ID : ID "b");
		j = job_for(&b, round == 0 ? ID : ID "b", name, false);
		CHECK_OK(spool_fail(b.spool, &j,
			     slice_str(round == 0 ? "one" : "two"), place, &e),
		    &e);
		CU_ASSERT(box_holds(&b, place, "x"));
		CU_ASSERT(text_is_utf8(slice_str(place)));
	}
	CU_ASSERT(box_count(&b, "failed") == 4);
	/* 255 bytes that all need escaping. */
	memset(name, 0x81, 251);
	memcpy(name + 251, ".xtx", 5);
	snprintf(source, sizeof source, IN "/%s", name);
	box_write(&b, source, "x");
	take_one(&b, ID);
	j = job_for(&b, ID, name, false);
	CHECK_OK(spool_done(b.spool, &j, place, &e), &e);
	CU_ASSERT(box_holds(&b, place, "x"));
	CU_ASSERT(strstr(place, "%81%81") != NULL);
	CU_ASSERT(strcmp(place + strlen(place) - 4, ".xtx") == 0);
	box_close(&b);
}

/* A folder on another file system, or NULL (then the case is skipped). */
static const char *
elsewhere(struct box *b)
{
	static char path[64];
	struct stat here, there;

	snprintf(path, sizeof path, "/dev/shm/natsuin-test.XXXXXX");
	if (mkdtemp(path) == NULL) {
		suite_skip("no /dev/shm");
		return NULL;
	}
	if (fstat(b->root, &here) == 0 && stat(path, &there) == 0 &&
	    here.st_dev != there.st_dev)
		return path;
	rmdir(path);
	suite_skip("/dev/shm is not another file system");
	return NULL;
}

static void
link_to(struct box *b, const char *name, const char *target)
{
	CU_ASSERT(unlinkat(b->root, name, AT_REMOVEDIR) == 0);
	CU_ASSERT(symlinkat(target, b->root, name) == 0);
	spool_close(b->spool);
	b->spool = spool_open(&b->conf, NULL);
	CU_ASSERT_FATAL(b->spool != NULL);
}

static void
other_file_system_to_take_from(void)
{
	const struct spool_found *f;
	struct spool_copy copy;
	const char *shm;
	struct spool_job j;
	struct err e = {0};
	struct stat st;
	struct box b;

	box_open(&b, CONF_FORMAT_EGOV);
	shm = elsewhere(&b);
	if (shm == NULL)
		goto out;
	link_to(&b, IN, shm);
	box_write(&b, "x", "x");
	{
		int top = open(shm, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct box there = b;

		there.root = top;
		box_write(&there, "app/kousei.xml", "1234");
		box_write(&there, "app/sub/.keep", "");
		f = find_one(&b);
		CHECK_OK(spool_take(b.spool, f, ID, &copy, &e), &e);
		CHECK_OK(spool_sync(b.spool, true, &e), &e);
		/* Until the claim is recorded it is there, hidden. */
		CU_ASSERT(fstatat(top, SPOOL_HIDDEN ID "=app/kousei.xml", &st,
			      0) == 0);
		CU_ASSERT(fstatat(top, "app", &st, 0) != 0);
		CHECK_OK(spool_taken(b.spool, &e), &e);
		CU_ASSERT(fstatat(top, SPOOL_HIDDEN ID "=app", &st, 0) != 0);
		CU_ASSERT(copy.size == 4);
		j = job_for(&b, ID, "app", true);
		CU_ASSERT(spool_unchanged(b.spool, &j, &copy));
		CHECK_OK(spool_return(b.spool, &j, NULL, &e), &e);
		CU_ASSERT(fstatat(top, "app/kousei.xml", &st, 0) == 0);
		CU_ASSERT(fstatat(top, "app/sub/.keep", &st, 0) == 0);
		CU_ASSERT(box_count(&b, "work") == 0);
		close(top);
	}
	CHECK_OK(fs_remove_tree(AT_FDCWD, shm, &e), &e);
out:
	box_close(&b);
}

static void
other_file_system_to_deliver_to(void)
{
	uint8_t sha[FS_SHA256_SIZE];
	char place[SPOOL_PATH_MAX], want[SPOOL_PATH_MAX];
	const char *shm;
	struct spool_job j;
	struct err e = {0};
	struct box b, there;

	box_open(&b, CONF_FORMAT_ETAX);
	shm = elsewhere(&b);
	if (shm == NULL)
		goto out;
	there = b;
	there.root = open(shm, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	box_write(&there, "a.xtx", "somebody's");
	b.drop[0].deliver = (char *)(uintptr_t)shm;
	link_to(&b, "done", shm);
	box_write(&b, IN "/a.xtx", "original");
	take_one(&b, ID);
	j = job_for(&b, ID, "a.xtx", false);
	write_output(&b, &j, "signed");
	sha_of("signed", sha);
	CHECK_OK(
	    spool_publish(b.spool, &j, "a.xtx", sha, false, place, &e), &e);
	snprintf(want, sizeof want, "%s/a (2).xtx", shm);
	CU_ASSERT_STRING_EQUAL(place, want);
	CU_ASSERT(box_holds(&there, "a (2).xtx", "signed"));
	/* Fetched, then a crash before it is recorded. */
	CU_ASSERT(unlinkat(there.root, "a (2).xtx", 0) == 0);
	CHECK_OK(spool_publish(b.spool, &j, "a.xtx", sha, true, place, &e), &e);
	CU_ASSERT(box_count(&there, ".") == 1);
	CHECK_OK(spool_done(b.spool, &j, place, &e), &e);
	CU_ASSERT_STRING_EQUAL(place, "done/" BATCH "/a.xtx");
	CU_ASSERT(box_holds(&there, BATCH "/a.xtx", "original"));
	CU_ASSERT(box_count(&there, ".") == 2 && box_count(&b, "work") == 0);
	close(there.root);
	CHECK_OK(fs_remove_tree(AT_FDCWD, shm, &e), &e);
out:
	box_close(&b);
}

static void
denied_drop_is_a_problem_until_it_changes(void)
{
	const struct spool_found *f;
	const struct spool_problem *p;
	struct spool_scan scan;
	struct spool_copy copy;
	struct err e = {0};
	struct box b;
	int r;

	if (geteuid() != 0) {
		suite_skip("needs to change its user");
		return;
	}
	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, IN "/a.xtx", "x");
	CU_ASSERT(fchmodat(b.root, ".", 0755, 0) == 0);
	CU_ASSERT(fchmodat(b.root, "in", 0755, 0) == 0);
	CU_ASSERT(fchmodat(b.root, IN, 0755, 0) == 0);
	CU_ASSERT(fchmodat(b.root, "work", 0777, 0) == 0);
	f = find_one(&b);
	CU_ASSERT(seteuid(65534) == 0);
	r = spool_take(b.spool, f, ID, &copy, &e);
	CU_ASSERT(seteuid(0) == 0);
	CHECK_CODE(r, &e, "take-denied");
	CU_ASSERT(e.class == ERR_INPUT && box_has(&b, IN "/a.xtx"));
	scan = box_scan(&b);
	p = box_problem(&scan, "a.xtx");
	CU_ASSERT(scan.found_count == 0);
	CU_ASSERT(p != NULL && strcmp(p->code, "take-denied") == 0);
	box_write(&b, IN "/a.xtx", "xy");
	box_later(&b, 5000);
	CU_ASSERT(box_scan(&b).found_count == 1);
	box_close(&b);
}

static void
low_disk_is_said_before_the_claim(void)
{
	struct err e = {0};
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	CHECK_OK(spool_space(b.spool, 1000, &e), &e);
	CHECK_CODE(spool_space(b.spool, UINT64_MAX / 4, &e), &e, "disk-low");
	CU_ASSERT(e.class == ERR_TRANSIENT_IO);
	CHECK_CODE(spool_space(b.spool, UINT64_MAX, &e), &e, "disk-low");
	box_close(&b);
}

static void
a_false_hidden_name_costs_nothing(void)
{
	const struct spool_copy *known;
	enum spool_place place;
	struct spool_copy copy;
	struct spool_job j;
	struct err e = {0};
	struct box b;
	bool good;

	/* Somebody with rights in in/ makes a hidden name of a job there. */
	for (int i = 0; i < 2; i++) {
		box_open(&b, CONF_FORMAT_ETAX);
		box_write(&b, IN "/a.xtx", "real");
		copy = take_one(&b, ID);
		known = i == 0 ? NULL : &copy;
		j = job_for(&b, ID, "a.xtx", false);
		box_write(&b, IN "/" SPOOL_HIDDEN ID "=a.xtx", "false");
		CHECK_OK(
		    spool_recover(b.spool, &j, known, &place, &good, &e), &e);
		CU_ASSERT(place == SPOOL_IN_WORK && good == (i == 1));
		CU_ASSERT(box_holds(&b, "work/" ID "=a.xtx", "real"));
		CU_ASSERT(box_holds(&b, IN "/a.xtx", "false"));
		box_close(&b);
	}
}

/* out/ may be a link that the administrator made, to another disk. */
static void
linked_out_is_delivered_into(void)
{
	char place[SPOOL_PATH_MAX];
	uint8_t sha[FS_SHA256_SIZE];
	struct spool_job j;
	struct err e = {0};
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	CU_ASSERT(renameat(b.root, "out", b.root, "disk") == 0);
	CU_ASSERT(symlinkat("disk", b.root, "out") == 0);
	sha_of("o", sha);
	j = job_for(&b, ID, "a.xtx", false);
	write_output(&b, &j, "o");
	CHECK_OK(
	    spool_publish(b.spool, &j, "a.xtx", sha, false, place, &e), &e);
	CU_ASSERT_STRING_EQUAL(place, "out/" BATCH "/a.xtx");
	CU_ASSERT(box_holds(&b, "disk/" BATCH "/a.xtx", "o"));
	box_close(&b);
}

static void
unknown_things_in_work_are_rescued(void)
{
	struct spool_ids ids = {0};
	struct err e = {0};
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, IN "/甲.xtx", "precious");
	take_one(&b, ID);
	box_write(&b, "work/" ID ".output", "copy");
	box_write(&b, "work/other-1.input", "last copy");
	box_write(&b, "work/letter.output", "not ours");
	box_write(&b, "work/other-2.moved", "precious too");
	box_write(&b, IN "/s/" SPOOL_HIDDEN "other-3=name.xtx", "hidden");
	CHECK_OK(spool_list_work(b.spool, &ids, &e), &e);
	CU_ASSERT_EQUAL(ids.count, 5);
	for (size_t i = 0; i < ids.count; i++)
		CHECK_OK(spool_rescue(
			     b.spool, ids.id[i], slice_str("not known\n"), &e),
		    &e);
	spool_ids_free(&ids);
	CU_ASSERT(box_count(&b, "work") == 1);
	CU_ASSERT(box_holds(&b, "work/letter.output", "not ours"));
	CU_ASSERT(box_holds(&b, "failed/unknown/" ID "/甲.xtx", "precious"));
	CU_ASSERT(
	    box_holds(&b, "failed/unknown/other-1/private-copy", "last copy"));
	CU_ASSERT(box_holds(
	    &b, "failed/unknown/" ID "/甲.xtx.reason.txt", "not known\n"));
	CU_ASSERT(
	    box_holds(&b, "failed/unknown/other-2/original", "precious too"));
	CU_ASSERT(box_holds(&b, IN "/s/name.xtx", "hidden"));
	CU_ASSERT(box_count(&b, "failed") == 6 && box_count(&b, "in") == 1);
	CHECK_OK(spool_list_work(b.spool, &ids, &e), &e);
	CU_ASSERT_EQUAL(ids.count, 1);
	spool_ids_free(&ids);
	box_close(&b);
}

static void
recovery_finds_each_drop_where_it_is(void)
{
	enum spool_place place;
	struct spool_copy copy;
	struct spool_job j;
	struct err e = {0};
	struct box b;
	bool good;

	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, IN "/a.xtx", "x");
	j = job_for(&b, ID, "a.xtx", false);
	/* Only the intention. */
	CHECK_OK(spool_recover(b.spool, &j, NULL, &place, &good, &e), &e);
	CU_ASSERT(place == SPOOL_IN_DROP);
	copy = take_one(&b, ID);
	CHECK_OK(spool_recover(b.spool, &j, &copy, &place, &good, &e), &e);
	CU_ASSERT(place == SPOOL_IN_WORK && good);
	CHECK_OK(spool_recover(b.spool, &j, NULL, &place, &good, &e), &e);
	CU_ASSERT(place == SPOOL_IN_WORK && !good);
	/* The copy is not what was recorded (a power cut). */
	box_write(&b, "work/" ID ".input", "");
	CHECK_OK(spool_recover(b.spool, &j, &copy, &place, &good, &e), &e);
	CU_ASSERT(place == SPOOL_IN_WORK && !good);
	CHECK_OK(spool_copy_again(b.spool, &j, &copy, &e), &e);
	CHECK_OK(spool_recover(b.spool, &j, &copy, &place, &good, &e), &e);
	CU_ASSERT(place == SPOOL_IN_WORK && good);
	/* Only the private copy is left: it becomes the original. */
	CU_ASSERT(unlinkat(b.root, "work/" ID "=a.xtx", 0) == 0);
	box_write(&b, IN "/a.xtx", "a new one of that name");
	CHECK_OK(spool_recover(b.spool, &j, &copy, &place, &good, &e), &e);
	CU_ASSERT(place == SPOOL_IN_WORK && good);
	CU_ASSERT(box_holds(&b, "work/" ID "=a.xtx", "x"));
	CU_ASSERT(box_holds(&b, IN "/a.xtx", "a new one of that name"));
	/* link + unlink, interrupted: one file, two names. */
	CU_ASSERT(unlinkat(b.root, IN "/a.xtx", 0) == 0);
	CU_ASSERT(
	    linkat(b.root, "work/" ID "=a.xtx", b.root, IN "/a.xtx", 0) == 0);
	CHECK_OK(spool_recover(b.spool, &j, &copy, &place, &good, &e), &e);
	CU_ASSERT(place == SPOOL_IN_WORK && !box_has(&b, IN "/a.xtx"));
	/* Nothing anywhere. */
	CU_ASSERT(unlinkat(b.root, "work/" ID "=a.xtx", 0) == 0);
	CU_ASSERT(unlinkat(b.root, "work/" ID ".input", 0) == 0);
	CHECK_OK(spool_recover(b.spool, &j, &copy, &place, &good, &e), &e);
	CU_ASSERT(place == SPOOL_NOWHERE);
	/* The folder is not configured any more. */
	j.drop = NULL;
	box_write(&b, "work/" ID "=a.xtx", "x");
	CHECK_OK(spool_recover(b.spool, &j, &copy, &place, &good, &e), &e);
	CU_ASSERT(place == SPOOL_IN_WORK);
	box_close(&b);
}

SUITE_MAIN("spool-take", CASE(file_goes_all_the_way),
    CASE(modes_and_folders_are_as_configured), CASE(wrong_settings_are_named),
    CASE(what_changed_since_the_scan_stays),
    CASE(later_writes_do_not_reach_the_copy), CASE(folder_goes_all_the_way),
    CASE(taken_names_are_numbered), CASE(templates_place_the_output),
    CASE(delivered_once_though_fetched_at_once),
    CASE(failed_drop_has_its_reason_beside_it),
    CASE(returned_drop_is_as_before), CASE(long_and_strange_names_end_well),
    CASE(other_file_system_to_take_from), CASE(other_file_system_to_deliver_to),
    CASE(denied_drop_is_a_problem_until_it_changes),
    CASE(low_disk_is_said_before_the_claim),
    CASE(a_false_hidden_name_costs_nothing), CASE(linked_out_is_delivered_into),
    CASE(unknown_things_in_work_are_rescued),
    CASE(recovery_finds_each_drop_where_it_is))
