/* Odd but lawful kousei.xml, and what other signers made. */
#include "base/fsops.h"
#include "base/text.h"
#include "signer/exam/egov.h"
#include "tests/lib/egovlab.h"
#include "tests/lib/rawzip.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "999A010200001000"

/* The text with every `from` replaced, to be freed. */
static char *
replaced(const char *text, const char *from, const char *to)
{
	struct buf b = {0};
	const char *at;

	while ((at = strstr(text, from)) != NULL) {
		buf_append(&b, text, (size_t)(at - text));
		buf_puts(&b, to);
		text = at + strlen(from);
	}
	buf_puts(&b, text);
	return buf_cstr(&b);
}

static char *
plain(void)
{
	static const struct lab_kousei k = {.forms = {"f.xml"}};

	return lab_kousei(&k);
}

/*
 * The rows of facts/egov.md 6, and more of the kind.  An edit replaces one
 * text of a plain kousei.xml; where another signer's digest would be wrong,
 * ours must hold.
 */
static const struct edit {
	const char *what, *from, *to;
} edits[] = {
    {"nothing", "", NULL},
    {"CRLF line ends", "\n", "\r\n"},
    {"byte order mark", "<?xml version", "\xEF\xBB\xBF<?xml version"},
    {"no declaration", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", ""},
    {"empty element with space", "<氏名フリガナ/>", "<氏名フリガナ />"},
    {"empty element in two tags", "<氏名フリガナ/>",
	"<氏名フリガナ></氏名フリガナ>"},
    {"comments", "<管理情報>", "<!-- a --><管理情報><!-- b -->"},
    {"comment before the end", "</構成情報>", "<!-- c --></構成情報>"},
    {"comment after the end", "</構成情報>", "</構成情報><!-- d -->"},
    {"instruction inside", "<管理情報>", "<?x  y ?><管理情報>"},
    {"CDATA", "見本の届", "<![CDATA[見本<>&の]]>届"},
    {"CDATA with CRLF", "見本の届", "<![CDATA[見本\r\nの\r届]]>"},
    {"character references", "見本の届", "&#35211;&#x672C;&#13;&#10;の届"},
    {"entities", "見本の届", "見本&amp;の&lt;届&gt;&quot;&apos;"},
    {"raw > in text", "見本の届", "見本>の届"},
    {"attributes in another order", "<構成情報 ID=\"構成情報\">",
	"<構成情報 z=\"1\" ID=\"構成情報\" a=\"2\" B=\"3\">"},
    {"single quotes", "ID=\"構成情報\"", "ID='構成情報'"},
    {"space in tags", "<構成情報 ID=\"構成情報\">",
	"<構成情報\n  ID = \"構成情報\"\t>"},
    {"space in the end tag", "</構成情報>", "</構成情報\n >"},
    {"attribute value to normalise", "<管理情報>",
	"<管理情報 a=\"x\n\ty&#10;&#9;&quot;&lt;z\">"},
    {"namespace on the root", "<DataRoot>",
	"<DataRoot xmlns:xsi=\"http://www.w3.org/2001/"
	"XMLSchema-instance\">"},
    {"namespaces, used inside", "<DataRoot>",
	"<DataRoot xmlns:b=\"urn:b\" xmlns:a=\"urn:a\" a:q=\"1\">"},
    {"xml:lang on the root", "<DataRoot>", "<DataRoot xml:lang=\"ja\">"},
    {"xml:space and a namespace", "<DataRoot>",
	"<DataRoot xml:space=\"preserve\" xmlns:n=\"urn:n\">"},
    {"a later sibling", "</DataRoot>",
	"<その他><法人番号>1</法人番号></その他></DataRoot>"},
    {"a directly following sibling", "</構成情報>\n", "</構成情報><その他/>"},
    {"nothing after the end", "</構成情報>\n</DataRoot>\n",
	"</構成情報></DataRoot>"},
    {"white space and comment at the end", "</DataRoot>\n",
	"</DataRoot>\n<!-- e -->\n\n"},
    {"characters beyond the first plane", "見本の届", "𠮷野家の届"},
    {"half of it is comment", "<様式ID>",
	"<!-- <構成情報 ID=\"構成情報\"></構成情報> --><様式ID>"},
};

/* Two signatures: by one, and another on the signed output. */
static void
odd_input_is_signed(void)
{
	char *text = plain();

	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		char *odd = edits[i].to == NULL
				? strdup(text)
				: replaced(text, edits[i].from, edits[i].to);
		const struct lab_file files[] = {
		    {"f.xml", "<f>\r\n\x80</f>", 0}, {"kousei.xml", odd, 0}};
		unsigned before = CU_get_number_of_failures();
		int out = lab_memfd(), both = lab_memfd();
		struct lab_drop d, one;

		CU_ASSERT(edits[i].to == NULL || strcmp(odd, text) != 0);
		lab_folder(&d, FOLDER, files, 2);
		lab_sign_and_verify(&d.drop, 1, 1, out);
		lab_output(&one, out);
		lab_sign_and_verify(&one.drop, 2, 2, both);
		lab_drop_free(&one);
		lab_drop_free(&d);
		close(both);
		if (CU_get_number_of_failures() != before)
			fprintf(stderr, "with: %s\n", edits[i].what);
		free(odd);
	}
	free(text);
}

/* A whole sample file, NUL-terminated; false when samples are absent. */
static bool
sample(const char *relative, struct buf *out)
{
	char path[300];
	const char *found;
	struct err e;
	int fd;

	snprintf(path, sizeof path, "samples/egov/%s", relative);
	found = suite_sample(path);
	buf_reset(out);
	if (found == NULL) {
		suite_skip("no samples");
		return false;
	}
	fd = open(found, O_RDONLY | O_CLOEXEC);
	CHECK_OK(fs_read_all(fd, 1 << 24, out, &e), &e);
	close(fd);
	return buf_cstr(out) != NULL;
}

static void
digest_is(const struct kousei *k, const char *base64)
{
	struct buf b = {0};

	text_base64(&b, slice_of(k->pass.digest, sizeof k->pass.digest));
	CU_ASSERT(slice_eq_str(buf_view(&b), base64));
	buf_free(&b);
}

static void
known_digests_are_reached(void)
{
	static const struct {
		const char *file;
		uint64_t bytes;
		const char *digest;
	} known[] = {
	    {"kiji/templates/apply_900A010200001000_base_kousei.xml", 6194,
		"b0HD/PXWwwfpON3qSWDm9cG23aeTVnIH0ty0NJHomvc="},
	    {"kiji/templates/sample_kousei_base.xml", 5763,
		"pRMJx+f9bbyBBvzTg0R48embbTRTn+a0owstZsz+kl8="},
	    {"kiji/templates/900A010200001000_base_kousei.xml", 6207,
		"RhUcRCE40WezAMYr5+RI0WMO4TMk6FRyoPlENmpEwZo="},
	};
	struct exam_options o;
	struct buf b = {0};

	lab_options(&o);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct kousei k = {0};
		struct err e;
		int fd;

		if (!sample(known[i].file, &b))
			break;
		fd = rawzip_fd(buf_view(&b));
		CHECK_OK(kousei_read(fd, &o.limits, false, &k, &e), &e);
		CU_ASSERT_EQUAL(k.pass.canonical_size, known[i].bytes);
		digest_is(&k, known[i].digest);
		kousei_free(&k);
		close(fd);
	}
	buf_free(&b);
}

static void
known_file_digests_are_reached(void)
{
	static const struct {
		const char *file, *digest;
	} known[] = {
	    {"kiji/forms/900A01020000100001_01.xml",
		"3wjVfVPI6uqrSdARAhRkj81Y3NL99qJzFYVDn3sIRtU="},
	    {"kiji/forms/sample_application_form.xml",
		"MHiQocOVMQCIKdQ/sW24Lgki9G5imgTADr8nKNUyAX4="},
	};
	struct buf b = {0}, text = {0};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		uint8_t digest[FINDINGS_SHA256];
		struct egov_file f;
		struct err e;

		if (!sample(known[i].file, &b))
			break;
		f = (struct egov_file){
		    .fd = rawzip_fd(buf_view(&b)), .size = b.len};
		CHECK_OK(egov_file_hash(&f, digest, &e), &e);
		buf_reset(&text);
		text_base64(&text, slice_of(digest, sizeof digest));
		CU_ASSERT(slice_eq_str(buf_view(&text), known[i].digest));
		close(f.fd);
	}
	buf_free(&b);
	buf_free(&text);
}

/* Asserts that both texts have the same contents of <name>, in order. */
static void
same_contents(const struct buf *a, const struct buf *b, const char *name)
{
	const char *x = (const char *)a->p, *y = (const char *)b->p;
	char open[40], close[40];
	size_t found = 0;

	snprintf(open, sizeof open, "<%s>", name);
	snprintf(close, sizeof close, "</%s>", name);
	for (;; found++) {
		size_t n;

		x = strstr(x, open);
		y = strstr(y, open);
		CU_ASSERT((x == NULL) == (y == NULL));
		if (x == NULL || y == NULL)
			break;
		n = (size_t)(strstr(x, close) - x);
		CU_ASSERT(strncmp(x, y, n + strlen(close)) == 0);
		x += n;
		y += n;
	}
	CU_ASSERT(found > 0);
}

/* Same key, certificate, input: same digests and the same signature value
 * as two other programs; RSA PKCS#1 v1.5 leaves no freedom. */
static void
vectors_are_reached(void)
{
	char key[300], certificate[300];
	struct buf in = {0}, form = {0}, theirs = {0}, ours = {0};
	struct lab_key k;
	struct exam_options o;
	struct findings f;
	struct lab_drop d;
	struct err e;
	int out = lab_memfd();

	if (!sample("vectors/kousei_in.xml", &in) ||
	    !sample("vectors/900A01020000100001_01.xml", &form) ||
	    !sample("vectors/kousei_signed_kiji.xml", &theirs))
		goto done;
	snprintf(key, sizeof key, "%s",
	    suite_sample("samples/egov/vectors/signer_test_key.pk8.der"));
	snprintf(certificate, sizeof certificate, "%s",
	    suite_sample("samples/egov/vectors/signer_test_cert.pem"));
	CU_ASSERT_FATAL(lab_key_load(&k, key, certificate));
	const struct lab_file files[] = {{"kousei.xml", (char *)in.p, in.len},
	    {"900A01020000100001_01.xml", (char *)form.p, form.len},
	    {"tenpu.txt", "x", 1}};
	lab_folder(&d, "900A010200001000", files, 3);
	lab_options(&o);
	findings_init(&f);
	CHECK_OK(lab_sign(&d.drop, &o, &k, 1, out, &f, &e), &e);
	CU_ASSERT_FATAL(lab_member(out, "900A010200001000/kousei.xml", &ours));
	same_contents(&theirs, &ours, "DigestValue");
	same_contents(&theirs, &ours, "SignatureValue");
	same_contents(&theirs, &ours, "X509Certificate");
	findings_free(&f);
	lab_drop_free(&d);
	lab_key_free(&k);
done:
	buf_free(&in);
	buf_free(&form);
	buf_free(&theirs);
	buf_free(&ours);
	close(out);
}

/* What e-Gov accepted: whole (but for certificates that have expired since,
 * which is not this module's business), and not any more after a change. */
static void
accepted_archives_verify(void)
{
	static const char *const names[] = {
	    "kiji/signed/amendapply.zip", "kiji/signed/bulk_apply_for_api.zip"};
	struct buf b = {0};

	lab_keys();
	for (size_t i = 0; i < 2; i++) {
		struct exam_options o;
		struct findings f;
		struct lab_drop d;
		struct err e;

		if (!sample(names[i], &b))
			break;
		lab_output(&d, rawzip_fd(buf_view(&b)));
		CU_ASSERT(format_egov.recognise(&d.drop));
		lab_options(&o);
		findings_init(&f);
		CHECK_OK(format_egov.verify(&d.drop, NULL, &o, &f, &e), &e);
		CU_ASSERT(lab_all_good(&f, 1));
		CU_ASSERT_STRING_EQUAL(f.procedure, "900A010200001000");
		findings_free(&f);
		lab_drop_free(&d);
	}
	buf_free(&b);
}

/* Packs an accepted archive again with one byte of one member changed. */
static void
changed_sample(const struct buf *archive, const char *member, size_t at,
    struct findings *f)
{
	static const char *const names[] = {
	    "900A010200001000(1)/900A01020000100001_01.xml",
	    "900A010200001000(1)/kousei.xml", "900A010200001000(1)/tenpu.txt"};
	struct rawzip_entry entries[3] = {0};
	struct buf content[3] = {0}, zip = {0};
	struct exam_options o;
	struct lab_drop d;
	struct err e;
	int fd = rawzip_fd(buf_view(archive));

	for (size_t i = 0; i < 3; i++) {
		CU_ASSERT_FATAL(lab_member(fd, names[i], &content[i]));
		if (strstr(names[i], member) != NULL)
			content[i].p[at % content[i].len] ^= 1;
		entries[i] = (struct rawzip_entry){.name = names[i],
		    .data = content[i].p,
		    .size = content[i].len};
	}
	rawzip_write(&zip, entries, 3);
	close(fd);
	lab_output(&d, rawzip_fd(buf_view(&zip)));
	lab_options(&o);
	findings_init(f);
	CHECK_OK(format_egov.verify(&d.drop, NULL, &o, f, &e), &e);
	lab_drop_free(&d);
	buf_free(&zip);
	for (size_t i = 0; i < 3; i++)
		buf_free(&content[i]);
}

static void
changed_archives_do_not_verify(void)
{
	struct buf b = {0}, kousei = {0};
	struct findings f;
	const char *at;
	size_t postcode;
	int fd;

	lab_keys();
	if (!sample("kiji/signed/amendapply.zip", &b))
		goto done;
	/* any byte of the form: it is signed raw */
	for (size_t i = 0; i < 3717; i += 371) {
		changed_sample(&b, "_01.xml", i, &f);
		CU_ASSERT_EQUAL_FATAL(f.signature_count, 1);
		CU_ASSERT(f.signatures[0].value_ok);
		CU_ASSERT(!f.signatures[0].references_ok);
		findings_free(&f);
	}
	/* a digit of a text of 構成情報 */
	fd = rawzip_fd(buf_view(&b));
	CU_ASSERT_FATAL(
	    lab_member(fd, "900A010200001000(1)/kousei.xml", &kousei));
	close(fd);
	at = strstr((char *)kousei.p, "<郵便番号>");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	postcode = (size_t)(at - (char *)kousei.p) + strlen("<郵便番号>");
	changed_sample(&b, "kousei.xml", postcode, &f);
	CU_ASSERT_EQUAL_FATAL(f.signature_count, 1);
	CU_ASSERT(!f.signatures[0].references_ok);
	findings_free(&f);
	/* an attachment is bound by its name only: facts 1.3 */
	changed_sample(&b, "tenpu.txt", 1, &f);
	CU_ASSERT(lab_all_good(&f, 1));
	findings_free(&f);
done:
	buf_free(&b);
	buf_free(&kousei);
}

/* Every template is one that can be signed. */
static void
templates_are_signed(void)
{
	static const char *const names[] = {"4950000020325000_base_kousei.xml",
	    "900A010000004000_base_kousei.xml",
	    "900A010002008000_base_kousei.xml",
	    "900A010200001000_base_kousei.xml",
	    "amendapply_900A010200001000_base_kousei.xml",
	    "apply_900A010200001000_base_kousei.xml",
	    "reamend_900A010200001000_base_kousei.xml",
	    "sample_kousei_base.xml"};
	struct buf b = {0};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[200];
		struct kousei k = {0};
		struct lab_file files[LAB_FILES_MAX];
		struct exam_options o;
		struct lab_drop d;
		struct err e;
		size_t n = 1;
		int fd, out = lab_memfd();

		snprintf(path, sizeof path, "kiji/templates/%s", names[i]);
		if (!sample(path, &b))
			break;
		lab_options(&o);
		fd = rawzip_fd(buf_view(&b));
		CHECK_OK(kousei_read(fd, &o.limits, false, &k, &e), &e);
		close(fd);
		files[0] = (struct lab_file){"kousei.xml", (char *)b.p, b.len};
		for (size_t m = 0; m < k.count && n < LAB_FILES_MAX; m++)
			files[n++] =
			    (struct lab_file){k.entries[m].name, "<x/>", 0};
		lab_folder(&d, "x", files, n);
		lab_sign_and_verify(&d.drop, 1, 1, out);
		lab_drop_free(&d);
		kousei_free(&k);
		close(out);
	}
	buf_free(&b);
}

SUITE_MAIN("egov-odd", CASE(odd_input_is_signed),
    CASE(known_digests_are_reached), CASE(known_file_digests_are_reached),
    CASE(vectors_are_reached), CASE(accepted_archives_verify),
    CASE(changed_archives_do_not_verify), CASE(templates_are_signed))
