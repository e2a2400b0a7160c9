/*
 * What was fetched and what it came to, on disk.  Files are replaced whole.
 * Nothing here trusts what it reads: answers are judged anew by an examiner,
 * and a result that does not decode is no result.
 */
#include "signer/cert/revcache.h"

#include "base/clock.h"
#include "base/fsops.h"
#include "base/text.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESULT_MAX 4096
#define RESULT_TYPE 1

int
revcache_open(int state_dir, struct err *e)
{
	if (fs_mkdir(state_dir, REVCACHE_FOLDER, 0700, e) != 0)
		return -1;
	return fs_open_dir(state_dir, REVCACHE_FOLDER, e);
}

void
revcache_name(char out[REVCACHE_NAME], const char *kind, const char *url,
    const uint8_t certificate[32])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t hash[EVP_MAX_MD_SIZE] = {0};
	char hex[65];
	bool one = strcmp(kind, "ocsp") == 0;

	if (c == NULL || EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(c, url, strlen(url) + 1) != 1 ||
	    (one && EVP_DigestUpdate(c, certificate, 32) != 1) ||
	    EVP_DigestFinal_ex(c, hash, NULL) != 1)
		memset(hash, 0, sizeof hash);
	EVP_MD_CTX_free(c);
	text_hex_fixed(hex, hash, 32);
	snprintf(out, REVCACHE_NAME, "%s.%s", hex, kind);
}

int
revcache_get(int dir, const char *name, int64_t *age_ms)
{
	struct stat st;
	int fd = -1;

	if (dir >= 0)
		fd = openat(
		    dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -1;
	}
	*age_ms = clock_wall_ms() - ((int64_t)st.st_mtim.tv_sec * 1000 +
					st.st_mtim.tv_nsec / 1000000);
	if (*age_ms < 0) /* the clock was set back */
		*age_ms = INT64_MAX;
	return fd;
}

int
revcache_put(int dir, const char *name, int fd, size_t max, struct err *e)
{
	struct buf bytes = {0};
	int rc = fs_read_all(fd, max, &bytes, e);

	if (rc == 0)
		rc = fs_replace(dir, name, buf_view(&bytes), 0600, e);
	buf_free(&bytes);
	return rc;
}

static void
result_name(char out[REVCACHE_NAME], const uint8_t certificate[32],
    enum revcache_which which)
{
	char hex[65];

	text_hex_fixed(hex, certificate, 32);
	snprintf(out, REVCACHE_NAME, "%s.%s", hex,
	    which == REVCACHE_LAST ? "last" : "allowed");
}

int
revcache_result_put(int dir, const uint8_t certificate[32],
    const struct cert_revocation *r, struct err *e)
{
	struct ipc_msg m = {0};
	char name[REVCACHE_NAME];
	int rc;

	ipc_begin(&m, RESULT_TYPE);
	cert_revocation_put(&m, r);
	result_name(name, certificate, REVCACHE_LAST);
	rc = fs_replace(dir, name, ipc_body(&m), 0600, e);
	if (rc == 0 && !cert_revocation_forbids(r)) {
		result_name(name, certificate, REVCACHE_ALLOWED);
		rc = fs_replace(dir, name, ipc_body(&m), 0600, e);
	}
	ipc_free(&m);
	return rc;
}

int
revcache_result_get(int dir, const uint8_t certificate[32],
    enum revcache_which which, struct cert_revocation *r)
{
	struct ipc_msg m = {0};
	struct buf body = {0};
	char name[REVCACHE_NAME];
	int64_t age;
	int fd, found = 0;

	result_name(name, certificate, which);
	fd = revcache_get(dir, name, &age);
	if (fd >= 0 && fs_read_all(fd, RESULT_MAX, &body, NULL) == 0 &&
	    ipc_load(&m, RESULT_TYPE, buf_view(&body)) == 0) {
		cert_revocation_get(&m, r);
		found = ipc_end(&m);
	}
	if (!found)
		cert_revocation_none(r, "not-asked");
	if (fd >= 0)
		close(fd);
	ipc_free(&m);
	buf_free(&body);
	return found;
}
