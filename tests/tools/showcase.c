/*
 * A report that shows everything an office can meet about certificates, for
 * looking at it (scripts/report-screenshot).  Nothing in it is real.
 *   showcase ja|en >report.html
 */
#include "base/fsops.h"
#include "base/i18n.h"
#include "signer/report/report.h"
#include "signer/report/words.h"
#include "tests/lib/catalogue.h"
#include "tests/lib/sample_report.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS (24 * 60 * 60 * (int64_t)1000)
#define NOW SAMPLE_STARTED_MS

struct shown {
	const char *name, *holder;
	int days; /* of the certificate */
	const char *codes[3][2];
};

static const struct shown keys[] = {
    {"tanaka", "田中 太郎", 5,
	{{"certificate-expires-7", "valid until 2026-11-27 23:59:59 JST"},
	    {"certificate-ends-before-due",
		"valid until 2026-11-27 23:59:59 JST; due date of kokuzei: "
		"2026-12-10"},
	    {"certificate-jpki-ends", NULL}}},
    {"suzuki", "鈴木 次郎", 25,
	{{"certificate-expires-30", "valid until 2026-12-17 23:59:59 JST"}}},
    {"sato", "佐藤 花子", 50,
	{{"certificate-expires-60", "valid until 2027-01-11 23:59:59 JST"}}},
    {"kato", "加藤 誠", 85,
	{{"certificate-expires-90", "valid until 2027-02-15 23:59:59 JST"}}},
    {"honten", "株式会社朝日工務店", 700,
	{{"certificate-changed", "serial number 4a5b6c7d"}}},
    {"ito", "伊藤 恵", 1500,
	{{"certificate-first-use", "serial number 0a1b2c3d"}}},
};

static void
add_key(struct report *r, const struct shown *s)
{
	struct report_key *k = report_add_key(r);

	report_text(r, &k->name, s->name);
	report_text(r, &k->holder, s->holder);
	report_text(r, &k->serial, "00e45f7712");
	report_text(r, &k->where, "Sony FeliCa Port/PaSoRi 4.0 00 00");
	k->not_after_ms = NOW + s->days * DAY_MS;
	k->tries_left = 5;
	k->signatures = 3;
	for (size_t i = 0; i < 3 && s->codes[i][0] != NULL; i++)
		report_warn(r, &k->warnings, &k->warning_count, s->codes[i][0],
		    s->codes[i][1]);
}

/* Results of revocation as the batch puts them into a filing. */
static const struct {
	enum report_result result;
	const char *reason, *detail;
	struct cert_revocation r;
} filings[] = {
    {REPORT_HELD, "certificate-revoked",
	"invalid since 2026-11-20 10:00:00 JST, the key may be in other hands; "
	"as of 2026-11-21 18:00:00 JST; asked at http://crl.example.jp/ca.crl",
	{.state = REVOCATION_REVOKED,
	    .kind = "crl",
	    .source = "http://crl.example.jp/ca.crl",
	    .reason = "keyCompromise",
	    .checked_ms = NOW,
	    .produced_ms = NOW - DAY_MS,
	    .revoked_ms = NOW - 2 * DAY_MS}},
    {REPORT_HELD, "certificate-revoked-ocsp",
	"invalid since 2026-11-20 10:00:00 JST, replaced by a new certificate; "
	"as of 2026-11-22 18:00:00 JST; asked at http://ocsp.example.jp/",
	{.state = REVOCATION_REVOKED,
	    .kind = "ocsp",
	    .source = "http://ocsp.example.jp/",
	    .reason = "superseded",
	    .checked_ms = NOW,
	    .produced_ms = NOW,
	    .revoked_ms = NOW - 2 * DAY_MS}},
    {REPORT_HELD, "certificate-suspended",
	"invalid since 2026-11-21 09:00:00 JST; as of 2026-11-22 18:00:00 JST; "
	"asked at "
	"http://ocsp.example.jp/",
	{.state = REVOCATION_SUSPENDED,
	    .kind = "ocsp",
	    .source = "http://ocsp.example.jp/",
	    .checked_ms = NOW,
	    .produced_ms = NOW,
	    .revoked_ms = NOW - DAY_MS}},
    {REPORT_HELD, "revocation-timeout",
	"revocation = require; asked at http://ocsp.example.jp/",
	{.state = REVOCATION_NOT_CHECKED,
	    .why = "timeout",
	    .kind = "ocsp",
	    .source = "http://ocsp.example.jp/",
	    .checked_ms = NOW}},
    {REPORT_HELD, "signer-mismatch", "tanaka: 田中 太郎 / 鈴木 次郎", {0}},
    {REPORT_PUBLISHED, NULL, NULL,
	{.state = REVOCATION_GOOD,
	    .kind = "ocsp",
	    .source = "http://ocsp.example.jp/",
	    .checked_ms = NOW,
	    .produced_ms = NOW - 600000,
	    .until_ms = NOW + DAY_MS}},
    {REPORT_PUBLISHED, NULL, NULL,
	{.state = REVOCATION_NOT_CHECKED, .why = "jpki-verifiers-only"}},
    {REPORT_PUBLISHED, NULL, NULL,
	{.state = REVOCATION_NOT_CHECKED,
	    .why = "host-not-allowed",
	    .kind = "crl",
	    .source = "http://crl.example.jp/ca.crl",
	    .checked_ms = NOW}},
    {REPORT_PUBLISHED, NULL, NULL,
	{.state = REVOCATION_NOT_CHECKED,
	    .why = "nonce-wrong",
	    .kind = "ocsp",
	    .source = "http://ocsp.example.jp/",
	    .checked_ms = NOW}},
};

static void
add_filing(struct report *r, size_t i, size_t at)
{
	struct report_filing *f = &r->filings[at];
	struct report_check_result *c = &f->check[REPORT_CHECK_REVOCATION];
	const struct cert_revocation *v = &filings[i].r;
	char text[REVOKED_TEXT], code[64];
	struct words w;

	f->result = filings[i].result;
	report_text(r, &f->reason.code, filings[i].reason);
	report_text(r, &f->reason.detail, filings[i].detail);
	c->state = v->state == REVOCATION_GOOD  ? REPORT_PASSED
		   : cert_revocation_forbids(v) ? REPORT_NOT_PASSED
						: REPORT_NOT_CHECKED;
	words_begin(&w, r->language);
	report_text(r, &c->code,
	    v->state == REVOCATION_NOT_CHECKED ? revoked_code(v, code) : NULL);
	report_text(r, &c->detail,
	    v->kind[0] == '\0' ? NULL : revoked_text(v, text, sizeof text));
	words_end(&w);
}

int
main(int argc, char **argv)
{
	struct report r;
	struct buf out = {0};
	struct err e = {0};
	int result = -1;

	if (argc != 2)
		return 64;
	catalogue_use(argv[1]);
	sample_report(&r, argv[1], 12);
	r.key_count = 0; /* those of the sample */
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		add_key(&r, &keys[i]);
	for (size_t i = 0; i < sizeof filings / sizeof *filings; i++)
		add_filing(&r, i, i);
	report_warn(&r, &r.warnings, &r.warning_count, "due-passed",
	    "due date of hojin: 2026-11-20");
	if (!r.out_of_memory)
		result = report_write_html(&r, &out, &e);
	if (result == 0)
		result = fs_write(1, buf_view(&out), &e);
	buf_free(&out);
	report_free(&r);
	return result == 0 ? 0 : 1;
}
