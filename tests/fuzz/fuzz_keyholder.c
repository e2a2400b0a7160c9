/*
 * Any messages to a keyholder, over a real socket, into its real loop with a
 * real key.  It must go on serving: after each input an honest client gets a
 * status, now and then a signature, and no signature is made for anything
 * but a SignedInfo.  With clang -DFUZZ -fsanitize=fuzzer a libFuzzer target;
 * without, see mutate.h.
 *
 * Input: pieces of [kind][length][bytes].  Kind 0: the bytes are a datagram;
 * 1: they follow a good header with the type of the first byte; 2: they are
 * the fields of a SIGN request, as three byte strings; 3: a good request;
 * 4: the client hangs up and another comes.
 */
#include "base/fsops.h"
#include "base/log.h"
#include "signer/key/holding.h"
#include "signer/key/keyproto.h"
#include "tests/fuzz/mutate.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct keyholder *holder;
static char dir[] = "/tmp/natsuin-fuzz.XXXXXX";
static char key_file[64], pin_file[64];
static pid_t owner;

#define C14N "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define SHA256 "http://www.w3.org/2001/04/xmlenc#sha256"
static const char good[] =
    "<SignedInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">"
    "<CanonicalizationMethod Algorithm=\"" C14N "\"></CanonicalizationMethod>"
    "<SignatureMethod Algorithm="
    "\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></SignatureMethod>"
    "<Reference URI=\"#%E6%A7%8B%E6%88%90%E6%83%85%E5%A0%B1\"><Transforms>"
    "<Transform Algorithm=\"" C14N "\"></Transform></Transforms>"
    "<DigestMethod Algorithm=\"" SHA256 "\"></DigestMethod><DigestValue>"
    "l5oZv6IDaBQzJzjWvKNSmsYEj0n68xrdl1zsWusRXlQ=</DigestValue></Reference>"
    "</SignedInfo>";

static void
need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "not ok fuzz_keyholder: %s\n", what);
	abort();
}

static void
clean_up(void)
{
	struct err e = {0};

	if (getpid() != owner)
		return;
	keyholder_close(holder);
	fs_remove_tree(AT_FDCWD, dir, &e);
}

static void
write_key(void)
{
	EVP_PKEY *k = EVP_RSA_gen(2048);
	X509 *x = X509_new();
	FILE *f = fopen(key_file, "w");

	need(k != NULL && x != NULL && f != NULL, "key");
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, k);
	need(X509_sign(x, k, EVP_sha256()) > 0, "certificate");
	PEM_write_PrivateKey(f, k, NULL, NULL, 0, NULL, NULL);
	PEM_write_X509(f, x);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(k);
	f = fopen(pin_file, "w");
	need(f != NULL && fputs("1234567890", f) >= 0 && fclose(f) == 0 &&
		 chmod(pin_file, 0400) == 0,
	    "PIN file");
}

static void
set_up(void)
{
	static char name[] = "fuzz";
	static struct conf_key key = {.name = name,
	    .backend = CONF_BACKEND_TEST,
	    .file = key_file,
	    .pin_file = pin_file};
	struct unlock_options o = {.source = PIN_SOURCE_FILE, .pin_fd = -1};
	struct err e = {0};

	need(mkdtemp(dir) != NULL, "folder");
	snprintf(key_file, sizeof key_file, "%s/key", dir);
	snprintf(pin_file, sizeof pin_file, "%s/pin", dir);
	write_key();
	log_open(-1, LOG_LEVEL_ALERT, "fuzz");
	owner = getpid();
	holder = keyholder_open(&key, dir, &e);
	if (holder == NULL || keyholder_unlock(holder, &o, &e) != 0)
		need(0, e.code);
	atexit(clean_up);
}

static int
connect_client(void)
{
	struct err e = {0};
	int pair[2];

	need(ipc_pair(pair, &e) == 0, "socketpair");
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	hold_add_client(holder, pair[1], false);
	return pair[0];
}

static void
send_piece(int fd, uint8_t kind, const uint8_t *p, size_t n)
{
	uint8_t head[8] = {'N', 'T', IPC_VERSION, 0, n > 0 ? p[0] : 0, 0x4b};
	struct ipc_msg m = {0};
	struct err e = {0};
	size_t third = n / 3;

	if (kind == 0) {
		send(fd, p, n, MSG_NOSIGNAL);
		return;
	}
	if (kind == 1) {
		uint8_t whole[1024];

		n = n > 1000 ? 1000 : n;
		memcpy(whole, head, sizeof head);
		memcpy(whole + sizeof head, p, n);
		send(fd, whole, sizeof head + n, MSG_NOSIGNAL);
		return;
	}
	ipc_begin(&m, KEYMSG_SIGN);
	ipc_put_u64(&m, kind == 3 ? SIGN_RSA_SHA256 : third % 3);
	ipc_put_bytes(&m, kind == 3 ? slice_str(good) : slice_of(p, n - third));
	ipc_put_bytes(
	    &m, kind == 3 ? slice_str("job") : slice_of(p + n - third, third));
	ipc_send(fd, &m, &e);
	ipc_free(&m);
}

/* The loop, until nothing is left to do. */
static void
turn(unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		hold_round(holder, 0);
		if (holder->ending) {
			need(holder->end == KEYHOLDER_END_LOCKED,
			    "ended by a client that did not ask for it");
			holder->ending = false;
		}
	}
}

/* Until the key has nothing more to do. */
static void
settle(void)
{
	while (hold_unreleased(holder))
		hold_round(holder, 1000);
}

static void
honest_client_is_served(bool sign)
{
	struct key_reply r = {0};
	struct err e = {0};
	int fd = connect_client();
	int64_t made;

	settle(); /* what others have asked for */
	made = holder->made;

	need(keyclient_receive(fd, &r, &e) == 0 && r.type == KEY_REPLY_STATUS,
	    "no greeting");
	if (sign) {
		send_piece(fd, 3, NULL, 0);
		turn(1);
		settle();
		need(keyclient_receive(fd, &r, &e) == 0 &&
			 r.type == KEY_REPLY_SIGNED && holder->made == made + 1,
		    "no signature");
	}
	key_reply_free(&r);
	close(fd);
	turn(2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned count;
	int fd;

	if (holder == NULL)
		set_up();
	fd = connect_client();
	while (size >= 2) {
		uint8_t kind = data[0] % 5;
		size_t n = data[1] < size - 2 ? data[1] : size - 2;

		/* Real signatures are slow; a few are enough. */
		if (kind == 4 || (kind == 3 && count % 16 != 0)) {
			close(fd);
			fd = connect_client();
		} else {
			send_piece(fd, kind, data + 2, n);
		}
		if (n % 2 == 0)
			turn(1);
		data += 2 + n;
		size -= 2 + n;
	}
	turn(2);
	close(fd);
	turn(2);
	honest_client_is_served(count++ % 64 == 0);
	return 0;
}

#ifndef FUZZ
int
main(int argc, char **argv)
{
	static const uint8_t mixed[] = {0, 4, 'N', 'T', 1, 0, 1, 1, 2, 1, 1, 3,
	    1, 'n', 0, 3, 0, 1, 2, 0, 2, 9, 'a', 'b', 'c', 'd', 'e', 'f', 'g',
	    'h', 'i', 4, 0, 3, 0};
	static const uint8_t requests[] = {
	    3, 0, 3, 0, 3, 0, 3, 0, 3, 0, 4, 0, 3, 1, 0, 1, 1, 2, 1, 1, 3};
	static const uint8_t fields[] = {1, 30, 1, 'n', 0, 0, 0, 0, 0, 0, 0, 1,
	    'b', 0, 0, 0, 3, 'x', 'y', 'z', 'b', 0, 0, 0, 1, 'j', 0, 0, 0, 0, 0,
	    0};
	static const struct fuzz_seed seeds[] = {{mixed, sizeof mixed},
	    {requests, sizeof requests}, {fields, sizeof fields}, {"", 0}};

	if (mutate_files(argc, argv) != 0)
		return 1;
	if (argc == 1)
		mutate_run(seeds, 4, 4000);
	printf("ok fuzz_keyholder\n");
	return 0;
}
#endif
