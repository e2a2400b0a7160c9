/* ZIP: what is read, what is refused, and that writing is reproducible. */
#include "base/fsops.h"
#include "base/log.h"
#include "signer/exam/zip.h"
#include "signer/exam/zip_name.h"
#include "tests/lib/rawzip.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct zipin_limits wide = {64 * 1024 * 1024, 100};

/* Reads an archive of these entries; 0 / -1 with *e. */
static int
read_entries(const struct rawzip_entry *entries, size_t count,
    const struct zipin_limits *limits, struct zipin *z, struct err *e)
{
	struct buf b = {0};
	int fd, r;

	rawzip_write(&b, entries, count);
	fd = rawzip_fd(buf_view(&b));
	CU_ASSERT(zipin_recognise(fd));
	memset(e, 0, sizeof *e);
	r = zipin_read(fd, limits, z, e);
	close(fd);
	buf_free(&b);
	return r;
}

/* The archive of this one entry is refused with this code. */
static void
refused(const struct rawzip_entry *entry, const char *code)
{
	struct zipin z;
	struct err e;

	CHECK_CODE(read_entries(entry, 1, &wide, &z, &e), &e, code);
	CU_ASSERT_EQUAL(e.class, ERR_INPUT);
	CU_ASSERT_EQUAL(z.count, 0);
	zipin_free(&z);
}

static void
member_is(const struct zipin *z, size_t i, const char *name, const char *text)
{
	struct buf b = {0};
	struct err e;
	int fd;

	CU_ASSERT_FATAL(i < z->count);
	CU_ASSERT_STRING_EQUAL(z->members[i].name, name);
	fd = zipin_member_fd(z, i, &e);
	CU_ASSERT_FATAL(fd >= 0);
	CHECK_OK(fs_read_all(fd, 1 << 20, &b, &e), &e);
	CU_ASSERT(slice_eq_str(buf_view(&b), text));
	buf_free(&b);
	close(fd);
}

static void
members_are_read_in_order(void)
{
	const struct rawzip_entry entries[] = {
	    {.name = "a/", .mode = S_IFDIR | 0755},
	    {.name = "a/kousei.xml", .data = "<x/>", .size = 4},
	    {.name = "a/long",
		.data = "aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		.size = 28,
		.deflate = true},
	    {.name = "b.txt",
		.data = "last",
		.size = 4,
		.deflate = true,
		.flags = RAWZIP_DESCRIPTOR,
		.mode = S_IFREG | 0600},
	    {.name = "empty", .data = "", .size = 0}};
	struct zipin z;
	struct err e;

	CHECK_OK(read_entries(entries, 5, &wide, &z, &e), &e);
	CU_ASSERT_EQUAL_FATAL(z.count, 4);
	member_is(&z, 0, "a/kousei.xml", "<x/>");
	member_is(&z, 1, "a/long", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	member_is(&z, 2, "b.txt", "last");
	member_is(&z, 3, "empty", "");
	zipin_free(&z);
}

static void
names_are_decoded(void)
{
	const struct rawzip_entry entries[] = {
	    {.name = "\xE6\xB7\xBB\xE4\xBB\x98.pdf", .flags = RAWZIP_UTF8},
	    {.name = "\xE6\xB7\xBB\xE4\xBB\x98\xE7\x89\xA9.pdf"},
	    /* CP932: a full-width tilde, a circled one, an IBM kanji */
	    {.name = "\x93\x59\x95\x74\x81\x60\x87\x40\xFB\xFC.pdf"},
	    {.name = "\x83\x5C\x83\x74\x83\x67.txt"}}; /* a trail byte 5C */
	struct zipin z;
	struct err e;

	CHECK_OK(read_entries(entries, 4, &wide, &z, &e), &e);
	CU_ASSERT_EQUAL_FATAL(z.count, 4);
	CU_ASSERT_STRING_EQUAL(z.members[0].name, "添付.pdf");
	CU_ASSERT_STRING_EQUAL(z.members[1].name, "添付物.pdf");
	CU_ASSERT_STRING_EQUAL(z.members[2].name, "添付～①髙.pdf");
	CU_ASSERT_STRING_EQUAL(z.members[3].name, "ソフト.txt");
	zipin_free(&z);
}

static void
undecodable_names_are_refused(void)
{
	refused(&(struct rawzip_entry){.name = "\xFF\xFE.txt"},
	    "zip-name-encoding");
	refused(
	    &(struct rawzip_entry){.name = "\x93.txt"}, "zip-name-encoding");
	/* flagged as UTF-8 and none: libzip itself calls it inconsistent */
	refused(
	    &(struct rawzip_entry){.name = "\x93\x59", .flags = RAWZIP_UTF8},
	    "zip-damaged");
}

static void
unsafe_names_are_refused(void)
{
	static const char *const names[] = {"/etc/passwd", "../x", "a/../x",
	    "a/./x", "a//x", "a\\x", "..\\x", "C:x", "a/..", "a/\x1b[2Jx", ".",
	    "a\x7f", "a\xC2\x85", "/"};
	char long_name[ZIP_NAME_MAX + 2];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		refused(&(struct rawzip_entry){.name = names[i]},
		    "zip-name-unsafe");
	memset(long_name, 'n', ZIP_NAME_MAX);
	long_name[ZIP_NAME_MAX] = '\0';
	refused(&(struct rawzip_entry){.name = long_name}, "name-too-long");
}

static void
tricks_are_refused(void)
{
	refused(
	    &(struct rawzip_entry){
		.name = "l", .data = "/etc", .size = 4, .mode = S_IFLNK | 0777},
	    "zip-special-file");
	refused(&(struct rawzip_entry){.name = "p", .mode = S_IFIFO | 0600},
	    "zip-special-file");
	refused(&(struct rawzip_entry){.name = "e",
		    .data = "twelve bytes",
		    .size = 12,
		    .flags = RAWZIP_ENCRYPTED},
	    "zip-encrypted");
	refused(
	    &(struct rawzip_entry){
		.name = "z", .data = "x", .size = 1, .method = 14},
	    "zip-compression");
	refused(
	    &(struct rawzip_entry){
		.name = "c", .data = "x", .size = 1, .wrong_crc = 1},
	    "zip-damaged");
	refused(&(struct rawzip_entry){.name = "d/", .data = "x", .size = 1},
	    "zip-damaged");
}

static void
the_central_directory_counts(void)
{
	const struct rawzip_entry entry = {
	    .name = "local", .data = "x", .size = 1, .central_name = "centr"};
	struct zipin z;
	struct err e;

	CHECK_OK(read_entries(&entry, 1, &wide, &z, &e), &e);
	member_is(&z, 0, "centr", "x");
	zipin_free(&z);
}

static void
sizes_that_lie_are_refused(void)
{
	char data[5000] = {0};

	refused(&(struct rawzip_entry){.name = "more",
		    .data = data,
		    .size = sizeof data,
		    .deflate = true,
		    .claimed_size = 10},
	    "zip-damaged");
	refused(&(struct rawzip_entry){.name = "less",
		    .data = data,
		    .size = sizeof data,
		    .deflate = true,
		    .claimed_size = 9999},
	    "zip-damaged");
}

static void
bombs_are_refused(void)
{
	size_t size = 8 * 1024 * 1024;
	uint8_t *zeros = calloc(1, size);
	const struct zipin_limits small = {1000, 3};
	struct rawzip_entry entries[4] = {
	    {.name = "a", .data = zeros, .size = 600},
	    {.name = "b", .data = zeros, .size = 401}, {.name = "c"},
	    {.name = "d"}};
	struct zipin z;
	struct err e;

	CU_ASSERT_FATAL(zeros != NULL);
	refused(
	    &(struct rawzip_entry){
		.name = "bomb", .data = zeros, .size = size, .deflate = true},
	    "zip-ratio");
	CHECK_CODE(
	    read_entries(entries, 2, &small, &z, &e), &e, "zip-too-large");
	entries[1].size = 400;
	CHECK_OK(read_entries(entries, 3, &small, &z, &e), &e);
	zipin_free(&z);
	CHECK_CODE(read_entries(entries, 4, &small, &z, &e), &e,
	    "zip-too-many-members");
	free(zeros);
}

static void
duplicate_names_are_refused(void)
{
	const struct rawzip_entry entries[] = {
	    {.name = "a/x"}, {.name = "a/y"}, {.name = "a/x"}};
	struct zipin z;
	struct err e;

	CHECK_CODE(
	    read_entries(entries, 3, &wide, &z, &e), &e, "zip-duplicate-name");
	/* The same name once in each encoding. */
	const struct rawzip_entry mixed[] = {{.name = "\x93\x59.pdf"},
	    {.name = "\xE6\xB7\xBB.pdf", .flags = RAWZIP_UTF8}};
	CHECK_CODE(
	    read_entries(mixed, 2, &wide, &z, &e), &e, "zip-duplicate-name");
}

static void
damaged_archives_are_refused(void)
{
	const struct rawzip_entry entry = {
	    .name = "a", .data = "content", .size = 7, .deflate = true};
	struct buf b = {0};
	struct zipin z;
	struct err e = {0};

	rawzip_write(&b, &entry, 1);
	for (size_t n = 4; n < b.len; n++) {
		int fd = rawzip_fd(slice_of(b.p, n));

		CHECK_CODE(zipin_read(fd, &wide, &z, &e), &e, "zip-damaged");
		close(fd);
	}
	buf_free(&b);
}

/* Any bytes give an answer, and never one that blames the machine. */
static void
changed_bytes_never_confuse(void)
{
	const struct rawzip_entry entries[] = {{.name = "a/kousei.xml",
						   .data = "<x>text</x>",
						   .size = 11,
						   .deflate = true},
	    {.name = "a/\x93\x59.pdf",
		.data = "%PDF",
		.size = 4,
		.flags = RAWZIP_DESCRIPTOR}};
	unsigned seed = 20261122, accepted = 0;
	struct buf b = {0};

	rawzip_write(&b, entries, 2);
	for (int round = 0; round < 4000; round++) {
		struct zipin z;
		struct err e = {0};
		uint8_t *at = b.p + (unsigned)rand_r(&seed) % b.len;
		uint8_t old = *at;
		int fd, r;

		*at = (uint8_t)rand_r(&seed);
		fd = rawzip_fd(buf_view(&b));
		r = zipin_read(fd, &wide, &z, &e);
		accepted += r == 0;
		if (r != 0 && e.class != ERR_INPUT) {
			suite_print_err(__FILE__, round, &e);
			CU_FAIL("seed 20261122");
		}
		zipin_free(&z);
		close(fd);
		*at = old;
	}
	CU_ASSERT(accepted > 0 && accepted < 4000);
	buf_free(&b);
}

static void
names_compare_after_normalisation(void)
{
	struct buf b = {0};
	struct err e;

	CU_ASSERT(zip_name_same("a", "a"));
	CU_ASSERT(!zip_name_same("a", "A"));
	CU_ASSERT(zip_name_same("ガ.pdf", "ガ.pdf")); /* ka + mark */
	CU_ASSERT(!zip_name_same("カ.pdf", "ガ.pdf"));
	CHECK_OK(zip_name_nfc("ガ.pdf", &b, &e), &e);
	CU_ASSERT_STRING_EQUAL((char *)b.p, "ガ.pdf");
	buf_free(&b);
}

static int
write_archive(const char *name, int64_t when_ms)
{
	int dir = suite_dir();
	const struct zip_piece one[] = {
	    {.fd = -1, .size = 5, .bytes = (const uint8_t *)"first"}};
	struct zip_piece three[] = {{.fd = -1, .offset = 2, .size = 4},
	    {.fd = -1, .size = 3, .bytes = (const uint8_t *)"-+-"},
	    {.fd = -1, .offset = 6, .size = 4}};
	int file = rawzip_fd(slice_str("0123456789"));
	struct zipout *z;
	struct err e;
	int fd;

	fs_unlink(dir, name, &e);
	fd = fs_create(dir, name, 0600, &e);
	CU_ASSERT_FATAL(fd >= 0);
	three[0].fd = file;
	three[2].fd = file;
	z = zipout_open(fd, when_ms, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(z);
	CHECK_OK(zipout_add(z, "f/kousei.xml", one, 1, &e), &e);
	CHECK_OK(zipout_add(z, "f/添付.txt", three, 3, &e), &e);
	CHECK_OK(zipout_add(z, "f/empty", NULL, 0, &e), &e);
	CHECK_OK(zipout_close(z, &e), &e);
	close(file);
	close(dir);
	return fd;
}

static void
read_whole(int fd, struct buf *b)
{
	struct err e;

	CHECK_OK(fs_read_all(fd, 1 << 20, b, &e), &e);
	close(fd);
}

/* 2026-11-22 18:30:07.5 in Japan */
#define WHEN INT64_C(1795339807500)

static void
writing_is_reproducible(void)
{
	struct buf a = {0}, b = {0}, c = {0};

	setenv("TZ", "America/New_York", 1);
	read_whole(write_archive("a.zip", WHEN), &a);
	setenv("TZ", "Asia/Tokyo", 1);
	read_whole(write_archive("b.zip", WHEN), &b);
	read_whole(write_archive("c.zip", WHEN + 2000), &c);
	CU_ASSERT(slice_eq(buf_view(&a), buf_view(&b)));
	CU_ASSERT(!slice_eq(buf_view(&a), buf_view(&c)));
	buf_free(&a);
	buf_free(&b);
	buf_free(&c);
}

static unsigned
at16(const struct buf *b, size_t at)
{
	return b->p[at] | (unsigned)b->p[at + 1] << 8;
}

static void
headers_are_plain(void)
{
	struct buf b = {0};

	read_whole(write_archive("h.zip", WHEN), &b);
	CU_ASSERT_FATAL(b.len > 80);
	/* local header of f/kousei.xml: no flag, deflated, 18:30:06 */
	CU_ASSERT_EQUAL(at16(&b, 6) & ~6U, 0);
	CU_ASSERT_EQUAL(at16(&b, 8), 8);
	CU_ASSERT_EQUAL(at16(&b, 10), 18 << 11 | 30 << 5 | 3);
	CU_ASSERT_EQUAL(at16(&b, 12), (2026 - 1980) << 9 | 11 << 5 | 22);
	CU_ASSERT_EQUAL(at16(&b, 22), 5); /* size is in the header */
	CU_ASSERT_EQUAL(at16(&b, 28), 0); /* no extra field */
	/* the next one has bit 11 */
	size_t next = 30 + at16(&b, 26) + at16(&b, 18);
	CU_ASSERT_EQUAL(at16(&b, next), 0x4B50);
	CU_ASSERT_EQUAL(at16(&b, next + 6) & ~6U, 0x0800);
	buf_free(&b);
}

static void
what_is_written_is_read_back(void)
{
	int fd = write_archive("r.zip", 0);
	struct zipin z;
	struct err e;

	CHECK_OK(zipin_read(fd, &wide, &z, &e), &e);
	CU_ASSERT_EQUAL_FATAL(z.count, 3);
	member_is(&z, 0, "f/kousei.xml", "first");
	member_is(&z, 1, "f/添付.txt", "2345-+-6789");
	member_is(&z, 2, "f/empty", "");
	zipin_free(&z);
	close(fd);
}

static void
other_programs_agree(void)
{
	char command[400];

	close(write_archive("o.zip", WHEN));
	snprintf(command, sizeof command,
	    "cd %s && unzip -tqq o.zip && "
	    "zipinfo -T o.zip | grep -q '20261122.183006 f/kousei.xml' && "
	    "test \"$(unzip -p o.zip f/添付.txt)\" = 2345-+-6789",
	    suite_dir_path());
	CU_ASSERT_EQUAL(system(command), 0);
	snprintf(command, sizeof command,
	    "cd %s && python3 -c \"import zipfile; "
	    "z = zipfile.ZipFile('o.zip'); assert z.testzip() is None; "
	    "assert z.namelist() == ['f/kousei.xml', 'f/添付.txt', 'f/empty']; "
	    "assert z.read('f/添付.txt') == b'2345-+-6789'\"",
	    suite_dir_path());
	CU_ASSERT_EQUAL(system(command), 0);
}

static void
archives_of_other_programs_are_read(void)
{
	char command[400];
	struct zipin z;
	struct err e = {0};
	int dir = suite_dir(), fd;

	snprintf(command, sizeof command,
	    "cd %s && mkdir -p p && echo one >p/kousei.xml && "
	    "echo two >p/添付.txt && zip -qr info.zip p && "
	    "zip -qr - p | cat >stream.zip && "
	    "python3 -m zipfile -c py.zip p",
	    suite_dir_path());
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
	for (const char *const *name = (const char *const[]){"info.zip",
		 "stream.zip", "py.zip", NULL};
	     *name != NULL; name++) {
		fd = openat(dir, *name, O_RDONLY);
		CHECK_OK(zipin_read(fd, &wide, &z, &e), &e);
		CU_ASSERT_EQUAL(z.count, 2);
		zipin_free(&z);
		close(fd);
	}
	close(dir);
}

static void
a_full_disk_is_said(void)
{
	const struct zip_piece one = {
	    .fd = -1, .size = 5, .bytes = (const uint8_t *)"first"};
	int fd = open("/dev/full", O_RDWR);
	struct zipout *z;
	struct err e = {0};

	CU_ASSERT_FATAL(fd >= 0);
	z = zipout_open(fd, WHEN, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(z);
	CHECK_OK(zipout_add(z, "a", &one, 1, &e), &e);
	CHECK_CODE(zipout_close(z, &e), &e, "io-error");
	CU_ASSERT_EQUAL(e.class, ERR_FATAL_IO);
	close(fd);
}

static void
a_shrunk_file_is_noticed(void)
{
	int file = rawzip_fd(slice_str("0123456789"));
	const struct zip_piece piece = {.fd = file, .size = 11};
	int out = rawzip_fd(slice_str(""));
	struct err e = {0};
	struct zipout *z = zipout_open(out, WHEN, &e);

	CU_ASSERT_PTR_NOT_NULL_FATAL(z);
	CHECK_OK(zipout_add(z, "a", &piece, 1, &e), &e);
	CHECK_CODE(zipout_close(z, &e), &e, "io-error");
	CU_ASSERT_EQUAL(e.class, ERR_TRANSIENT_IO);
	close(file);
	close(out);
}

static void
samples_are_read(void)
{
	const char *path =
	    suite_sample("samples/egov/kiji/signed/bulk_apply_for_api.zip");
	struct zipin z;
	struct err e;
	int fd;

	if (path == NULL) {
		suite_skip("no samples");
		return;
	}
	fd = open(path, O_RDONLY);
	CHECK_OK(zipin_read(fd, &wide, &z, &e), &e);
	CU_ASSERT_EQUAL(z.count, 3);
	zipin_free(&z);
	close(fd);
}

SUITE_MAIN("zip", CASE(members_are_read_in_order), CASE(names_are_decoded),
    CASE(undecodable_names_are_refused), CASE(unsafe_names_are_refused),
    CASE(tricks_are_refused), CASE(the_central_directory_counts),
    CASE(sizes_that_lie_are_refused), CASE(bombs_are_refused),
    CASE(duplicate_names_are_refused), CASE(damaged_archives_are_refused),
    CASE(changed_bytes_never_confuse), CASE(names_compare_after_normalisation),
    CASE(writing_is_reproducible), CASE(headers_are_plain),
    CASE(what_is_written_is_read_back), CASE(other_programs_agree),
    CASE(archives_of_other_programs_are_read), CASE(a_full_disk_is_said),
    CASE(a_shrunk_file_is_noticed), CASE(samples_are_read))
