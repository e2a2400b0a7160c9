/*
 * What is taken and when: nothing half-written, nothing odd, everything
 * whole; by age on a local disk, by two looks on a network share.
 */
#include "spool/inside.h"
#include "spool/watch.h"
#include "tests/lib/box.h"

#include <poll.h>

static void
settled_file_is_found_at_first_sight(void)
{
	struct spool_scan scan;
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, IN "/a.xtx", "<DATA/>");
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 0 && scan.waiting == 1);
	CU_ASSERT(scan.next_ms > 0 && scan.next_ms <= 3000);
	spool_close(b.spool); /* another process, nothing remembered */
	b.spool = spool_open(&b.conf, NULL);
	box_later(&b, 3100);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 1 && scan.waiting == 0);
	CU_ASSERT(scan.problem_count == 0 && scan.next_ms == -1);
	CU_ASSERT_STRING_EQUAL(scan.found[0].path, "a.xtx");
	CU_ASSERT(!scan.found[0].folder && scan.found[0].size == 7);
	CU_ASSERT(!scan.found[0].overdue);
	CU_ASSERT(scan.found[0].changed_ms > box_now() - 60000);
	box_close(&b);
}

static void
growing_file_waits(void)
{
	struct spool_scan scan;
	struct box b;
	int fd;

	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, IN "/a.xtx", "<DATA>");
	fd = openat(b.root, IN "/a.xtx", O_WRONLY | O_APPEND | O_CLOEXEC);
	for (int i = 0; i < 5; i++) {
		/* Changed one second ago, each time we look. */
		clock_freeze(box_now() + 1000, 1000000 + i * 2000);
		scan = box_scan(&b);
		CU_ASSERT(scan.found_count == 0 && scan.waiting == 1);
		CU_ASSERT(write(fd, "x", 1) == 1);
	}
	close(fd);
	box_later(&b, 20000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 1 && scan.found[0].size == 11);
	box_close(&b);
}

static void
open_writer_is_waited_for(void)
{
	struct spool_scan scan;
	struct box b;
	int fd;

	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, IN "/a.xtx", "<DATA/>");
	fd = openat(b.root, IN "/a.xtx", O_WRONLY | O_CLOEXEC);
	box_later(&b, 60000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 0 && scan.waiting == 1);
	CU_ASSERT(scan.next_ms == 3000);
	close(fd);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 1);
	box_close(&b);
}

static void
ignored_names_are_not_seen(void)
{
	static const char *const names[] = {".hidden", "a.part", "b.TMP",
	    "~c.xtx", "Thumbs.db", "desktop.ini", "Desktop.ini", ".DS_Store",
	    "@eaDir/x.xtx", ".sub/x.xtx", "y.tmp/x.xtx"};
	struct spool_scan scan;
	char path[80];
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, IN "/%s", names[i]);
		box_write(&b, path, "<DATA/>");
	}
	box_later(&b, 700000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 0 && scan.problem_count == 0);
	CU_ASSERT(scan.waiting == 0);
	/* Renamed in: found once its new name has settled. */
	CU_ASSERT(renameat(b.root, IN "/a.part", b.root, IN "/a.xtx") == 0);
	clock_freeze(box_now() + 1000, 5000000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 0 && scan.waiting == 1);
	clock_freeze(box_now() + 4000, 5003000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 1);
	box_close(&b);
}

static void
empty_file_becomes_a_problem_in_the_end(void)
{
	const struct spool_problem *p;
	struct spool_scan scan;
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, IN "/a.xtx", "");
	box_later(&b, 60000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 0 && scan.waiting == 1);
	CU_ASSERT(scan.problem_count == 0);
	box_later(&b, 600000);
	scan = box_scan(&b);
	p = box_problem(&scan, "a.xtx");
	CU_ASSERT(p != NULL && p->fresh);
	CU_ASSERT(p != NULL && strcmp(p->code, "empty-file") == 0);
	scan = box_scan(&b);
	p = box_problem(&scan, "a.xtx");
	CU_ASSERT(p != NULL && !p->fresh);
	CU_ASSERT(scan.found_count == 0);
	box_close(&b);
}

static void
odd_things_are_named_once_and_left(void)
{
	static const struct {
		const char *path, *code;
	} want[] = {{"fifo", "not-regular"}, {"link", "not-regular"},
	    {"dirlink", "not-regular"}, {"hard1", "hard-linked"},
	    {"hard2", "hard-linked"}};
	struct spool_scan scan;
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, "secret", "x");
	box_write(&b, IN "/hard1", "x");
	CU_ASSERT(linkat(b.root, IN "/hard1", b.root, IN "/hard2", 0) == 0);
	CU_ASSERT(mkfifoat(b.root, IN "/fifo", 0644) == 0);
	CU_ASSERT(symlinkat("../../secret", b.root, IN "/link") == 0);
	CU_ASSERT(symlinkat("../..", b.root, IN "/dirlink") == 0);
	box_later(&b, 5000);
	for (int round = 0; round < 2; round++) {
		scan = box_scan(&b);
		CU_ASSERT(scan.found_count == 0 && scan.problem_count == 5);
		for (size_t i = 0; i < 5; i++) {
			const struct spool_problem *p =
			    box_problem(&scan, want[i].path);

			CU_ASSERT(p != NULL && p->fresh == (round == 0));
			CU_ASSERT(
			    p != NULL && strcmp(p->code, want[i].code) == 0);
		}
	}
	/* One of two names removed: an ordinary file again. */
	CU_ASSERT(unlinkat(b.root, IN "/hard2", 0) == 0);
	box_later(&b, 5000);
	scan = box_scan(&b);
	CU_ASSERT(box_find(&scan, "hard1") == 0);
	box_close(&b);
}

static void
unreadable_is_a_problem(void)
{
	struct spool_scan scan;
	const struct spool_problem *p;
	struct box b;
	bool root = geteuid() == 0;

	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, IN "/a.xtx", "x");
	box_write(&b, IN "/sub/b.xtx", "x");
	box_write(&b, IN "/c.xtx", "x");
	CU_ASSERT(fchmodat(b.root, IN "/a.xtx", 0, 0) == 0);
	CU_ASSERT(fchmodat(b.root, IN "/sub", 0, 0) == 0);
	CU_ASSERT(fchmodat(b.root, "in", 0755, 0) == 0);
	CU_ASSERT(fchmodat(b.root, IN, 0755, 0) == 0);
	CU_ASSERT(fchmodat(b.root, ".", 0755, 0) == 0);
	box_later(&b, 5000);
	if (root)
		CU_ASSERT(seteuid(65534) == 0);
	scan = box_scan(&b);
	if (root)
		CU_ASSERT(seteuid(0) == 0);
	CU_ASSERT(scan.found_count == 1);
	p = box_problem(&scan, "a.xtx");
	CU_ASSERT(p != NULL && strcmp(p->code, "unreadable") == 0);
	p = box_problem(&scan, "sub");
	CU_ASSERT(p != NULL && strcmp(p->code, "unreadable") == 0);
	CU_ASSERT(fchmodat(b.root, IN "/sub", 0755, 0) == 0);
	box_close(&b);
}

static void
future_times_take_two_looks(void)
{
	struct spool_scan scan;
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, IN "/a.xtx", "x");
	/* The wall clock was set back an hour. */
	clock_freeze(box_now() - 3600000, 1000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 0 && scan.waiting == 1);
	clock_freeze(box_now() - 3600000, 3900);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 0);
	clock_freeze(box_now() - 3600000, 4001);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 1);
	box_close(&b);
}

static void
network_share_takes_two_looks(void)
{
	struct spool_scan scan;
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	b.spool->network = true;
	box_write(&b, IN "/a.xtx", "x");
	box_later(&b, 86400000); /* a day old by the server's clock */
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 0 && scan.waiting == 1);
	CU_ASSERT(scan.next_ms == 10000);
	box_later(&b, 9000);
	CU_ASSERT(box_scan(&b).found_count == 0);
	box_write(&b, IN "/a.xtx", "xy"); /* seen changed: from anew */
	box_later(&b, 2000);
	CU_ASSERT(box_scan(&b).found_count == 0);
	box_later(&b, 9999);
	CU_ASSERT(box_scan(&b).found_count == 0);
	box_later(&b, 2);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 1 && scan.found[0].size == 2);
	box_close(&b);
}

static void
etax_folders_are_mirrored(void)
{
	struct spool_scan scan;
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, IN "/b.xtx", "x");
	box_write(&b, IN "/甲/乙/a.xtx", "x");
	box_write(&b, IN "/甲/kousei.xml", "x");
	box_write(&b, IN "/甲.xtx", "x");
	box_later(&b, 5000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 4);
	CU_ASSERT(box_find(&scan, "甲/乙/a.xtx") >= 0);
	CU_ASSERT(box_find(&scan, "甲/kousei.xml") >= 0);
	CU_ASSERT_STRING_EQUAL(scan.found[0].path, "b.xtx");
	box_close(&b);
}

static void
egov_takes_folders_and_zips(void)
{
	struct spool_scan scan;
	const struct spool_problem *p;
	struct box b;
	int at;

	box_open(&b, CONF_FORMAT_EGOV);
	box_write(&b, IN "/app/kousei.xml", "12345");
	box_write(&b, IN "/app/form_01.xml", "123");
	box_write(&b, IN "/app/Thumbs.db", "zzzzzzzz");
	box_write(&b, IN "/B.ZIP", "x");
	box_write(&b, IN "/magic", "PK\3\4abc");
	box_write(&b, IN "/kousei.xml", "x");
	box_later(&b, 5000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 3);
	at = box_find(&scan, "app");
	CU_ASSERT(at >= 0 && scan.found[at].folder && scan.found[at].size == 8);
	CU_ASSERT(box_find(&scan, "B.ZIP") >= 0);
	CU_ASSERT(box_find(&scan, "magic") >= 0);
	p = box_problem(&scan, "kousei.xml");
	CU_ASSERT(p != NULL && p->fresh && strcmp(p->code, "loose-file") == 0);
	scan = box_scan(&b);
	p = box_problem(&scan, "kousei.xml");
	CU_ASSERT(p != NULL && !p->fresh);
	box_close(&b);
}

static void
folder_is_taken_when_all_is_quiet(void)
{
	struct spool_scan scan;
	struct box b;

	box_open(&b, CONF_FORMAT_EGOV);
	box_write(&b, IN "/app/a.xml", "1");
	box_later(&b, 5000);
	CU_ASSERT(box_scan(&b).found_count == 1);
	/* A slow copy: the next file comes. */
	box_write(&b, IN "/app/b.xml", "2");
	clock_freeze(box_now() + 1000, 9000000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 0 && scan.waiting == 1);
	/* A partial or empty member keeps it waiting until it is overdue. */
	box_write(&b, IN "/app/c.pdf.part", "3");
	box_later(&b, 60000);
	CU_ASSERT(box_scan(&b).found_count == 0);
	CU_ASSERT(unlinkat(b.root, IN "/app/c.pdf.part", 0) == 0);
	box_write(&b, IN "/app/c.pdf", "");
	box_later(&b, 60000);
	CU_ASSERT(box_scan(&b).found_count == 0);
	box_later(&b, 600000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 1 && scan.found[0].overdue);
	box_close(&b);
}

static void
odd_member_stops_its_folder(void)
{
	const struct spool_problem *p;
	struct spool_scan scan;
	struct box b;

	box_open(&b, CONF_FORMAT_EGOV);
	box_write(&b, IN "/app/kousei.xml", "1");
	CU_ASSERT(symlinkat("/etc/passwd", b.root, IN "/app/x.pdf") == 0);
	box_later(&b, 700000);
	scan = box_scan(&b);
	p = box_problem(&scan, "app");
	CU_ASSERT(scan.found_count == 0);
	CU_ASSERT(p != NULL && strcmp(p->code, "not-regular") == 0);
	CU_ASSERT(p != NULL && strcmp(p->detail, "x.pdf") == 0);
	box_close(&b);
}

static void
auto_decides_a_quiet_folder(void)
{
	struct spool_scan scan;
	struct box b;
	int at;

	box_open(&b, CONF_FORMAT_AUTO);
	box_write(&b, IN "/one.xtx", "1");
	box_write(&b, IN "/app/form.xml", "1");
	box_write(&b, IN "/year/a.xtx", "1");
	box_write(&b, IN "/year/q/b.xtx", "1");
	box_later(&b, 5000);
	/* The file that decides comes late, and one tree is still busy. */
	box_write(&b, IN "/app/Kousei20261122.XML", "1");
	box_write(&b, IN "/year/q/c.xtx", "1");
	clock_freeze(box_now() + 1000, 9000000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 0);
	box_later(&b, 5000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 5);
	at = box_find(&scan, "app");
	CU_ASSERT(at >= 0 && scan.found[at].folder);
	at = box_find(&scan, "year/q/c.xtx");
	CU_ASSERT(at >= 0 && !scan.found[at].folder);
	CU_ASSERT(box_find(&scan, "year/a.xtx") >= 0);
	CU_ASSERT(box_find(&scan, "year/q/b.xtx") >= 0);
	CU_ASSERT(box_find(&scan, "one.xtx") >= 0);
	/* All of them wait for the youngest in their tree. */
	box_write(&b, IN "/year/q/c.xtx", "12");
	clock_freeze(box_now() + 1000, 9900000);
	scan = box_scan(&b);
	CU_ASSERT(box_find(&scan, "year/a.xtx") < 0);
	box_close(&b);
}

static void
deferred_until_changed_or_overdue(void)
{
	struct spool_scan scan;
	struct box b;

	box_open(&b, CONF_FORMAT_EGOV);
	box_write(&b, IN "/app/kousei.xml", "1");
	box_later(&b, 5000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 1 && !scan.found[0].overdue);
	spool_defer(b.spool, &scan.found[0], 0);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 0 && scan.waiting == 1);
	CU_ASSERT(scan.next_ms > 500000);
	box_write(&b, IN "/app/more.xml", "1");
	box_later(&b, 5000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 1 && !scan.found[0].overdue);
	spool_defer(b.spool, &scan.found[0], clock_mono_ms() + 20000);
	box_later(&b, 19000);
	CU_ASSERT(box_scan(&b).found_count == 0);
	box_later(&b, 1001);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 1);
	spool_defer(b.spool, &scan.found[0], 0);
	box_later(&b, 600000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 1 && scan.found[0].overdue);
	box_close(&b);
}

static void
strange_names_are_found_under_clean_ones(void)
{
	struct spool_scan scan;
	char name[300], path[320];
	struct box b;
	int at;

	box_open(&b, CONF_FORMAT_ETAX);
	box_write(&b, IN "/a\nb.xtx", "x");
	box_write(&b, IN "/\x8c\x88\x8e\x5a.xtx", "x"); /* Shift_JIS */
	box_write(&b, IN "/\u202Egnp.xtx", "x");
	memset(name, 'n', 255);
	name[255] = '\0';
	snprintf(path, sizeof path, IN "/%s", name);
	box_write(&b, path, "x");
	box_later(&b, 5000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 4 && scan.problem_count == 0);
	CU_ASSERT(box_find(&scan, "a%0Ab.xtx") >= 0);
	CU_ASSERT(box_find(&scan, "%E2%80%AEgnp.xtx") >= 0);
	CU_ASSERT(box_find(&scan, name) >= 0);
	at = box_find(&scan, "%8C%88%8EZ.xtx");
	CU_ASSERT(at >= 0);
	CU_ASSERT(at >= 0 &&
		  strcmp(scan.found[at].source, "\x8c\x88\x8e\x5a.xtx") == 0);
	box_close(&b);
}

static void
paths_without_end_are_problems(void)
{
	char path[1100] = IN;
	struct spool_scan scan;
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	for (int i = 0; i < 4; i++) {
		size_t n = strlen(path);

		memset(path + n, 'd', 201);
		path[n] = '/';
		path[n + 201] = '\0';
	}
	strncat(path, "/a.xtx", sizeof path - strlen(path) - 1);
	box_write(&b, path, "x");
	box_write(
	    &b, IN "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/a.xtx", "x");
	box_later(&b, 5000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 0 && scan.problem_count == 2);
	for (size_t i = 0; i < scan.problem_count; i++)
		CU_ASSERT(strcmp(scan.problems[i].code, "path-too-long") == 0 ||
			  strcmp(scan.problems[i].code, "too-deep") == 0);
	box_close(&b);
}

static void
missing_folder_is_said(void)
{
	struct spool_scan scan;
	struct err e = {0};
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	CU_ASSERT(unlinkat(b.root, IN, AT_REMOVEDIR) == 0);
	CHECK_CODE(
	    spool_scan(b.spool, &b.drop[0], &scan, &e), &e, "drop-unreadable");
	CU_ASSERT(e.class == ERR_TRANSIENT_IO);
	box_close(&b);
}

static void
ten_thousand_files_are_cheap(void)
{
	struct spool_scan scan;
	int64_t first, second;
	char path[60];
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	for (int i = 0; i < 10000; i++) {
		snprintf(path, sizeof path, "in/kokuzei/%05d.xtx", i);
		close(
		    openat(b.root, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	}
	box_write(&b, IN "/zzz.xtx", "x");
	clock_freeze(-1, 0);
	first = clock();
	box_scan(&b);
	first = clock() - first;
	second = clock();
	scan = box_scan(&b);
	second = clock() - second;
	printf("# 10,000 files: first scan %.1f ms of CPU, next %.1f\n",
	    (double)first / 1e3, (double)second / 1e3);
	CU_ASSERT(scan.waiting == 10001);
	for (int i = 0; i < 10000; i++) {
		snprintf(path, sizeof path, "in/kokuzei/%05d.xtx", i);
		box_write(&b, path, "x");
	}
	box_later(&b, 5000);
	scan = box_scan(&b);
	CU_ASSERT(scan.found_count == 10001);
	CU_ASSERT_STRING_EQUAL(scan.found[9999].path, "09999.xtx");
	box_close(&b);
}

static bool
woken(struct box *b)
{
	struct pollfd p = {.fd = spool_watch_fd(b->spool), .events = POLLIN};

	return poll(&p, 1, 0) == 1 && spool_watch_read(b->spool);
}

static void
watch_wakes_for_what_matters(void)
{
	struct err e = {0};
	struct box b;

	box_open(&b, CONF_FORMAT_ETAX);
	CU_ASSERT(spool_watch_fd(b.spool) == -1);
	box_write(&b, IN "/sub/old.xtx", "x");
	CHECK_OK(spool_watch_start(b.spool, &e), &e);
	box_scan(&b);
	CU_ASSERT(!woken(&b));
	box_write(&b, IN "/a.xtx", "x");
	CU_ASSERT(woken(&b));
	CU_ASSERT(!woken(&b));
	box_write(&b, IN "/sub/a.xtx", "x");
	CU_ASSERT(woken(&b));
	box_write(&b, "b", "x");
	CU_ASSERT(renameat(b.root, "b", b.root, IN "/b.xtx") == 0);
	CU_ASSERT(woken(&b));
	/* Our own taking away, and hidden names, are no news. */
	CU_ASSERT(renameat(b.root, IN "/b.xtx", b.root, "work/x") == 0);
	box_write(&b, IN "/.natsuin-1=a", "x");
	CU_ASSERT(!woken(&b));
	/* A new folder is watched from the next scan on. */
	box_write(&b, IN "/new/a.xtx", "x");
	CU_ASSERT(woken(&b));
	box_scan(&b);
	box_write(&b, IN "/new/b.xtx", "x");
	CU_ASSERT(woken(&b));
	box_close(&b);
}

static void
lost_events_are_a_reason_to_scan(void)
{
	char path[60];
	struct box b;
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
	int most = 0;

	if (f == NULL || fscanf(f, "%d", &most) != 1 || most > 40000)
		suite_skip("the event queue is too long to overflow");
	if (f != NULL)
		fclose(f);
	if (most == 0 || most > 40000)
		return;
	box_open(&b, CONF_FORMAT_ETAX);
	CU_ASSERT(spool_watch_start(b.spool, NULL) == 0);
	box_scan(&b);
	/* Only names that are no news: the overflow alone must wake us. */
	for (int i = 0; i <= most; i++) {
		snprintf(path, sizeof path, IN "/.%d", i % 50);
		close(
		    openat(b.root, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	}
	CU_ASSERT(woken(&b));
	box_close(&b);
}

SUITE_MAIN("spool-scan", CASE(settled_file_is_found_at_first_sight),
    CASE(growing_file_waits), CASE(open_writer_is_waited_for),
    CASE(ignored_names_are_not_seen),
    CASE(empty_file_becomes_a_problem_in_the_end),
    CASE(odd_things_are_named_once_and_left), CASE(unreadable_is_a_problem),
    CASE(future_times_take_two_looks), CASE(network_share_takes_two_looks),
    CASE(etax_folders_are_mirrored), CASE(egov_takes_folders_and_zips),
    CASE(folder_is_taken_when_all_is_quiet), CASE(odd_member_stops_its_folder),
    CASE(auto_decides_a_quiet_folder), CASE(deferred_until_changed_or_overdue),
    CASE(strange_names_are_found_under_clean_ones),
    CASE(paths_without_end_are_problems), CASE(missing_folder_is_said),
    CASE(ten_thousand_files_are_cheap), CASE(watch_wakes_for_what_matters),
    CASE(lost_events_are_a_reason_to_scan))
