/* A spool of its own for each case, and hands to put things into it. */
#ifndef TESTS_LIB_BOX_H
#define TESTS_LIB_BOX_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/fsops.h"
#include "conf/conf.h"
#include "spool/claim.h"
#include "spool/publish.h"
#include "spool/recover.h"
#include "spool/scan.h"
#include "spool/spool.h"
#include "tests/lib/suite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define IN "in/kokuzei"

struct box {
	char path[96];
	int root; /* descriptor of the spool's root */
	struct conf conf;
	struct conf_drop drop[2];
	struct spool *spool;
	int64_t ahead_ms; /* how far our clocks are */
};

int64_t box_now(void);
/* Lets time pass for the program: both clocks, without waiting. */
void box_later(struct box *b, int64_t ms);
void box_open(struct box *b, enum conf_format format);
void box_close(struct box *b);
/* Makes or overwrites a file below the root, and its folders. */
void box_write(struct box *b, const char *path, const char *text);
bool box_has(struct box *b, const char *path);
/* True when the file is there and holds exactly this text. */
bool box_holds(struct box *b, const char *path, const char *text);
/* The same below an open folder, so many folders deep. */
int box_count_in(int dir, int depth);
/* Files (not folders) anywhere below the path, hidden ones too. */
int box_count(struct box *b, const char *path);
struct spool_scan box_scan(struct box *b);
/* Index of a found drop by its clean path, or -1. */
int box_find(const struct spool_scan *scan, const char *path);
const struct spool_problem *box_problem(
    const struct spool_scan *scan, const char *path);

#endif
