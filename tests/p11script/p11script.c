/*
 * A PKCS#11 module that does what $P11SCRIPT says, for what real modules
 * cannot be made to show: PIN flags, a PIN pad, CKA_ALWAYS_AUTHENTICATE,
 * tokens that go and come, answers that cannot be.  It is a shared library
 * of its own; tests load it as any module.
 *
 * The script is read anew at every call, from the file F if it is "@F";
 * words separated by blanks:
 *   key=PEM cert=DER     the key and its certificate (always needed)
 *   cert2=DER            a second certificate, without a key
 *   pin=TEXT             the right PIN (4711pin)
 *   serial= label=       of the token (0001, SCRIPT)
 *   min= max=            PIN lengths (4, 16)
 *   flags=final,low,locked,pad,nologin
 *   always               the key wants the PIN for each signature
 *   hidden               the certificate is seen only after login
 *   hashing              only mechanisms that hash by themselves
 *   no-id other-id mute  the certificate has no CKA_ID, another one; the
 *                        private key does not show its public numbers
 *   absent               no token
 *   fail=FUNCTION:CKR    answers this; fails=N: only until so many
 *                        C_Initialize have been called
 *   odd=FUNCTION         an answer that cannot be
 *   crash=FUNCTION hang=FUNCTION
 *   thread               C_Initialize starts a thread, which at the first
 *                        C_Sign tries to execute a program; the log tells
 *                        "executed" or "confined"
 *   log=FILE             a line per call, and one when the library is
 *                        loaded: "FUNCTION PROCESS-NAME"
 */
#include "tests/p11script/p11script.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SLOT 7
#define SESSION 4242
#define NEVER_SO_LONG (1UL << 40)

enum { CERTIFICATE = 1, PRIVATE, PUBLIC, SECOND, OBJECTS };

static struct {
	unsigned initialised;
	unsigned logins, context_logins, signatures;
	bool open, user, again; /* again: context-specific login was given */
	CK_MECHANISM_TYPE mechanism;
	bool signing, finding;
	CK_OBJECT_HANDLE found[OBJECTS];
	unsigned found_count;
} now;

static const char *
script(void)
{
	static char text[4096];
	const char *s = getenv("P11SCRIPT");
	ssize_t n;
	int fd;

	if (s == NULL || *s != '@')
		return s;
	fd = open(s + 1, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n < 0)
		abort();
	close(fd);
	text[n] = '\0';
	return text;
}

/* The rest of the word that begins with `name`, or NULL. */
static const char *
word(const char *name, char *out, size_t size)
{
	const char *s = script();
	size_t n = strlen(name), len;

	while (s != NULL && *s != '\0') {
		s += strspn(s, " \n");
		len = strcspn(s, " \n");
		if (len >= n && strncmp(s, name, n) == 0 && len - n < size) {
			memcpy(out, s + n, len - n);
			out[len - n] = '\0';
			return out;
		}
		s += len;
	}
	return NULL;
}

static bool
has(const char *name)
{
	char rest[400];

	return word(name, rest, sizeof rest) != NULL;
}

static unsigned long
number(const char *name, unsigned long otherwise)
{
	char text[400];

	return word(name, text, sizeof text) == NULL ? otherwise
						     : strtoul(text, NULL, 0);
}

/* Whether "name=FUNCTION" stands in the script. */
static bool
is(const char *name, const char *function)
{
	char text[400];

	return word(name, text, sizeof text) != NULL &&
	       strcmp(text, function) == 0;
}

static void
note(const char *function)
{
	char path[400], line[100], process[17] = "";
	int fd, n;

	if (word("log=", path, sizeof path) == NULL)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	prctl(PR_GET_NAME, process);
	n = snprintf(line, sizeof line, "%s %s\n", function, process);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		abort();
	close(fd);
}

__attribute__((constructor)) static void
loaded(void)
{
	note("loaded");
}

/* What every function does first. */
static CK_RV
begin(const char *function)
{
	char text[400], *colon;

	note(function);
	if (is("crash=", function))
		raise(SIGABRT);
	while (is("hang=", function))
		pause();
	if (word("fail=", text, sizeof text) == NULL ||
	    now.initialised >= number("fails=", (unsigned long)-1))
		return CKR_OK;
	colon = strchr(text, ':');
	if (colon == NULL)
		abort();
	*colon = '\0';
	return strcmp(text, function) == 0 ? strtoul(colon + 1, NULL, 0)
					   : CKR_OK;
}

#define BEGIN                                                                  \
	do {                                                                   \
		CK_RV begun = begin(__func__);                                 \
		if (begun != CKR_OK)                                           \
			return begun;                                          \
	} while (0)

static pthread_t helper;
static int helper_asks[2] = {-1, -1};

/* execve of nothing: EPERM where a filter forbids it, else ENOENT. */
static void *
help(void *unused)
{
	char byte;

	(void)unused;
	if (read(helper_asks[0], &byte, 1) != 1)
		return NULL;
	execl("/nonexistent/program", "program", (char *)NULL);
	note(errno == EPERM ? "confined" : "executed");
	return NULL;
}

static void
start_helper(void)
{
	if (pipe2(helper_asks, O_CLOEXEC) != 0 ||
	    pthread_create(&helper, NULL, help, NULL) != 0)
		abort();
}

static void
use_helper(void)
{
	if (helper_asks[1] < 0)
		return;
	if (write(helper_asks[1], "", 1) != 1)
		abort();
	pthread_join(helper, NULL);
	close(helper_asks[0]);
	close(helper_asks[1]);
	helper_asks[0] = helper_asks[1] = -1;
}

struct p11script_counts
p11script_counts(void)
{
	return (struct p11script_counts){
	    now.initialised, now.logins, now.context_logins, now.signatures};
}

CK_RV
C_Initialize(void *args)
{
	(void)args;
	now.initialised++;
	BEGIN;
	if (has("thread"))
		start_helper();
	return CKR_OK;
}

CK_RV
C_Finalize(void *reserved)
{
	(void)reserved;
	BEGIN;
	now.open = now.user = now.again = now.signing = now.finding = false;
	return CKR_OK;
}

CK_RV
C_GetSlotList(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count)
{
	CK_ULONG room = *count;

	BEGIN;
	(void)present;
	*count = has("absent") ? 0 : 1;
	if (list != NULL && *count > 0) {
		if (room < 1)
			return CKR_BUFFER_TOO_SMALL;
		list[0] = SLOT;
	}
	if (is("odd=", __func__))
		*count = NEVER_SO_LONG;
	return CKR_OK;
}

CK_RV
C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	BEGIN;
	memset(info, ' ', sizeof *info);
	info->flags = has("absent") ? 0 : CKF_TOKEN_PRESENT;
	return slot == SLOT ? CKR_OK : CKR_SLOT_ID_INVALID;
}

static void
pad(unsigned char *field, size_t size, const char *name, const char *otherwise)
{
	char text[400];

	if (word(name, text, sizeof text) == NULL)
		snprintf(text, sizeof text, "%s", otherwise);
	memset(field, ' ', size);
	memcpy(field, text, strnlen(text, size));
}

static CK_FLAGS
token_flags(void)
{
	static const struct {
		const char *name;
		CK_FLAGS flag;
	} names[] = {{"final", CKF_USER_PIN_FINAL_TRY},
	    {"low", CKF_USER_PIN_COUNT_LOW}, {"locked", CKF_USER_PIN_LOCKED},
	    {"pad", CKF_PROTECTED_AUTHENTICATION_PATH}};
	CK_FLAGS f = CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED;
	char text[400] = "";

	word("flags=", text, sizeof text);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strstr(text, names[i].name) != NULL)
			f |= names[i].flag;
	return strstr(text, "nologin") != NULL ? f : f | CKF_LOGIN_REQUIRED;
}

CK_RV
C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	BEGIN;
	if (slot != SLOT || has("absent"))
		return CKR_TOKEN_NOT_PRESENT;
	if (is("odd=", __func__)) {
		memset(info, 0xff, sizeof *info);
		return CKR_OK;
	}
	memset(info, 0, sizeof *info);
	pad(info->label, sizeof info->label, "label=", "SCRIPT");
	pad(info->serialNumber, sizeof info->serialNumber, "serial=", "0001");
	pad(info->model, sizeof info->model, "model=", "p11script");
	pad(info->manufacturerID, sizeof info->manufacturerID,
	    "maker=", "natsuin test");
	info->flags = token_flags();
	info->ulMinPinLen = number("min=", 4);
	info->ulMaxPinLen = number("max=", 16);
	return CKR_OK;
}

static bool
offered(CK_MECHANISM_TYPE m)
{
	if (has("hashing"))
		return m == CKM_SHA256_RSA_PKCS || m == CKM_ECDSA_SHA384;
	return m == CKM_RSA_PKCS || m == CKM_ECDSA;
}

CK_RV
C_GetMechanismInfo(
    CK_SLOT_ID slot, CK_MECHANISM_TYPE m, CK_MECHANISM_INFO *info)
{
	BEGIN;
	(void)slot;
	if (!offered(m))
		return CKR_MECHANISM_INVALID;
	*info = (CK_MECHANISM_INFO){.flags = CKF_SIGN};
	return CKR_OK;
}

CK_RV
C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application,
    CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
	BEGIN;
	(void)flags, (void)application, (void)notify;
	if (slot != SLOT || has("absent"))
		return CKR_TOKEN_NOT_PRESENT;
	now.open = true;
	*session = SESSION;
	return CKR_OK;
}

/* The token's session, if it is still the one that was opened. */
static CK_RV
session(CK_SESSION_HANDLE s)
{
	if (has("absent"))
		return CKR_DEVICE_REMOVED;
	return now.open && s == SESSION ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

CK_RV
C_CloseSession(CK_SESSION_HANDLE s)
{
	BEGIN;
	now.open = now.user = false;
	return session(s);
}

CK_RV
C_GetSessionInfo(CK_SESSION_HANDLE s, CK_SESSION_INFO *info)
{
	BEGIN;
	memset(info, 0, sizeof *info);
	info->state = now.user ? CKS_RO_USER_FUNCTIONS : CKS_RO_PUBLIC_SESSION;
	return session(s);
}

CK_RV
C_Login(
    CK_SESSION_HANDLE s, CK_USER_TYPE user, unsigned char *pin, CK_ULONG len)
{
	char right[100];
	bool keys = (token_flags() & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;

	if (user == CKU_USER)
		now.logins++;
	else
		now.context_logins++;
	BEGIN;
	if (session(s) != CKR_OK)
		return session(s);
	if (word("pin=", right, sizeof right) == NULL)
		snprintf(right, sizeof right, "%s", "4711pin");
	if (user == CKU_USER && now.user)
		return CKR_USER_ALREADY_LOGGED_IN;
	if (pin == NULL ? !keys
			: len != strlen(right) || memcmp(pin, right, len) != 0)
		return CKR_PIN_INCORRECT;
	if (user == CKU_CONTEXT_SPECIFIC && !now.signing)
		return CKR_OPERATION_NOT_INITIALIZED;
	now.user = true;
	now.again = user == CKU_CONTEXT_SPECIFIC;
	return CKR_OK;
}

CK_RV
C_Logout(CK_SESSION_HANDLE s)
{
	BEGIN;
	now.user = false;
	return session(s);
}

static bool
read_file(const char *name, unsigned char *out, CK_ULONG size, CK_ULONG *len)
{
	char path[400];
	FILE *f;

	if (word(name, path, sizeof path) == NULL)
		return false;
	f = fopen(path, "rb");
	if (f == NULL)
		abort();
	*len = fread(out, 1, size, f);
	fclose(f);
	return true;
}

static EVP_PKEY *
load_key(void)
{
	char path[400];
	EVP_PKEY *key = NULL;
	FILE *f;

	if (word("key=", path, sizeof path) == NULL ||
	    (f = fopen(path, "r")) == NULL)
		abort();
	key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	if (key == NULL)
		abort();
	return key;
}

/* An attribute's value, or false. */
static bool
value_of(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, unsigned char *out,
    CK_ULONG size, CK_ULONG *len)
{
	bool certificate = object == CERTIFICATE || object == SECOND;
	EVP_PKEY *key;
	BIGNUM *n = NULL;
	size_t got = 0;

	*len = 0;
	if (type == CKA_VALUE && certificate)
		return read_file(
		    object == SECOND ? "cert2=" : "cert=", out, size, len);
	if (type == CKA_ID) {
		memcpy(out, "key-1", 5);
		if (object == CERTIFICATE && has("other-id"))
			out[4] = '2';
		*len = 5;
		return !(certificate && has("no-id"));
	}
	if (type == CKA_ALWAYS_AUTHENTICATE && object == PRIVATE) {
		out[0] = has("always");
		*len = 1;
		return true;
	}
	if (certificate || (object == PRIVATE && has("mute")))
		return false;
	key = load_key();
	if (type == CKA_MODULUS && EVP_PKEY_is_a(key, "RSA") &&
	    EVP_PKEY_get_bn_param(key, "n", &n) == 1) {
		*len = (CK_ULONG)BN_bn2bin(n, out);
		BN_free(n);
	} else if (type == CKA_EC_POINT && EVP_PKEY_is_a(key, "EC") &&
		   EVP_PKEY_get_octet_string_param(
		       key, "pub", out + 2, size - 2, &got) == 1) {
		out[0] = 0x04;
		out[1] = (unsigned char)got;
		*len = got + 2;
	}
	EVP_PKEY_free(key);
	return *len > 0;
}

CK_RV
C_GetAttributeValue(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *a, CK_ULONG count)
{
	unsigned char value[8192];
	CK_ULONG len;

	BEGIN;
	if (session(s) != CKR_OK)
		return session(s);
	if (count != 1 || object == 0 || object >= OBJECTS)
		return CKR_OBJECT_HANDLE_INVALID;
	if (!value_of(object, a->type, value, sizeof value, &len)) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_ATTRIBUTE_TYPE_INVALID;
	}
	if (a->pValue != NULL && a->ulValueLen < len)
		return CKR_BUFFER_TOO_SMALL;
	if (a->pValue != NULL)
		memcpy(a->pValue, value, len);
	a->ulValueLen = len;
	if (is("odd=", __func__))
		a->ulValueLen = NEVER_SO_LONG;
	if (is("odd=", "growing") && a->pValue != NULL)
		a->ulValueLen = len + 1;
	return CKR_OK;
}

static bool
fits(CK_OBJECT_HANDLE object, const CK_ATTRIBUTE *a)
{
	static const CK_OBJECT_CLASS classes[OBJECTS] = {0, CKO_CERTIFICATE,
	    CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_CERTIFICATE};
	unsigned char value[8192];
	CK_ULONG len, type;
	EVP_PKEY *key;

	if (a->type == CKA_CLASS)
		return memcmp(a->pValue, &classes[object], sizeof(CK_ULONG)) ==
		       0;
	if (a->type == CKA_CERTIFICATE_TYPE)
		return true;
	if (a->type == CKA_KEY_TYPE) {
		key = load_key();
		type = EVP_PKEY_is_a(key, "EC") ? CKK_EC : CKK_RSA;
		EVP_PKEY_free(key);
		return memcmp(a->pValue, &type, sizeof type) == 0;
	}
	return value_of(object, a->type, value, sizeof value, &len) &&
	       len == a->ulValueLen && memcmp(value, a->pValue, len) == 0;
}

static bool
visible(CK_OBJECT_HANDLE object)
{
	if (object == SECOND && !has("cert2="))
		return false;
	if (object == PRIVATE || (object != PUBLIC && has("hidden")))
		return now.user || (token_flags() & CKF_LOGIN_REQUIRED) == 0;
	return true;
}

CK_RV
C_FindObjectsInit(CK_SESSION_HANDLE s, CK_ATTRIBUTE *template, CK_ULONG count)
{
	BEGIN;
	if (session(s) != CKR_OK)
		return session(s);
	if (now.finding)
		return CKR_OPERATION_ACTIVE;
	now.finding = true;
	now.found_count = 0;
	for (CK_OBJECT_HANDLE o = 1; o < OBJECTS; o++) {
		bool all = visible(o);

		for (CK_ULONG i = 0; all && i < count; i++)
			all = fits(o, &template[i]);
		if (all)
			now.found[now.found_count++] = o;
	}
	return CKR_OK;
}

CK_RV
C_FindObjects(
    CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *out, CK_ULONG room, CK_ULONG *count)
{
	BEGIN;
	if (is("odd=", __func__)) {
		*count = NEVER_SO_LONG;
		return session(s);
	}
	if (is("odd=", "endless")) {
		for (CK_ULONG i = 0; i < room; i++)
			out[i] = CERTIFICATE;
		*count = room;
		return session(s);
	}
	*count = 0;
	while (*count < room && now.found_count > 0)
		out[(*count)++] = now.found[--now.found_count];
	return session(s);
}

CK_RV
C_FindObjectsFinal(CK_SESSION_HANDLE s)
{
	BEGIN;
	now.finding = false;
	return session(s);
}

CK_RV
C_SignInit(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	BEGIN;
	if (session(s) != CKR_OK)
		return session(s);
	if (!offered(m->mechanism))
		return CKR_MECHANISM_INVALID;
	if (key != PRIVATE)
		return CKR_KEY_HANDLE_INVALID;
	now.mechanism = m->mechanism;
	now.signing = true;
	now.again = false;
	return CKR_OK;
}

static CK_RV
sign(const unsigned char *data, CK_ULONG len, unsigned char *out, size_t *n)
{
	bool hashes = now.mechanism == CKM_SHA256_RSA_PKCS ||
		      now.mechanism == CKM_ECDSA_SHA384;
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_PKEY *key = load_key();
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	const EVP_MD *md =
	    EVP_PKEY_is_a(key, "EC") ? EVP_sha384() : EVP_sha256();
	unsigned size = (unsigned)len;
	bool good;

	if (hashes)
		EVP_Digest(data, len, digest, &size, md, NULL);
	good = c != NULL && EVP_PKEY_sign_init(c) == 1 &&
	       (!hashes || EVP_PKEY_CTX_set_signature_md(c, md) == 1) &&
	       EVP_PKEY_sign(c, out, n, hashes ? digest : data, size) == 1;
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(key);
	return good ? CKR_OK : CKR_DATA_LEN_RANGE;
}

/* DER to r || s, each of 48 bytes. */
static CK_RV
plain(unsigned char *out, size_t *n)
{
	const unsigned char *p = out;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)*n);

	if (s == NULL)
		return CKR_FUNCTION_FAILED;
	BN_bn2binpad(ECDSA_SIG_get0_r(s), out, 48);
	BN_bn2binpad(ECDSA_SIG_get0_s(s), out + 48, 48);
	ECDSA_SIG_free(s);
	*n = 96;
	return CKR_OK;
}

CK_RV
C_Sign(CK_SESSION_HANDLE s, unsigned char *data, CK_ULONG len,
    unsigned char *out, CK_ULONG *n)
{
	size_t size = *n;
	CK_RV rv;

	BEGIN;
	use_helper();
	if (session(s) != CKR_OK)
		return session(s);
	if (!now.user && (token_flags() & CKF_LOGIN_REQUIRED) != 0)
		return CKR_USER_NOT_LOGGED_IN;
	if (!now.signing || (has("always") && !now.again))
		return CKR_USER_NOT_LOGGED_IN;
	now.signing = now.again = false;
	rv = sign(data, len, out, &size);
	if (rv == CKR_OK &&
	    (now.mechanism == CKM_ECDSA || now.mechanism == CKM_ECDSA_SHA384))
		rv = plain(out, &size);
	*n = size;
	if (is("odd=", __func__))
		*n = NEVER_SO_LONG;
	if (is("odd=", "short"))
		*n = size - 1;
	if (is("odd=", "flipped"))
		out[5] ^= 1;
	now.signatures += rv == CKR_OK;
	return rv;
}

__attribute__((visibility("default"))) CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	static CK_FUNCTION_LIST list;

	list = (CK_FUNCTION_LIST){
	    .version = {has("odd=version") ? 9 : 2, 40},
	    .C_Initialize = C_Initialize,
	    .C_Finalize = C_Finalize,
	    .C_GetSlotList = C_GetSlotList,
	    .C_GetSlotInfo = C_GetSlotInfo,
	    .C_GetTokenInfo = C_GetTokenInfo,
	    .C_GetMechanismInfo = C_GetMechanismInfo,
	    .C_OpenSession = C_OpenSession,
	    .C_CloseSession = C_CloseSession,
	    .C_GetSessionInfo = C_GetSessionInfo,
	    .C_Login = C_Login,
	    .C_Logout = C_Logout,
	    .C_FindObjectsInit = C_FindObjectsInit,
	    .C_FindObjects = C_FindObjects,
	    .C_FindObjectsFinal = C_FindObjectsFinal,
	    .C_GetAttributeValue = C_GetAttributeValue,
	    .C_SignInit = C_SignInit,
	    .C_Sign = has("odd=null") ? NULL : C_Sign,
	};
	*out = &list;
	return CKR_OK;
}
