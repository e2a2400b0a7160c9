/*
 * The only file that calls libcurl, which is loaded when something is to be
 * fetched: no other process of natsuin, least of all the keyholder, has it
 * and its thirty libraries (TLS, Kerberos, LDAP, SSH) in its memory, or waits
 * for them when it starts.  Every address, the first one and each redirect,
 * is looked at before anything is sent: scheme, no user name, host and port
 * allowed.  Nothing is taken from the environment, nothing is remembered, and
 * no more is written than was allowed.
 */
#include "signer/cert/fetch.h"

#include "base/clock.h"
#include "base/fsops.h"
#include "base/log.h"

#define CURL_DISABLE_TYPECHECK /* its checks name the functions */
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIBCURL "libcurl.so.4"

/* What is used of it. */
static struct {
	__typeof__(curl_easy_cleanup) *easy_cleanup;
	__typeof__(curl_easy_getinfo) *easy_getinfo;
	__typeof__(curl_easy_init) *easy_init;
	__typeof__(curl_easy_perform) *easy_perform;
	__typeof__(curl_easy_reset) *easy_reset;
	__typeof__(curl_easy_setopt) *easy_setopt;
	__typeof__(curl_easy_strerror) *easy_strerror;
	__typeof__(curl_free) *free;
	__typeof__(curl_global_init) *global_init;
	__typeof__(curl_slist_append) *slist_append;
	__typeof__(curl_slist_free_all) *slist_free_all;
	__typeof__(curl_url) *url;
	__typeof__(curl_url_cleanup) *url_cleanup;
	__typeof__(curl_url_get) *url_get;
	__typeof__(curl_url_set) *url_set;
} curl;

static const struct {
	const char *name;
	void *at;
} functions[] = {
    {"curl_easy_cleanup", &curl.easy_cleanup},
    {"curl_easy_getinfo", &curl.easy_getinfo},
    {"curl_easy_init", &curl.easy_init},
    {"curl_easy_perform", &curl.easy_perform},
    {"curl_easy_reset", &curl.easy_reset},
    {"curl_easy_setopt", &curl.easy_setopt},
    {"curl_easy_strerror", &curl.easy_strerror},
    {"curl_free", &curl.free},
    {"curl_global_init", &curl.global_init},
    {"curl_slist_append", &curl.slist_append},
    {"curl_slist_free_all", &curl.slist_free_all},
    {"curl_url", &curl.url},
    {"curl_url_cleanup", &curl.url_cleanup},
    {"curl_url_get", &curl.url_get},
    {"curl_url_set", &curl.url_set},
};

struct work {
	const struct fetch_order *order;
	struct fetch_result *result;
	CURL *curl;
	uint64_t size;
	bool too_big;
	int64_t deadline_ms;
};

static void
refuse(struct fetch_result *r, const char *why, const char *detail)
{
	snprintf(r->why, sizeof r->why, "%s", why);
	snprintf(r->detail, sizeof r->detail, "%s", detail);
}

struct address {
	char *scheme, *host, *port, *user, *password;
};

static void
address_free(struct address *a)
{
	curl.free(a->scheme);
	curl.free(a->host);
	curl.free(a->port);
	curl.free(a->user);
	curl.free(a->password);
}

static bool
address_read(const char *url, struct address *a)
{
	CURLU *u = curl.url();
	bool ok =
	    u != NULL && curl.url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl.url_get(u, CURLUPART_SCHEME, &a->scheme, 0) == CURLUE_OK &&
	    curl.url_get(u, CURLUPART_HOST, &a->host, 0) == CURLUE_OK &&
	    curl.url_get(u, CURLUPART_PORT, &a->port, CURLU_DEFAULT_PORT) ==
		CURLUE_OK;

	if (ok) {
		curl.url_get(u, CURLUPART_USER, &a->user, 0);
		curl.url_get(u, CURLUPART_PASSWORD, &a->password, 0);
	}
	curl.url_cleanup(u);
	return ok;
}

/* The usual port of a scheme that may be used; NULL for others. */
static const char *
usual_port(const char *scheme)
{
	static const char *const ports[][2] = {
	    {"http", "80"}, {"https", "443"}, {"ldap", "389"}};

	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
		if (strcmp(ports[i][0], scheme) == 0)
			return ports[i][1];
	return NULL;
}

static bool
host_allowed(const struct fetch_order *o, const struct address *a)
{
	bool usual = strcmp(a->port, usual_port(a->scheme)) == 0;
	char with_port[300];

	snprintf(with_port, sizeof with_port, "%s:%s", a->host, a->port);
	for (size_t i = 0; i < o->host_count; i++)
		if ((usual && strcasecmp(o->hosts[i], a->host) == 0) ||
		    strcasecmp(o->hosts[i], with_port) == 0)
			return true;
	return false;
}

static bool
may_go(const struct fetch_order *o, const char *url, struct fetch_result *r)
{
	struct address a = {0};
	bool ok = false;

	if (!address_read(url, &a) || usual_port(a.scheme) == NULL ||
	    a.user != NULL || a.password != NULL)
		refuse(r, "url-refused", url);
	else if (!host_allowed(o, &a))
		refuse(r, "host-not-allowed", url);
	else
		ok = true;
	address_free(&a);
	return ok;
}

static size_t
on_body(char *p, size_t one, size_t n, void *ctx)
{
	struct work *w = ctx;
	struct err e = {0};
	long status = 0;

	/* What comes with a redirect or a refusal is for browsers. */
	curl.easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 300)
		return n;
	w->too_big = n > (uint64_t)w->order->max - w->size;
	if (w->too_big ||
	    fs_write(w->order->out, slice_of(p, one * n), &e) != 0)
		return 0;
	w->size += n;
	return n;
}

static void
only_these_schemes(CURL *c)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl.easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https,ldap");
#else
	curl.easy_setopt(c, CURLOPT_PROTOCOLS,
	    CURLPROTO_HTTP | CURLPROTO_HTTPS | CURLPROTO_LDAP);
#endif
}

/* What https servers are known by. */
static void
set_trust(CURL *c, const struct fetch_order *o)
{
	struct curl_blob blob = {.len = o->ca.len, .flags = CURL_BLOB_COPY};
	uint8_t *copy;

	if (o->ca.len == 0)
		return;
	curl.easy_setopt(c, CURLOPT_CAINFO, NULL);
	curl.easy_setopt(c, CURLOPT_CAPATH, NULL);
	copy = malloc(o->ca.len);
	if (copy == NULL)
		return; /* nobody is trusted */
	memcpy(copy, o->ca.p, o->ca.len);
	blob.data = copy;
	curl.easy_setopt(c, CURLOPT_CAINFO_BLOB, &blob);
	free(copy);
}

static void
set_options(struct work *w, const char *url, struct curl_slist *headers)
{
	const struct fetch_order *o = w->order;
	CURL *c = w->curl;

	curl.easy_reset(c);
	only_these_schemes(c);
	curl.easy_setopt(c, CURLOPT_URL, url);
	curl.easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl.easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl.easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl.easy_setopt(c, CURLOPT_PROXY, o->proxy);
	curl.easy_setopt(c, CURLOPT_NOPROXY, "");
	curl.easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
	curl.easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
	curl.easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_ms);
	curl.easy_setopt(
	    c, CURLOPT_TIMEOUT_MS, (long)(w->deadline_ms - clock_mono_ms()));
	curl.easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)o->max);
	curl.easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl.easy_setopt(c, CURLOPT_WRITEDATA, w);
	curl.easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	set_trust(c, o);
	if (o->post.len == 0)
		return;
	curl.easy_setopt(c, CURLOPT_POST, 1L);
	curl.easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)o->post.len);
	curl.easy_setopt(c, CURLOPT_POSTFIELDS, o->post.p);
}

static const char *
failure(const struct work *w, CURLcode code)
{
	if (w->too_big || code == CURLE_FILESIZE_EXCEEDED)
		return "too-big";
	if (code == CURLE_OPERATION_TIMEDOUT)
		return "timeout";
	if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
		return "unreachable";
	if (code == CURLE_PEER_FAILED_VERIFICATION ||
	    code == CURLE_SSL_CACERT_BADFILE)
		return "tls-untrusted";
	return "fetch-failed";
}

/* One address.  True with *next set (owned by curl) for a redirect. */
static bool
one_hop(struct work *w, const char *url, struct curl_slist *headers,
    const char **next)
{
	long status = 0;
	CURLcode code;
	char text[40];

	set_options(w, url, headers);
	code = curl.easy_perform(w->curl);
	if (code != CURLE_OK) {
		refuse(w->result, failure(w, code), curl.easy_strerror(code));
		return false;
	}
	*next = NULL;
	curl.easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
	curl.easy_getinfo(w->curl, CURLINFO_REDIRECT_URL, next);
	if (*next != NULL)
		return true;
	/* An LDAP entry has no status. */
	if (strncasecmp(url, "ldap:", 5) != 0 && status != 200) {
		snprintf(text, sizeof text, "HTTP %ld", status);
		refuse(w->result, "http-status", text);
	}
	return false;
}

static void
follow(struct work *w, struct curl_slist *headers)
{
	char *url = strdup(w->order->url);
	const char *next = NULL;
	int hops = 0;

	while (url != NULL && may_go(w->order, url, w->result)) {
		if (hops++ == FETCH_HOPS) {
			refuse(w->result, "fetch-failed", "redirects");
			break;
		}
		if (clock_mono_ms() >= w->deadline_ms) {
			refuse(w->result, "timeout", "redirects");
			break;
		}
		if (!one_hop(w, url, headers, &next))
			break;
		free(url);
		url = strdup(next);
	}
	if (url == NULL)
		refuse(w->result, "fetch-failed", "memory");
	free(url);
}

int
fetch_load(struct fetch_result *r)
{
	void *library = dlopen(LIBCURL, RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		void *f =
		    library == NULL ? NULL : dlsym(library, functions[i].name);

		if (f == NULL) {
			refuse(r, "library-missing", dlerror());
			return -1;
		}
		memcpy(functions[i].at, &f, sizeof f);
	}
	return 0;
}

void
fetch_url(const struct fetch_order *o, struct fetch_result *r)
{
	struct work w = {.order = o,
	    .result = r,
	    .deadline_ms = clock_mono_ms() + o->total_ms};
	struct curl_slist *headers = NULL;

	memset(r, 0, sizeof *r);
	if (o->post.len > 0)
		headers = curl.slist_append(
		    NULL, "Content-Type: application/ocsp-request");
	if (curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		w.curl = curl.easy_init();
	if (w.curl == NULL || (o->post.len > 0 && headers == NULL))
		refuse(r, "fetch-failed", "libcurl");
	else
		follow(&w, headers);
	r->size = w.size;
	curl.slist_free_all(headers);
	curl.easy_cleanup(w.curl);
}
