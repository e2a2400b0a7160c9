/* One kousei*.xml (構成管理情報 or 構成情報), read by the one pass. */
#ifndef SIGNER_EXAM_KOUSEI_H
#define SIGNER_EXAM_KOUSEI_H

#include "signer/exam/format.h"
#include "signer/exam/pass.h"

#include <stdbool.h>
#include <stddef.h>

/* By 様式ID and 申請種別, never by name or order (facts/egov.md 1.4). */
enum kousei_kind {
	KOUSEI_MAIN,      /* 構成管理情報: of the application */
	KOUSEI_FORM,      /* 申請書作成: signs one form */
	KOUSEI_ATTACHMENT /* 添付書類署名: signs one attachment */
};

enum kousei_list {
	KOUSEI_LIST_FORM,       /* 申請書ファイル名称 */
	KOUSEI_LIST_ATTACHMENT, /* 添付書類ファイル名称 */
	KOUSEI_LIST_DELEGATION  /* 委任登録票ファイル名称 */
};

/* A file that the document names; never an empty name. */
struct kousei_entry {
	enum kousei_list list;
	char *name;
	char style[24]; /* 申請書様式ID of a form */
};

/* Texts are cut at whole characters; "" where the document has none. */
struct kousei {
	enum kousei_kind kind;
	char style[24];   /* 様式ID */
	char version[24]; /* 様式バージョン */
	char procedure[24];
	char procedure_name[200];
	char application[40];               /* 申請種別 */
	char person[200], corporation[200]; /* 申請者情報 */
	char contact[200];                  /* 連絡先情報: 氏名 */
	struct kousei_entry *entries;       /* in document order */
	size_t count;
	size_t signatures;       /* in 署名情報 */
	bool signature_info;     /* there is a 署名情報 */
	struct pass_result pass; /* digest of 構成情報; where signatures go:
				  * after it, or after the last Signature */
};

/*
 * Reads the document in `fd` from its start.  0; -1: what pass_run refuses,
 * "egov-shape" (not the frame of facts/egov.md 1.1: detail says what),
 * "egov-signature-place" (署名情報 elsewhere than right after 構成情報),
 * "egov-signature-empty" (署名情報 without a Signature), "egov-name-path" (a
 * file name with a slash), "limit-names".  k starts as {0} and is freed by
 * kousei_free in any case.
 */
int kousei_read(int fd, const struct exam_limits *limits, bool complete_hint,
    struct kousei *k, struct err *e);
void kousei_free(struct kousei *k);

#endif
