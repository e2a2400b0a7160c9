/* Message types between the batch and an examiner (request.c, reply.c). */
#ifndef SIGNER_EXAM_MESSAGE_H
#define SIGNER_EXAM_MESSAGE_H

enum exam_message {
	MSG_CONFIG = 1, /* limits, once, before the sandbox */
	MSG_REQUEST,    /* a run of records, each begun by its kind: */
	MSG_BEGIN,
	MSG_MEMBERS,
	MSG_PLAN,
	MSG_SIGNATURE,
	MSG_EXPECTED,
	MSG_REVOKE,
	MSG_GO,
	MSG_SCHEMA,
	MSG_NEED_SCHEMA,
	MSG_PART,
	MSG_JUDGED_SIGNATURE, /* judged.c */
	MSG_JUDGED_REFERENCES,
	MSG_JUDGED_UNCOVERED,
	MSG_JUDGED_FILE,
	MSG_DONE
};

#endif
