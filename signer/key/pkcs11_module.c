/*
 * The only file that calls PKCS#11.  The module is foreign code: it is given
 * room that we own and bounded, and what it says of counts and lengths is
 * compared with that room before it is used.  Nothing here presents a PIN by
 * itself: p11_login once per call, p11_sign once where the key says
 * CKA_ALWAYS_AUTHENTICATE.
 */
#include "signer/key/pkcs11_module.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CERTIFICATE_MAX (64 * 1024)
#define OBJECTS_MAX 256
#define FIND_AT_ONCE 16

struct p11 {
	CK_FUNCTION_LIST *f;
	bool initialised;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
	bool open;
};

/* What the module's answers mean; all others are "pkcs11-refused". */
static const struct {
	CK_RV rv;
	enum err_class class;
	const char *code;
} answers[] = {
    {CKR_PIN_INCORRECT, ERR_PIN, "pin-wrong"},
    {CKR_PIN_LOCKED, ERR_PIN, "pin-blocked"},
    {CKR_PIN_INVALID, ERR_PIN, "pin-format"},
    {CKR_PIN_LEN_RANGE, ERR_PIN, "pin-format"},
    {CKR_PIN_EXPIRED, ERR_PIN, "pkcs11-pin-expired"},
    {CKR_USER_PIN_NOT_INITIALIZED, ERR_PIN, "pkcs11-pin-not-set"},
    {CKR_FUNCTION_CANCELED, ERR_PIN, "pin-cancelled"},
    {CKR_DEVICE_REMOVED, ERR_CARD, "card-removed"},
    {CKR_TOKEN_NOT_PRESENT, ERR_CARD, "card-removed"},
    {CKR_TOKEN_NOT_RECOGNIZED, ERR_CARD, "card-removed"},
    {CKR_SESSION_HANDLE_INVALID, ERR_CARD, "card-state-lost"},
    {CKR_SESSION_CLOSED, ERR_CARD, "card-state-lost"},
    {CKR_USER_NOT_LOGGED_IN, ERR_CARD, "card-pin-status-lost"},
    {CKR_DEVICE_ERROR, ERR_CARD, "card-error"},
};

/* Turns an answer other than CKR_OK into an error; returns -1. */
static int
refused(CK_RV rv, const char *function, struct err *e)
{
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		if (answers[i].rv == rv)
			return err_lib(e, answers[i].class, answers[i].code, rv,
			    "%s", function);
	return err_lib(
	    e, ERR_CARD, "pkcs11-refused", rv, "%s: CKR 0x%lx", function, rv);
}

/* The module said something that cannot be. */
static int
nonsense(const char *function, unsigned long n, struct err *e)
{
	return err_set(e, ERR_CARD, "pkcs11-answer", "%s: %lu", function, n);
}

static bool
complete(const CK_FUNCTION_LIST *f)
{
	return f != NULL && f->C_Initialize != NULL && f->C_Finalize != NULL &&
	       f->C_GetSlotList != NULL && f->C_GetSlotInfo != NULL &&
	       f->C_GetTokenInfo != NULL && f->C_GetMechanismInfo != NULL &&
	       f->C_OpenSession != NULL && f->C_CloseSession != NULL &&
	       f->C_GetSessionInfo != NULL && f->C_Login != NULL &&
	       f->C_Logout != NULL && f->C_FindObjectsInit != NULL &&
	       f->C_FindObjects != NULL && f->C_FindObjectsFinal != NULL &&
	       f->C_GetAttributeValue != NULL && f->C_SignInit != NULL &&
	       f->C_Sign != NULL;
}

/* The library stays loaded: modules that were unloaded have crashed their
 * programs at exit, and loading again gives the same one. */
static CK_FUNCTION_LIST *
functions_of(const char *path, struct err *e)
{
	CK_FUNCTION_LIST *f = NULL;
	CK_C_GetFunctionList get;
	void *library, *symbol;
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & S_IWOTH) != 0) {
		err_set(e, ERR_CONFIG, "pkcs11-module-mode", "%s", path);
		return NULL;
	}
	/* An empty path would be this program. */
	if (path[0] == '\0') {
		err_set(e, ERR_CONFIG, "pkcs11-module-unusable", "no path");
		return NULL;
	}
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		err_set(
		    e, ERR_CONFIG, "pkcs11-module-unusable", "%s", dlerror());
		return NULL;
	}
	symbol = dlsym(library, "C_GetFunctionList");
	memcpy(&get, &symbol, sizeof get); /* ISO C has no such cast */
	if (symbol == NULL || get(&f) != CKR_OK || !complete(f) ||
	    f->version.major < 2 || f->version.major > 3) {
		err_set(e, ERR_CONFIG, "pkcs11-module-unusable",
		    "%s is no PKCS#11 module", path);
		f = NULL;
		dlclose(library);
	}
	return f;
}

/* Modules may start threads; those that can't with the system's locks are
 * asked again without any word on it. */
static CK_RV
initialise(CK_FUNCTION_LIST *f)
{
	CK_C_INITIALIZE_ARGS a = {.flags = CKF_OS_LOCKING_OK};
	CK_RV rv = f->C_Initialize(&a);

	if (rv == CKR_CANT_LOCK || rv == CKR_ARGUMENTS_BAD)
		rv = f->C_Initialize(NULL);
	return rv;
}

struct p11 *
p11_load(const char *path, struct err *e)
{
	struct p11 *p = calloc(1, sizeof *p);
	CK_RV rv;

	if (p == NULL) {
		err_nomem(e);
		return NULL;
	}
	p->f = functions_of(path, e);
	if (p->f == NULL)
		goto fail;
	rv = initialise(p->f);
	p->initialised = rv == CKR_OK;
	if (rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
		return p;
	err_lib(
	    e, ERR_CARD, "pkcs11-module-failed", rv, "%s: CKR 0x%lx", path, rv);
fail:
	p11_free(p);
	return NULL;
}

void
p11_free(struct p11 *p)
{
	if (p == NULL)
		return;
	if (p->open) {
		p->f->C_Logout(p->session);
		p->f->C_CloseSession(p->session);
	}
	if (p->initialised)
		p->f->C_Finalize(NULL);
	free(p);
}

/* A field of CK_TOKEN_INFO: padded by blanks, in some modules by zeros. */
static void
trim(char *out, const unsigned char *field, size_t n)
{
	n = strnlen((const char *)field, n);
	while (n > 0 && field[n - 1] == ' ')
		n--;
	memcpy(out, field, n);
	out[n] = '\0';
}

int
p11_token(
    struct p11 *p, unsigned long slot, struct p11_token *out, struct err *e)
{
	CK_TOKEN_INFO t = {0};
	CK_RV rv = p->f->C_GetTokenInfo(slot, &t);

	if (rv != CKR_OK)
		return refused(rv, "C_GetTokenInfo", e);
	*out = (struct p11_token){.slot = slot,
	    .pin_min = t.ulMinPinLen,
	    .pin_max = t.ulMaxPinLen,
	    .initialised = (t.flags & CKF_TOKEN_INITIALIZED) != 0,
	    .login = (t.flags & CKF_LOGIN_REQUIRED) != 0,
	    .pad = (t.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0,
	    .low = (t.flags & CKF_USER_PIN_COUNT_LOW) != 0,
	    .last = (t.flags & CKF_USER_PIN_FINAL_TRY) != 0,
	    .locked = (t.flags & CKF_USER_PIN_LOCKED) != 0};
	trim(out->label, t.label, sizeof t.label);
	trim(out->serial, t.serialNumber, sizeof t.serialNumber);
	trim(out->maker, t.manufacturerID, sizeof t.manufacturerID);
	trim(out->model, t.model, sizeof t.model);
	return 0;
}

/* A slot's token may go, or be of another kind, while it is looked at. */
static bool
passes(const struct err *e)
{
	return e->lib == CKR_TOKEN_NOT_PRESENT ||
	       e->lib == CKR_TOKEN_NOT_RECOGNIZED ||
	       e->lib == CKR_DEVICE_REMOVED || e->lib == CKR_SLOT_ID_INVALID;
}

int
p11_tokens(struct p11 *p, struct p11_token *list, size_t *count, struct err *e)
{
	CK_SLOT_ID slots[P11_TOKENS_MAX];
	CK_ULONG n = 0;
	CK_RV rv;

	*count = 0;
	/* The question without room makes modules look at their readers. */
	rv = p->f->C_GetSlotList(CK_TRUE, NULL, &n);
	if (rv != CKR_OK)
		return refused(rv, "C_GetSlotList", e);
	n = P11_TOKENS_MAX;
	rv = p->f->C_GetSlotList(CK_TRUE, slots, &n);
	if (rv != CKR_OK)
		return refused(rv, "C_GetSlotList", e);
	if (n > P11_TOKENS_MAX)
		return nonsense("C_GetSlotList", n, e);
	for (CK_ULONG i = 0; i < n; i++) {
		struct err why = {0};

		if (p11_token(p, slots[i], &list[*count], &why) == 0) {
			++*count;
		} else if (!passes(&why)) {
			*e = why;
			return -1;
		}
	}
	return 0;
}

int
p11_session(struct p11 *p, unsigned long slot, struct err *e)
{
	CK_RV rv = p->f->C_OpenSession(
	    slot, CKF_SERIAL_SESSION, NULL, NULL, &p->session);

	if (rv != CKR_OK)
		return refused(rv, "C_OpenSession", e);
	p->slot = slot;
	p->open = true;
	return 0;
}

int
p11_alive(struct p11 *p, bool logged_in, struct err *e)
{
	CK_SLOT_INFO slot = {0};
	CK_SESSION_INFO s = {0};
	CK_RV rv = p->f->C_GetSlotInfo(p->slot, &slot);

	if (rv != CKR_OK)
		return refused(rv, "C_GetSlotInfo", e);
	if ((slot.flags & CKF_TOKEN_PRESENT) == 0)
		return refused(CKR_TOKEN_NOT_PRESENT, "C_GetSlotInfo", e);
	rv = p->f->C_GetSessionInfo(p->session, &s);
	if (rv != CKR_OK)
		return refused(rv, "C_GetSessionInfo", e);
	if (logged_in && s.state != CKS_RO_USER_FUNCTIONS &&
	    s.state != CKS_RW_USER_FUNCTIONS)
		return refused(CKR_USER_NOT_LOGGED_IN, "C_GetSessionInfo", e);
	return 0;
}

/* The module only reads it. */
static CK_RV
login(struct p11 *p, CK_USER_TYPE user, const struct secret *pin)
{
	if (pin == NULL)
		return p->f->C_Login(p->session, user, NULL, 0);
	return p->f->C_Login(p->session, user,
	    (CK_UTF8CHAR_PTR)(uintptr_t)secret_text(pin), secret_len(pin));
}

int
p11_login(struct p11 *p, const struct secret *pin, struct err *e)
{
	CK_RV rv = login(p, CKU_USER, pin);

	/* "Already" would mean that this PIN was not looked at. */
	if (rv == CKR_USER_ALREADY_LOGGED_IN) {
		p->f->C_Logout(p->session);
		rv = login(p, CKU_USER, pin);
	}
	return rv == CKR_OK ? 0 : refused(rv, "C_Login", e);
}

/* What a token says to a new PIN; what is not listed leaves it open. */
static int
set_pin_result(CK_RV rv, struct err *e)
{
	switch (rv) {
	case CKR_OK:
		return 0;
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
		return err_lib(
		    e, ERR_PIN, "pin-new-refused", rv, "C_SetPIN: %#lx", rv);
	case CKR_FUNCTION_NOT_SUPPORTED:
	case CKR_TOKEN_WRITE_PROTECTED:
	case CKR_SESSION_READ_ONLY:
		return err_lib(e, ERR_CONFIG, "pin-change-elsewhere", rv,
		    "C_SetPIN: %#lx", rv);
	case CKR_PIN_INCORRECT:
	case CKR_PIN_LOCKED:
		return refused(rv, "C_SetPIN", e);
	default:
		return err_lib(
		    e, ERR_PIN, "pin-change-unsure", rv, "C_SetPIN: %#lx", rv);
	}
}

int
p11_set_pin(struct p11 *p, const struct secret *old, const struct secret *pin,
    struct err *e)
{
	CK_SESSION_HANDLE s = 0;
	CK_RV rv = p->f->C_OpenSession(
	    p->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s);

	if (rv == CKR_TOKEN_WRITE_PROTECTED)
		return set_pin_result(rv, e);
	if (rv != CKR_OK)
		return refused(rv, "C_OpenSession", e);
	rv = p->f->C_SetPIN == NULL
		 ? CKR_FUNCTION_NOT_SUPPORTED
		 : p->f->C_SetPIN(s,
		       (CK_UTF8CHAR_PTR)(uintptr_t)secret_text(old),
		       secret_len(old),
		       (CK_UTF8CHAR_PTR)(uintptr_t)secret_text(pin),
		       secret_len(pin));
	p->f->C_CloseSession(s);
	return set_pin_result(rv, e);
}

/* Finds objects by a template; *count of them, at most `max`. */
static int
find(struct p11 *p, CK_ATTRIBUTE *template, CK_ULONG attributes,
    CK_OBJECT_HANDLE *found, size_t *count, struct err *e)
{
	CK_RV rv = p->f->C_FindObjectsInit(p->session, template, attributes);
	CK_ULONG n = 0;
	int result = 0;

	*count = 0;
	if (rv != CKR_OK)
		return refused(rv, "C_FindObjectsInit", e);
	do {
		CK_ULONG room = OBJECTS_MAX - *count;

		n = 0;
		room = room < FIND_AT_ONCE ? room : FIND_AT_ONCE;
		rv = p->f->C_FindObjects(p->session, found + *count, room, &n);
		if (rv != CKR_OK)
			result = refused(rv, "C_FindObjects", e);
		else if (n > room || *count + n == OBJECTS_MAX)
			result = nonsense("C_FindObjects", n, e);
		else
			*count += n;
	} while (result == 0 && n > 0);
	p->f->C_FindObjectsFinal(p->session);
	return result;
}

/* Does an answer tell of the token or the session, not of one object? */
static bool
known(CK_RV rv)
{
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		if (answers[i].rv == rv)
			return true;
	return false;
}

/* An attribute of at most `max` bytes, appended.  1; 0 when the object does
 * not have it or does not show it; -1. */
static int
attribute(struct p11 *p, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
    size_t max, struct buf *out, struct err *e)
{
	CK_ATTRIBUTE a = {type, NULL, 0};
	CK_RV rv = p->f->C_GetAttributeValue(p->session, object, &a, 1);
	CK_ULONG room;

	if (!known(rv) && rv != CKR_OK)
		return 0;
	if (rv != CKR_OK)
		return refused(rv, "C_GetAttributeValue", e);
	if (a.ulValueLen == CK_UNAVAILABLE_INFORMATION || a.ulValueLen == 0)
		return 0;
	if (a.ulValueLen > max)
		return nonsense("C_GetAttributeValue", a.ulValueLen, e);
	room = a.ulValueLen;
	if (buf_reserve(out, room) != 0)
		return err_nomem(e);
	a.pValue = out->p + out->len;
	rv = p->f->C_GetAttributeValue(p->session, object, &a, 1);
	if (rv != CKR_OK)
		return refused(rv, "C_GetAttributeValue", e);
	if (a.ulValueLen > room)
		return nonsense("C_GetAttributeValue", a.ulValueLen, e);
	out->len += a.ulValueLen;
	return 1;
}

/* A CK_BBOOL; `otherwise` when the object has none. */
static int
flag(struct p11 *p, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
    bool otherwise, bool *out, struct err *e)
{
	struct buf b = {0};
	int got = attribute(p, object, type, sizeof(CK_ULONG), &b, e);

	*out = otherwise;
	if (got == 1 && b.len == sizeof(CK_BBOOL))
		*out = b.p[0] != CK_FALSE;
	else if (got == 1)
		got = nonsense("CK_BBOOL", b.len, e);
	buf_free(&b);
	return got < 0 ? -1 : 0;
}

/* 1 when it was taken; 0 when it is no certificate that can be read. */
static int
read_certificate(struct p11 *p, CK_OBJECT_HANDLE object,
    struct p11_certificate *c, struct err *e)
{
	struct buf id = {0};
	int got;

	memset(c, 0, sizeof *c);
	got = attribute(p, object, CKA_VALUE, CERTIFICATE_MAX, &c->der, e);
	if (got != 1)
		return got;
	got = attribute(p, object, CKA_ID, sizeof c->id, &id, e);
	if (got == 1) {
		memcpy(c->id, id.p, id.len);
		c->id_len = id.len;
	}
	buf_free(&id);
	return got < 0 ? -1 : 1;
}

int
p11_certificates(
    struct p11 *p, struct p11_certificate *list, size_t *count, struct err *e)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_ATTRIBUTE template[] = {
	    {CKA_CLASS, &class, sizeof class},
	    {CKA_CERTIFICATE_TYPE, &type, sizeof type},
	};
	CK_OBJECT_HANDLE found[OBJECTS_MAX];
	size_t n;
	int got;

	*count = 0;
	if (find(p, template, 2, found, &n, e) != 0)
		return -1;
	if (n > P11_CERTIFICATES_MAX)
		return nonsense("certificates", n, e);
	for (size_t i = 0; i < n; i++) {
		got = read_certificate(p, found[i], &list[*count], e);
		if (got == 1) {
			++*count;
			continue;
		}
		buf_free(&list[*count].der);
		if (got < 0)
			return -1;
	}
	return 0;
}

void
p11_certificates_free(struct p11_certificate *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_free(&list[i].der);
}

/* Is this value the wanted public key?  CKA_EC_POINT is a DER OCTET STRING,
 * in some modules the bare point; a modulus may have a leading zero. */
static bool
is_public(const struct p11_wanted *w, struct slice v)
{
	if (!w->ec && v.len == w->public.len + 1 && v.p[0] == 0)
		v = slice_of(v.p + 1, v.len - 1);
	if (w->ec && v.len == w->public.len + 2 && v.p[0] == 0x04 &&
	    v.p[1] == w->public.len)
		v = slice_of(v.p + 2, v.len - 2);
	return slice_eq(v, w->public);
}

/* 1 when the object shows the wanted public key, 0 when it shows another,
 * 2 when it shows none; -1. */
static int
shows_public(struct p11 *p, CK_OBJECT_HANDLE object, const struct p11_wanted *w,
    struct err *e)
{
	struct buf v = {0};
	int got = attribute(p, object, w->ec ? CKA_EC_POINT : CKA_MODULUS,
	    P11_SIGNATURE_MAX, &v, e);

	if (got == 1)
		got = is_public(w, buf_view(&v));
	else if (got == 0)
		got = 2;
	buf_free(&v);
	return got;
}

/* The objects of this class and kind of key, with this identifier unless it
 * is empty. */
static int
find_keys(struct p11 *p, CK_OBJECT_CLASS class, const struct p11_wanted *w,
    struct slice id, CK_OBJECT_HANDLE *found, size_t *count, struct err *e)
{
	CK_KEY_TYPE type = w->ec ? CKK_EC : CKK_RSA;
	CK_ATTRIBUTE template[] = {
	    {CKA_CLASS, &class, sizeof class},
	    {CKA_KEY_TYPE, &type, sizeof type},
	    {CKA_ID, (void *)(uintptr_t)id.p, id.len},
	};

	return find(p, template, id.len == 0 ? 2 : 3, found, count, e);
}

/* Takes a private key when it may sign.  1, 0, -1. */
static int
take_key(
    struct p11 *p, CK_OBJECT_HANDLE object, struct p11_key *out, struct err *e)
{
	bool signs;

	out->handle = object;
	if (flag(p, object, CKA_SIGN, true, &signs, e) != 0 ||
	    flag(p, object, CKA_ALWAYS_AUTHENTICATE, false,
		&out->always_authenticate, e) != 0)
		return -1;
	return signs;
}

/* The private key with this identifier.  Several: the one that shows the
 * public key; among those that show none the identifier decides alone. */
static int
key_by_id(struct p11 *p, const struct p11_wanted *w, struct slice id,
    struct p11_key *out, struct err *e)
{
	CK_OBJECT_HANDLE found[OBJECTS_MAX];
	size_t n, mute = 0;
	int got;

	if (find_keys(p, CKO_PRIVATE_KEY, w, id, found, &n, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		got = shows_public(p, found[i], w, e);
		if (got == 1)
			got = take_key(p, found[i], out, e);
		if (got == 1 || got < 0)
			return got;
		if (got == 2 && id.len > 0)
			found[mute++] = found[i];
	}
	return mute == 1 ? take_key(p, found[0], out, e) : 0;
}

/* By the public key object: it names the private one by its identifier. */
static int
key_by_public(struct p11 *p, const struct p11_wanted *w, struct p11_key *out,
    struct err *e)
{
	static const struct slice any = {0};
	CK_OBJECT_HANDLE found[OBJECTS_MAX];
	struct buf id = {0};
	size_t n;
	int got = 0;

	if (find_keys(p, CKO_PUBLIC_KEY, w, any, found, &n, e) != 0)
		return -1;
	for (size_t i = 0; i < n && got == 0; i++) {
		got = shows_public(p, found[i], w, e);
		if (got == 2)
			got = 0;
		if (got != 1)
			continue;
		buf_reset(&id);
		got = attribute(p, found[i], CKA_ID, P11_ID_MAX, &id, e);
		if (got == 1)
			got = key_by_id(p, w, buf_view(&id), out, e);
	}
	buf_free(&id);
	return got;
}

int
p11_find_key(struct p11 *p, const struct p11_wanted *w, struct p11_key *out,
    struct err *e)
{
	static const struct slice any = {0};
	int got = 0;

	if (w->id.len > 0)
		got = key_by_id(p, w, w->id, out, e);
	if (got == 0)
		got = key_by_id(p, w, any, out, e);
	if (got == 0)
		got = key_by_public(p, w, out, e);
	return got;
}

static CK_MECHANISM_TYPE
mechanism_type(enum p11_mechanism m)
{
	switch (m) {
	case P11_RSA_PKCS:
		return CKM_RSA_PKCS;
	case P11_SHA256_RSA_PKCS:
		return CKM_SHA256_RSA_PKCS;
	case P11_ECDSA:
		return CKM_ECDSA;
	case P11_ECDSA_SHA384:
		break;
	}
	return CKM_ECDSA_SHA384;
}

bool
p11_offers(struct p11 *p, enum p11_mechanism m)
{
	CK_MECHANISM_INFO info = {0};
	CK_RV rv = p->f->C_GetMechanismInfo(p->slot, mechanism_type(m), &info);

	if (rv == CKR_FUNCTION_NOT_SUPPORTED)
		return m == P11_RSA_PKCS || m == P11_ECDSA;
	return rv == CKR_OK && (info.flags & CKF_SIGN) != 0;
}

int
p11_sign(struct p11 *p, const struct p11_signing *s, struct slice data,
    struct buf *out, struct err *e)
{
	CK_MECHANISM m = {mechanism_type(s->mechanism), NULL, 0};
	CK_BYTE signature[P11_SIGNATURE_MAX];
	CK_ULONG n = sizeof signature;
	CK_RV rv = p->f->C_SignInit(p->session, &m, s->key.handle);

	if (rv != CKR_OK)
		return refused(rv, "C_SignInit", e);
	if (s->key.always_authenticate) {
		rv = login(p, CKU_CONTEXT_SPECIFIC, s->pin);
		if (rv != CKR_OK)
			return refused(rv, "C_Login for a signature", e);
	}
	rv = p->f->C_Sign(p->session, (CK_BYTE_PTR)(uintptr_t)data.p, data.len,
	    signature, &n);
	if (rv != CKR_OK)
		return refused(rv, "C_Sign", e);
	if (n != s->length)
		return nonsense("C_Sign", n, e);
	return buf_append(out, signature, n) == 0 ? 0 : err_nomem(e);
}
