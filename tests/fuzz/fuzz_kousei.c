/*
 * Any bytes as a kousei.xml: it is read or refused as bad input, and when it
 * is read, the place for signatures lies inside the document, right after an
 * end tag.  With clang -DFUZZ -fsanitize=fuzzer a libFuzzer target; without,
 * see mutate.h.
 */
#include "base/fsops.h"
#include "signer/exam/kousei.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct exam_limits limits = {.document_max = 1 << 20,
    .depth = 50,
    .attributes = 50,
    .namespaces = 50,
    .ids = 500};

static void
require(int ok, const char *what, const struct err *e)
{
	char text[600];

	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, err_format(e, text, sizeof text));
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kousei k = {0};
	struct err e = {0};
	int fd = fs_memfd("fuzz", &e);

	require(fd >= 0 && fs_pwrite(fd, 0, slice_of(data, size), &e) == 0,
	    "store", &e);
	if (kousei_read(fd, &limits, false, &k, &e) == 0) {
		require(k.pass.size == size && k.pass.offset > 0 &&
			    k.pass.offset < size &&
			    data[k.pass.offset - 1] == '>',
		    "offset", &e);
		for (size_t i = 0; i < k.count; i++)
			require(k.entries[i].name[0] != '\0' &&
				    strpbrk(k.entries[i].name, "/\\") == NULL,
			    "name", &e);
	} else {
		require(e.class == ERR_INPUT, "class", &e);
	}
	kousei_free(&k);
	close(fd);
	return 0;
}

#ifndef FUZZ
#include "tests/fuzz/mutate.h"

static const char plain[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DataRoot xmlns:a=\"urn:a\">"
    "<様式ID>999000000000000001</様式ID><構成情報 ID=\"構成情報\">"
    "<管理情報><手続番号><手続ID>999A010200001000</手続ID></手続番号>"
    "<申請種別>新規申請</申請種別></管理情報><添付書類属性情報>"
    "<添付書類ファイル名称>a&amp;b.pdf</添付書類ファイル名称>"
    "</添付書類属性情報><申請書属性情報><申請書ファイル名称>f.xml"
    "</申請書ファイル名称></申請書属性情報></構成情報>";
static const char end[] = "<その他/></DataRoot>";
static const char signature[] =
    "<署名情報><Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\" "
    "Id=\"20261122183007\"><SignedInfo><CanonicalizationMethod "
    "Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>"
    "<SignatureMethod Algorithm=\"x\"/><Reference URI=\"#a\"><DigestMethod "
    "Algorithm=\"x\"/><DigestValue>AAAA</DigestValue></Reference>"
    "</SignedInfo><SignatureValue>AAAA</SignatureValue><KeyInfo><X509Data>"
    "<X509Certificate>AAAA</X509Certificate></X509Data></KeyInfo>"
    "</Signature></署名情報>";

int
main(int argc, char **argv)
{
	struct buf unsigned_text = {0}, signed_text = {0};
	struct fuzz_seed seeds[2];

	if (argc > 1)
		return mutate_files(argc, argv);
	if (buf_printf(&unsigned_text, "%s%s", plain, end) != 0 ||
	    buf_printf(&signed_text, "%s%s%s", plain, signature, end) != 0)
		abort();
	seeds[0] = (struct fuzz_seed){unsigned_text.p, unsigned_text.len};
	seeds[1] = (struct fuzz_seed){signed_text.p, signed_text.len};
	mutate_run(seeds, 2, 20000);
	buf_free(&unsigned_text);
	buf_free(&signed_text);
	printf("ok fuzz_kousei\n");
	return 0;
}
#endif
