/*
 * e-Gov applications made up from a number; the shapes are those of
 * facts on the standard and the individually-signed form.  Every name is
 * invented and the procedure does not exist.
 */
#include "schemas/sample.h"

#include <stdio.h>
#include <string.h>

#define FORM "999Z00000000000001_01.xml"
#define ATTACHMENT "tenpu.txt"
#define OF_FORM "kousei20261122180000001.xml"
#define OF_ATTACHMENT "kousei20261122180000002.xml"
#define PROCEDURE "999Z000000000"

static const char *const standard[] = {"kousei.xml", FORM, ATTACHMENT, NULL};
static const char *const individual[] = {
    "kousei.xml", OF_FORM, OF_ATTACHMENT, FORM, ATTACHMENT, NULL};

/* What one 構成情報 file says; several kinds are made from it. */
struct kousei {
	const char *style;              /* 様式ID */
	const char *suffix;             /* of 手続ID: 000, F01, T01 */
	const char *kind;               /* 申請種別 */
	bool people;                    /* else 申請者情報 is empty */
	const char *const *attachments; /* NULL-terminated */
	bool form;                      /* names the form */
};

const char *
sample_egov_member(enum sample_egov kind, size_t index)
{
	const char *const *names =
	    kind == SAMPLE_EGOV_STANDARD ? standard : individual;

	for (size_t i = 0; names[i] != NULL; i++) {
		if (i == index)
			return names[i];
	}
	return NULL;
}

static int
put_person(struct buf *out, const char *element, bool filled, uint32_t number)
{
	static const char *const empty[] = {"氏名", "氏名フリガナ", "役職",
	    "法人団体名", "法人団体名フリガナ", "部門名", "部門名フリガナ",
	    "郵便番号", "住所", "住所フリガナ", "電話番号", "FAX番号",
	    "電子メールアドレス"};
	int r = buf_printf(out, "\t\t\t\t<%s>\n", element);

	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
		if (filled && i == 0)
			r |= buf_printf(out,
			    "\t\t\t\t\t<氏名>見本　申請者%u</氏名>\n", number);
		else if (filled && i == 8)
			r |= buf_puts(
			    out, "\t\t\t\t\t<住所>架空県見本市1-2-3</住所>\n");
		else
			r |= buf_printf(out, "\t\t\t\t\t<%s/>\n", empty[i]);
	}
	return r | buf_printf(out, "\t\t\t\t</%s>\n", element);
}

static int
put_management(struct buf *out, const struct kousei *k, const struct sample *s)
{
	int r = buf_printf(out,
	    "\t\t<管理情報>\n\t\t\t<手続番号>\n"
	    "\t\t\t\t<受付行政機関ID>100999</受付行政機関ID>\n"
	    "\t\t\t\t<手続ID>" PROCEDURE "%s</手続ID>\n"
	    "\t\t\t</手続番号>\n"
	    "\t\t\t<手続名称>見本の届出／電子申請</手続名称>\n"
	    "\t\t\t<初回受付番号/>\n\t\t\t<申請種別>%s</申請種別>\n"
	    "\t\t\t<申請者連絡先情報>\n",
	    k->suffix, k->kind);

	r |= put_person(out, "申請者情報", k->people, s->number);
	r |= put_person(out, "連絡先情報", k->people, s->number);
	return r | buf_puts(out,
		       "\t\t\t\t<委任登録票添付情報>\n"
		       "\t\t\t\t\t<発行番号/>\n\t\t\t\t\t<委任登録票名称/>\n"
		       "\t\t\t\t\t<委任登録票ファイル名称/>\n"
		       "\t\t\t\t</委任登録票添付情報>\n"
		       "\t\t\t</申請者連絡先情報>\n\t\t</管理情報>\n");
}

static int
put_attachments(struct buf *out, const struct kousei *k)
{
	int r = 0;

	for (size_t i = 0; k->attachments[i] != NULL; i++)
		r |= buf_printf(out,
		    "\t\t<添付書類属性情報>\n\t\t\t<添付種別>添付</添付種別>\n"
		    "\t\t\t<添付書類名称>見本%zu</添付書類名称>\n"
		    "\t\t\t<添付書類ファイル名称>%s</添付書類ファイル名称>\n"
		    "\t\t\t<提出情報>1</提出情報>\n\t\t</添付書類属性情報>\n",
		    i + 1, k->attachments[i]);
	return r;
}

static int
put_kousei(struct buf *out, const struct kousei *k, const struct sample *s)
{
	int r = buf_printf(out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<?xml-stylesheet href=\"%s.xsl\" type=\"text/xsl\"?>\n"
	    "<DataRoot>\n\t<様式ID>%s</様式ID>\n"
	    "\t<様式バージョン>0001</様式バージョン>\n"
	    "\t<STYLESHEET>%s.xsl</STYLESHEET>\n"
	    "\t<構成情報 ID=\"構成情報\">\n",
	    k->style, k->style, k->style);

	r |= put_management(out, k, s);
	r |= put_attachments(out, k);
	r |= buf_puts(out,
	    "\t\t<通信欄/>\n\t\t<提出先情報>\n"
	    "\t\t\t<提出先識別子>999API00000000001001001</提出先識別子>\n"
	    "\t\t\t<提出先名称>見本省,見本局,見本課</提出先名称>\n"
	    "\t\t</提出先情報>\n");
	if (k->form)
		r |= buf_puts(out,
		    "\t\t<申請書属性情報>\n"
		    "\t\t\t<申請書様式ID>999Z00000000000001</申請書様式ID>\n"
		    "\t\t\t<申請書様式バージョン>0001</申請書様式バージョン>\n"
		    "\t\t\t<申請書様式名称>見本届</申請書様式名称>\n"
		    "\t\t\t<申請書ファイル名称>" FORM
		    "</申請書ファイル名称>\n\t\t</申請書属性情報>\n");
	return r | buf_puts(out, "\t</構成情報>\n</DataRoot>\n");
}

/* CRLF, as real forms have: their bytes are signed as they are. */
static int
put_form(struct buf *out, const struct sample *s)
{
	size_t start = out->len;
	int r = buf_printf(out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
	    "<?xml-stylesheet href=\"999Z00000000000001.xsl\" "
	    "type=\"text/xsl\"?>\r\n<DataRoot>\r\n"
	    "\t<様式ID>999Z00000000000001</様式ID>\r\n"
	    "\t<様式バージョン>0001</様式バージョン>\r\n"
	    "\t<STYLESHEET>999Z00000000000001.xsl</STYLESHEET>\r\n"
	    "\t<様式コピー情報>0</様式コピー情報>\r\n"
	    "\t<届出>\r\n\t\t<番号>%u</番号>\r\n"
	    "\t\t<氏名>見本　申請者%u</氏名>\r\n",
	    s->number, s->number);

	for (unsigned i = 1; out->len - start + 40 < s->size && r == 0; i++)
		r |= buf_printf(out, "\t\t<明細>第%u行の見本</明細>\r\n", i);
	return r | buf_puts(out, "\t</届出>\r\n</DataRoot>\r\n");
}

static const struct kousei *
kousei_named(enum sample_egov kind, const char *name)
{
	static const char *const none[] = {NULL};
	static const char *const attached[] = {ATTACHMENT, NULL};
	static const struct kousei plain = {
	    "999000000000000001", "000", "新規申請", true, attached, true};
	static const struct kousei head = {"999000000000000001", "000",
	    "新規申請", true, individual + 1, false};
	static const struct kousei of_form = {
	    "999000000000000009", "F01", "申請書作成", false, none, true};
	static const struct kousei of_attachment = {"999000000000000001", "T01",
	    "添付書類署名", false, attached, false};

	if (strcmp(name, OF_FORM) == 0)
		return &of_form;
	if (strcmp(name, OF_ATTACHMENT) == 0)
		return &of_attachment;
	return kind == SAMPLE_EGOV_STANDARD ? &plain : &head;
}

int
sample_egov_write(enum sample_egov kind, size_t index, const struct sample *s,
    struct buf *out)
{
	const char *name = sample_egov_member(kind, index);
	int r;

	if (name == NULL)
		return -1;
	if (strcmp(name, FORM) == 0)
		r = put_form(out, s);
	else if (strcmp(name, ATTACHMENT) == 0)
		r = buf_printf(out, "見本の添付書類 %u\r\n", s->number);
	else
		r = put_kousei(out, kousei_named(kind, name), s);
	return r == 0 ? 0 : -1;
}
