/*
 * e-Tax filings made up from a number: the same number gives the same bytes.
 * Every name and amount is invented; see the header.
 */
#include "schemas/sample.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define NTA "http://xml.e-tax.nta.go.jp/XSD/"

#define FORM_ATTRIBUTES                                                        \
	"softNM=\"natsuin demo\" sakuseiNM=\"見本　税理士\" "            \
	"sakuseiDay=\"2026-03-31\""

void
sample_taxpayer_id(uint32_t number, char out[17])
{
	snprintf(out, 17, "900000%010u", number);
}

/* A small generator (Lehmer), so that content differs but repeats. */
static uint32_t
next(uint64_t *state)
{
	*state = *state * 48271 % 2147483647;
	return (uint32_t)*state;
}

static int
put_head(const struct sample *s, struct buf *out)
{
	return buf_printf(out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<DATA id=\"DATA\" xmlns=\"" NTA "shohi\" xmlns:gen=\"" NTA
	    "general\" xmlns:kyo=\"" NTA "kyotsu\" "
	    "xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" "
	    "xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
	    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n"
	    " <ZZZ0010 VR=\"1.0.0\" id=\"ZZZ0010\">\n"
	    "  <CATALOG id=\"CATALOG\"><rdf:RDF><rdf:description "
	    "id=\"REPORT\"><SEND_DATA/><IT_SEC><rdf:description "
	    "about=\"#IT\"/></IT_SEC><FORM_SEC><rdf:Seq><rdf:li>"
	    "<rdf:description about=\"#ZZA010-1\"/></rdf:li></rdf:Seq>"
	    "</FORM_SEC><TENPU_SEC>%s</TENPU_SEC><XBRL_SEC/><XBRL2_1_SEC/>"
	    "<SOFUSHO_SEC/><ATTACH_SEC/><CSV_SEC/></rdf:description>"
	    "</rdf:RDF></CATALOG>\n"
	    "  <CONTENTS id=\"CONTENTS\">\n",
	    s->letter ? "<rdf:Seq><rdf:li><rdf:description "
			"about=\"#SOZ074-1\"/></rdf:li></rdf:Seq>"
		      : "");
}

static int
put_day(struct buf *out, const char *name, int yy, int mm, int dd)
{
	return buf_printf(out,
	    "    <%s ID=\"%s\"><gen:era>5</gen:era><gen:yy>%d</gen:yy>"
	    "<gen:mm>%d</gen:mm><gen:dd>%d</gen:dd></%s>\n",
	    name, name, yy, mm, dd, name);
}

static int
put_it(const struct sample *s, struct buf *out)
{
	char id[17];
	int r;

	sample_taxpayer_id(s->number, id);
	r = buf_puts(out,
	    "   <IT VR=\"1.5\" id=\"IT\">\n"
	    "    <ZEIMUSHO ID=\"ZEIMUSHO\"><gen:zeimusho_CD>01101"
	    "</gen:zeimusho_CD><gen:zeimusho_NM>麹町</gen:zeimusho_NM>"
	    "</ZEIMUSHO>\n");
	r |= put_day(out, "TEISYUTSU_DAY", 8, 3, 31);
	r |= buf_printf(out,
	    "    <NOZEISHA_ID ID=\"NOZEISHA_ID\">%s</NOZEISHA_ID>\n"
	    "    <NOZEISHA_NM_KN ID=\"NOZEISHA_NM_KN\">ミホンショウテン"
	    "</NOZEISHA_NM_KN>\n"
	    "    <NOZEISHA_NM ID=\"NOZEISHA_NM\">見本商店 %u号"
	    "</NOZEISHA_NM>\n"
	    "    <NOZEISHA_ADR ID=\"NOZEISHA_ADR\">架空県見本市試験町"
	    "１－２－３</NOZEISHA_ADR>\n",
	    id, s->number);
	if (s->agent_id != NULL)
		r |= buf_printf(out,
		    "    <DAIRI_ID ID=\"DAIRI_ID\">%s</DAIRI_ID>\n"
		    "    <DAIRI_NM ID=\"DAIRI_NM\">見本　税理士"
		    "</DAIRI_NM>\n",
		    s->agent_id);
	r |= buf_puts(out,
	    "    <TETSUZUKI ID=\"TETSUZUKI\"><procedure_CD>ZZZ0010"
	    "</procedure_CD><procedure_NM>見本の申告</procedure_NM>"
	    "</TETSUZUKI>\n");
	r |= put_day(out, "KAZEI_KIKAN_FROM", 7, 1, 1);
	r |= put_day(out, "KAZEI_KIKAN_TO", 7, 12, 31);
	r |= buf_puts(out, "   </IT>\n");
	return r;
}

static int
put_row(struct buf *out, uint64_t *state)
{
	static const char *const what[] = {
	    "売上", "仕入れ", "消耗品費", "通信費 & 郵送", "旅費交通費"};
	uint32_t a = next(state), b = next(state);
	const char *text = what[a % 5];
	const char *amp = strchr(text, '&');
	int r;

	r = buf_printf(out,
	    "     <ZZC00000><ZZC00010>2025-%02u-%02u</ZZC00010><ZZC00020>",
	    a % 12 + 1, b % 28 + 1);
	if (amp == NULL)
		r |= buf_puts(out, text);
	else
		r |= buf_printf(
		    out, "%.*s&amp;%s", (int)(amp - text), text, amp + 1);
	r |= buf_printf(out,
	    "</ZZC00020><ZZC00030>%u</ZZC00030>"
	    "<ZZC00040>伝票第%u号</ZZC00040></ZZC00000>\n",
	    b % 9999999, a % 100000);
	return r;
}

static int
put_attachment(struct buf *out, size_t size, uint64_t *state)
{
	uint8_t line[48];
	int r = buf_puts(out, "     <ZZE00000>\n");

	while (out->len < size && r == 0) {
		for (size_t i = 0; i < sizeof line; i += 4) {
			uint32_t v = next(state);

			memcpy(line + i, &v, sizeof v);
		}
		r |= text_base64(out, slice_of(line, sizeof line));
		r |= buf_putc(out, '\n');
	}
	return r | buf_puts(out, "</ZZE00000>\n");
}

static int
put_form(const struct sample *s, size_t start, struct buf *out)
{
	uint64_t state = s->number + UINT64_C(20261122);
	size_t tail = s->letter ? 900 : 300;
	size_t end = start + (s->size > tail ? s->size - tail : 0);
	int r;

	r = buf_printf(out,
	    "   <ZZA010 VR=\"1.0\" id=\"ZZA010-1\" page=\"1\" " FORM_ATTRIBUTES
	    ">\n"
	    "     <ZZA00000><ZZA00010 IDREF=\"TEISYUTSU_DAY\"/>"
	    "<ZZA00020 IDREF=\"ZEIMUSHO\"/><ZZA00030 IDREF=\"NOZEISHA_NM\"/>"
	    "</ZZA00000>\n"
	    "     <ZZB00000><ZZB00010>%u</ZZB00010><ZZB00020>-%u</ZZB00020>"
	    "</ZZB00000>\n",
	    next(&state) % 100000000, next(&state) % 1000000);
	do {
		r |= put_row(out, &state);
	} while (!s->attachment && out->len < end && r == 0);
	if (s->attachment)
		r |= put_attachment(out, end, &state);
	return r | buf_puts(out, "   </ZZA010>\n");
}

static int
put_letter(struct buf *out)
{
	return buf_puts(out,
	    "   <TENPU id=\"TENPU\">\n"
	    "    <SOZ074 VR=\"1.0\" id=\"SOZ074-1\" page=\"1\" " FORM_ATTRIBUTES
	    " xmlns=\"" NTA "somu\" xmlns:gen=\"" NTA "general\">"
	    "<ZZS00010>麹町税務署長</ZZS00010>"
	    "<ZZS00020>税務代理の権限を証する見本</ZZS00020></SOZ074>\n"
	    "   </TENPU>\n");
}

int
sample_etax(const struct sample *s, struct buf *out)
{
	size_t start = out->len;
	int r = put_head(s, out);

	r |= put_it(s, out);
	r |= put_form(s, start, out);
	if (s->letter)
		r |= put_letter(out);
	/* The last rows may leave it a little short of the size. */
	r |= buf_puts(out, "  </CONTENTS>\n </ZZZ0010>\n");
	while (r == 0 && out->len - start + 8 < s->size)
		r |= buf_putc(out, '\n');
	r |= buf_puts(out, "</DATA>\n");
	return r == 0 ? 0 : -1;
}

int
sample_etax_form(const struct sample *s, struct buf *out)
{
	uint64_t state = s->number + 1;
	int r;

	r = buf_printf(out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<ZZG010 xmlns=\"" NTA "kyotsu\" xmlns:gen=\"" NTA
	    "general\" VR=\"1.0\" id=\"ZZG010\" page=\"1\" " FORM_ATTRIBUTES
	    ">\n <ZZG00010>見本　%u子</ZZG00010>\n <ZZG00020>8</ZZG00020>\n"
	    " <ZZG00030>%u</ZZG00030>\n</ZZG010>\n",
	    s->number, next(&state) % 1000000);
	return r == 0 ? 0 : -1;
}
