/*
 * Path validation in the manner of the NIST PKITS, one row per question: the
 * certificates, our verdict with its code and path, and openssl verify asked
 * the same.  Where the two differ the row says why, and that is printed.
 */
#include "signer/cert/path.h"
#include "signer/cert/path_search.h"

#include "base/fsops.h"
#include "signer/report/explain.h"
#include "tests/lib/certlab.h"
#include "tests/lib/pathlab.h"
#include "tests/lib/suite.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW "20261122000000Z"
#define END_OF_CA "20271231235959Z"

struct row {
	const char *name;
	const char *certs;   /* as pathlab.h says */
	const char *path;    /* labels of a good one, issuer first; else NULL */
	const char *codes;   /* of a bad one, without "certificate-" */
	const char *flags;   /* more for openssl verify */
	const char *differs; /* why openssl verify says the contrary */
	const char *at;      /* NULL: NOW */
};

#define STRICT "-x509_strict"
#define EXPLICIT "-explicit_policy"
#define NO_RETURN "it follows one issuer and does not go back"

static const struct row rows[] = {
    /* 1 signatures */
    {"1.1 good", "R; A<R; leaf<A", "A R", 0, 0, 0, 0},
    {"1.2 authority's signature is another's", "R; X; A<R sig=X; leaf<A", 0,
	"path-signature", 0, 0, 0},
    {"1.3 signer's signature is another's", "R; A<R; X; leaf<A sig=X", 0,
	"path-signature", 0, 0, 0},
    {"1.4 RSA", "R rsa; A<R; leaf<A", "A R", 0, 0, 0, 0},
    {"1.5 P-384 with SHA-384", "R p384 md=sha384; A<R p384 md=sha384; leaf<A",
	"A R", 0, 0, 0, 0},
    {"1.6 authority signed with SHA-1", "R; A<R md=sha1; leaf<A", 0,
	"algorithm", 0, 0, 0},
    {"1.7 authority signed with MD5", "R rsa; A<R md=md5; leaf<A", 0,
	"algorithm", 0, 0, 0},
    {"1.8 signer signed with SHA-1", "R; A<R; leaf<A md=sha1", 0, "algorithm",
	0, 0, 0},
    {"1.9 authority's key has 1024 bits", "R; A<R rsa1024; leaf<A", 0,
	"key-too-small", 0, 0, 0},
    {"1.10 root's key has 1024 bits", "R rsa1024; A<R; leaf<A", 0,
	"key-too-small", 0, 0, 0},
    {"1.11 root signed itself with SHA-1, which proves nothing",
	"R md=sha1; A<R; leaf<A", "A R", 0, 0, 0, 0},

    /* 2 validity periods */
    {"2.1 authority not valid yet", "R; A<R from=2027; leaf<A", 0, "ca-expired",
	0, 0, 0},
    {"2.2 signer not valid yet", "R; A<R; leaf<A from=2027", 0, "not-yet-valid",
	0, 0, 0},
    {"2.3 from 1950 on", "R; A<R; leaf<A from=1950", "A R", 0, 0, 0, 0},
    {"2.4 authority valid beyond 2050", "R; A<R until=2061; leaf<A", "A R", 0,
	0, 0, 0},
    {"2.5 authority expired", "R; A<R until=2026; leaf<A", 0, "ca-expired", 0,
	0, 0},
    {"2.6 signer expired", "R; A<R; leaf<A until=2026", 0, "expired", 0, 0, 0},
    {"2.7 root expired", "R until=2026; A<R; leaf<A", 0, "ca-expired", 0, 0, 0},
    {"2.8 first second of an authority", "R; A<R from=20261122000000Z; leaf<A",
	"A R", 0, 0, 0, 0},
    {"2.9 last second of an authority", "R; A<R until=" END_OF_CA "; leaf<A",
	"A R", 0, 0, "it ends one second early", END_OF_CA},
    {"2.10 a second later", "R; A<R until=" END_OF_CA "; leaf<A", 0,
	"ca-expired", 0, 0, "20280101000000Z"},
    {"2.11 all of them expired", "R until=2026; A<R until=2026; leaf<A", 0,
	"ca-expired", 0, 0, 0},

    /* 3 name chaining */
    {"3.1 issuer of another name", "R; A<R; B<R absent; leaf<B", 0, "no-path",
	0, 0, 0},
    {"3.2 the same key under another name", "R; A<R; B:B:A<R absent; leaf<B", 0,
	"no-path", 0, 0, 0},
    {"3.3 capitals and spaces in the name",
	"R; A:alpha_one<R; leaf<A iname=ALPHA__One", "A R", 0, 0, 0, 0},
    {"3.4 PrintableString and UTF8String", "R; A<R; leaf<A print", "A R", 0, 0,
	0, 0},
    {"3.5 organisation differs", "R; A<R o=Alpha; B:A:A<R absent; leaf<B", 0,
	"no-path", 0, 0, 0},
    {"3.6 root is not there", "X; R absent; A<R; leaf<A", 0, "no-path", 0, 0,
	0},
    {"3.7 root of the same name, another key", "X:R:X; R absent; A<R; leaf<A",
	0, "path-signature", 0, 0, 0},
    {"3.8 nobody is there", "R absent; leaf<R", 0, "no-path", 0, 0, 0},

    /* 4 basic constraints and path length */
    {"4.1 no basicConstraints", "R; A<R nobc; leaf<A", 0, "ca-invalid", STRICT,
	0, 0},
    {"4.2 no authority", "R; A<R noca; leaf<A", 0, "ca-invalid", 0, 0, 0},
    {"4.3 basicConstraints not critical", "R; A<R softbc; leaf<A", "A R", 0, 0,
	0, 0},
    {"4.4 version 1", "R; A<R v1; leaf<A", 0, "ca-invalid", 0, 0, 0},
    {"4.5 root of version 1", "R v1; A<R; leaf<A", "A R", 0, 0, 0, 0},
    {"4.6 length 0 above the signer", "R; A<R len=0; leaf<A", "A R", 0, 0, 0,
	0},
    {"4.7 length 0 above an authority", "R; A<R len=0; B<A; leaf<B", 0,
	"path-length", 0, 0, 0},
    {"4.8 lengths that grow downwards",
	"R; A<R len=6; B<A len=0; C<B len=3; leaf<C", 0, "path-length", 0, 0,
	0},
    {"4.9 lengths that fit", "R; A<R len=6; B<A len=1; C<B len=0; leaf<C",
	"C B A R", 0, 0, 0, 0},
    {"4.10 one too many", "R; A<R len=1; B<A; C<B; leaf<C", 0, "path-length", 0,
	0, 0},
    {"4.11 length of the root", "R len=0; A<R; leaf<A", 0, "path-length", 0, 0,
	0},
    {"4.12 self-issued does not count", "R; A<R len=0; A2:A:K2<A; leaf<A2",
	"A2 A R", 0, 0, 0, 0},
    {"4.13 but one below it does", "R; A<R len=0; A2:A:K2<A; B<A2; leaf<B", 0,
	"path-length", 0, 0, 0},
    {"4.14 two self-issued ones",
	"R; A<R len=1; A2:A:K2<A; B<A2; B2:B:K3<B; leaf<B2", "B2 B A2 A R", 0,
	0, 0, 0},
    {"4.15 eight authorities", "R; A<R; B<A; C<B; D<C; E<D; F<E; G<F; leaf<G",
	"G F E D C B A R", 0, 0, 0, 0},
    {"4.16 nine authorities",
	"R; A<R; B<A; C<B; D<C; E<D; F<E; G<F; H<G; leaf<H", 0, "path-too-long",
	0, 0, 0},

    /* 5 key usage of authorities */
    {"5.1 no keyCertSign, critical", "R; A<R ku=critical,cRLSign; leaf<A", 0,
	"ca-usage", 0, 0, 0},
    {"5.2 no keyCertSign", "R; A<R ku=cRLSign; leaf<A", 0, "ca-usage", 0, 0, 0},
    {"5.3 no keyUsage", "R; A<R noku; leaf<A", "A R", 0, 0, 0, 0},
    {"5.4 keyUsage not critical", "R; A<R ku=keyCertSign; leaf<A", "A R", 0, 0,
	0, 0},
    {"5.5 root without keyCertSign", "R ku=critical,cRLSign; leaf<R", 0,
	"ca-usage", 0, 0, 0},

    /* 6 certificate policies */
    {"6.1 one policy everywhere", "R; A<R pol=a; leaf<A pol=a", "A R", 0,
	EXPLICIT, 0, 0},
    {"6.2 none anywhere, none demanded", "R; A<R; leaf<A", "A R", 0, 0, 0, 0},
    {"6.3 different ones, none demanded", "R; A<R pol=a; leaf<A pol=b", "A R",
	0, 0, 0, 0},
    {"6.4 different ones, one demanded", "R; A<R pol=a req=0; leaf<A pol=b", 0,
	"path-policy", 0, 0, 0},
    {"6.5 lost in the middle", "R; A<R pol=a req=0; B<A; leaf<B pol=a", 0,
	"path-policy", 0, 0, 0},
    {"6.6 one of several", "R; A<R pol=a,b req=0; B<A pol=b,c; leaf<B pol=b",
	"B A R", 0, 0, 0, 0},
    {"6.7 none of several in common",
	"R; A<R pol=a,b req=0; B<A pol=b,c; leaf<B pol=a,c", 0, "path-policy",
	0, 0, 0},
    {"6.8 anyPolicy of an authority", "R; A<R pol=any req=0; leaf<A pol=a",
	"A R", 0, 0, 0, 0},
    {"6.9 anyPolicy of the signer", "R; A<R pol=a req=0; leaf<A pol=any", "A R",
	0, 0, 0, 0},
    {"6.10 critical", "R; A<R pol!=a; leaf<A pol!=a", "A R", 0, EXPLICIT, 0, 0},
    {"6.11 twice in the signer (CVE-2023-0465)", "R; A<R pol=a; leaf<A pol=a,a",
	0, "path-policy", 0, 0, 0},
    {"6.12 twice in an authority", "R; A<R pol=a,a; leaf<A pol=a", 0,
	"path-policy", 0, 0, 0},

    /* 7 explicit policy */
    {"7.1 demanded after more than there are", "R; A<R req=5; B<A; C<B; leaf<C",
	"C B A R", 0, 0, 0, 0},
    {"7.2 demanded below the third", "R; A<R req=3; B<A; C<B; leaf<C", 0,
	"path-policy", 0, 0, 0},
    {"7.3 demanded below the third, and there",
	"R; A<R req=3 pol=a; B<A pol=a; C<B pol=a; leaf<C pol=a", "C B A R", 0,
	0, 0, 0},
    {"7.4 the smaller number counts", "R; A<R req=7; B<A req=2; C<B; leaf<C", 0,
	"path-policy", 0, 0, 0},
    {"7.5 the number does not grow again",
	"R; A<R req=2; B<A req=7; C<B; leaf<C", 0, "path-policy", 0, 0, 0},
    {"7.6 self-issued does not count", "R; A<R req=2; A2:A:K2<A; leaf<A2",
	"A2 A R", 0, 0, 0, 0},
    {"7.7 another authority does", "R; A<R req=2; B<A; leaf<B", 0,
	"path-policy", 0, 0, 0},
    {"7.8 the signer's own demand", "R; A<R; leaf<A req=0", 0, "path-policy", 0,
	0, 0},
    {"7.9 a root's demand is not heard", "R req=0; A<R; leaf<A", "A R", 0, 0, 0,
	0},

    /* 8 policy mappings */
    {"8.1 mapped", "R; A<R pol=a map=a>b; leaf<A pol=b", "A R", 0, EXPLICIT, 0,
	0},
    {"8.2 the old name is mapped away", "R; A<R pol=a map=a>b; leaf<A pol=a", 0,
	"path-policy", EXPLICIT, 0, 0},
    {"8.3 mapped twice",
	"R; A<R pol=a map=a>b; B<A pol=b map=b>c; leaf<B pol=c", "B A R", 0,
	EXPLICIT, 0, 0},
    {"8.4 mapped to several", "R; A<R pol=a map=a>b,a>c; leaf<A pol=c", "A R",
	0, EXPLICIT, 0, 0},
    {"8.5 several mapped to one", "R; A<R pol=a,b map=a>c,b>c; leaf<A pol=c",
	"A R", 0, EXPLICIT, 0, 0},
    {"8.6 mapped, but not asserted", "R; A<R pol=b map=a>c; leaf<A pol=c", 0,
	"path-policy", EXPLICIT, 0, 0},
    {"8.7 mapped below anyPolicy", "R; A<R pol=any map=a>b; leaf<A pol=b",
	"A R", 0, EXPLICIT, 0, 0},
    {"8.8 from anyPolicy", "R; A<R pol=any map=any>b; leaf<A pol=b", 0,
	"path-policy", EXPLICIT, 0, 0},
    {"8.9 to anyPolicy", "R; A<R pol=a map=a>any; leaf<A pol=b", 0,
	"path-policy", EXPLICIT, 0, 0},
    {"8.10 an authority between does not know it",
	"R; A<R pol=a map=a>b; B<A pol=a; leaf<B pol=b", 0, "path-policy",
	EXPLICIT, 0, 0},
    {"8.11 mapped, though nobody demands a policy",
	"R; A<R pol=a map=a>b; leaf<A pol=c", 0, "path-policy", 0,
	"a mapping is no demand to it", 0},

    /* 9 inhibit policy mapping */
    {"9.1 forbidden",
	"R; A<R pol=a req=0 inh=0; B<A pol=a map=a>b; leaf<B "
	"pol=b",
	0, "path-policy", EXPLICIT, 0, 0},
    {"9.2 once allowed",
	"R; A<R pol=a req=0 inh=1; B<A pol=a map=a>b; leaf<B "
	"pol=b",
	"B A R", 0, EXPLICIT, 0, 0},
    {"9.3 not twice",
	"R; A<R pol=a req=0 inh=1; B<A pol=a map=a>b; C<B pol=b map=b>c; "
	"leaf<C pol=c",
	0, "path-policy", EXPLICIT, 0, 0},
    {"9.4 the smaller number counts",
	"R; A<R pol=a inh=5; B<A pol=a inh=0; C<B pol=a map=a>b; leaf<C pol=b",
	0, "path-policy", EXPLICIT, 0, 0},
    {"9.5 self-issued does not count",
	"R; A<R pol=a inh=1; A2:A:K2<A pol=a; B<A2 pol=a map=a>b; leaf<B "
	"pol=b",
	"B A2 A R", 0, EXPLICIT, 0, 0},
    {"9.6 the unmapped policy lives on",
	"R; A<R pol=a,c inh=0; B<A pol=a,c map=a>b; leaf<B pol=c", "B A R", 0,
	EXPLICIT, 0, 0},

    /* 10 inhibit anyPolicy */
    {"10.1 of an authority",
	"R; A<R pol=a req=0 any=0; B<A pol=any; leaf<B "
	"pol=a",
	0, "path-policy", 0, 0, 0},
    {"10.2 of the signer", "R; A<R pol=a req=0 any=0; leaf<A pol=any", 0,
	"path-policy", 0, 0, 0},
    {"10.3 once allowed",
	"R; A<R pol=a req=0 any=1; B<A pol=any; leaf<B "
	"pol=a",
	"B A R", 0, 0, 0, 0},
    {"10.4 not twice",
	"R; A<R pol=a req=0 any=1; B<A pol=any; C<B pol=any; leaf<C pol=a", 0,
	"path-policy", 0, 0, 0},
    {"10.5 self-issued may",
	"R; A<R pol=a req=0 any=0; A2:A:K2<A pol=any; leaf<A2 pol=a", "A2 A R",
	0, 0, 0, 0},
    {"10.6 none demanded", "R; A<R pol=a any=0; leaf<A pol=any", "A R", 0, 0, 0,
	0},

    /* 11 name constraints */
    {"11.1 in the permitted subtree", "R; A<R permit=dir:Alpha; leaf<A o=Alpha",
	"A R", 0, 0, 0, 0},
    {"11.2 outside of it", "R; A<R permit=dir:Alpha; leaf<A o=Beta", 0,
	"name-constraint", 0, 0, 0},
    {"11.3 in the excluded subtree", "R; A<R exclude=dir:Beta; leaf<A o=Beta",
	0, "name-constraint", 0, 0, 0},
    {"11.4 beside it", "R; A<R exclude=dir:Beta; leaf<A o=Alpha", "A R", 0, 0,
	0, 0},
    {"11.5 permitted and excluded",
	"R; A<R permit=dir:Alpha exclude=dir:Alpha; leaf<A o=Alpha", 0,
	"name-constraint", 0, 0, 0},
    {"11.6 an authority outside",
	"R; A<R permit=dir:Alpha; B<A; leaf<B o=Alpha", 0, "name-constraint", 0,
	0, 0},
    {"11.7 subtree in subtree",
	"R; A<R permit=dir:Alpha; B<A o=Alpha permit=dir:Alpha; leaf<B "
	"o=Alpha",
	"B A R", 0, 0, 0, 0},
    {"11.8 subtree beside subtree",
	"R; A<R permit=dir:Alpha; B<A o=Alpha permit=dir:Beta; leaf<B o=Alpha",
	0, "name-constraint", 0, 0, 0},
    {"11.9 self-issued is exempt",
	"R; A<R permit=dir:Alpha; A2:A:K2<A; leaf<A2 o=Alpha", "A2 A R", 0, 0,
	0, 0},
    {"11.10 what is below it is not",
	"R; A<R permit=dir:Alpha; A2:A:K2<A; leaf<A2 o=Beta", 0,
	"name-constraint", 0, 0, 0},
    {"11.11 of the root", "R permit=dir:Alpha; leaf<R o=Beta", 0,
	"name-constraint", 0, 0, 0},
    {"11.12 directoryName, other kinds of name are free",
	"R; A<R permit=dir:Alpha; leaf<A o=Alpha san=email:a@example.com",
	"A R", 0, 0, 0, 0},
    {"11.13 mail domain permitted",
	"R; A<R permit=email:.example.com; leaf<A "
	"san=email:a@mail.example.com",
	"A R", 0, 0, 0, 0},
    {"11.14 another mail domain",
	"R; A<R permit=email:.example.com; leaf<A san=email:a@example.org", 0,
	"name-constraint", 0, 0, 0},
    {"11.15 mail domain excluded",
	"R; A<R exclude=email:example.com; leaf<A san=email:a@example.com", 0,
	"name-constraint", 0, 0, 0},
    {"11.16 mail address in the subject",
	"R; A<R permit=email:example.com; leaf<A mail=a@example.org", 0,
	"name-constraint", 0, 0, 0},
    {"11.17 host permitted",
	"R; A<R permit=DNS:example.com; leaf<A san=DNS:a.example.com", "A R", 0,
	0, 0, 0},
    {"11.18 another host",
	"R; A<R permit=DNS:example.com; leaf<A san=DNS:a.example.org", 0,
	"name-constraint", 0, 0, 0},
    {"11.19 host excluded",
	"R; A<R exclude=DNS:example.com; leaf<A san=DNS:a.example.com", 0,
	"name-constraint", 0, 0, 0},
    {"11.20 URI permitted",
	"R; A<R permit=URI:.example.com; leaf<A "
	"san=URI:http://a.example.com/x",
	"A R", 0, 0, 0, 0},
    {"11.21 another URI",
	"R; A<R permit=URI:.example.com; leaf<A san=URI:http://example.org/", 0,
	"name-constraint", 0, 0, 0},
    {"11.22 IP address outside",
	"R; A<R permit=IP:10.0.0.0/255.0.0.0; leaf<A san=IP:192.0.2.1", 0,
	"name-constraint", 0, 0, 0},
    {"11.23 a kind of name that nobody can compare",
	"R; A<R permit=otherName:1.2.3.4|UTF8:x; leaf<A "
	"san=otherName:1.2.3.4|UTF8:x",
	0, "name-constraint", 0, 0, 0},

    /* 12 extensions that nobody knows */
    {"12.1 critical in an authority", "R; A<R crit; leaf<A", 0,
	"critical-extension", 0, 0, 0},
    {"12.2 critical in the signer", "R; A<R; leaf<A crit", 0,
	"critical-extension", 0, 0, 0},
    {"12.3 critical in the root", "R crit; A<R; leaf<A", 0,
	"critical-extension", 0, 0, 0},
    {"12.4 not critical", "R odd; A<R odd; leaf<A odd", "A R", 0, 0, 0, 0},

    /* 13 generations and self-issued certificates */
    {"13.1 new with old", "R; N:R:K2<R; leaf<N", "N R", 0, 0, 0, 0},
    {"13.2 old with new", "R absent; R2:R:K2; O:R:R<R2; leaf<R", "O R2", 0, 0,
	0, 0},
    {"13.3 generation by key identifier", "R; R2:R:K2; R3:R:K3; leaf<R2", "R2",
	0, 0, 0, 0},
    {"13.4 generation by key alone, the first",
	"R; R2:R:K2; R3:R:K3; leaf<R noaki", "R", 0, 0, 0, 0},
    {"13.5 generation by key alone, the last",
	"R; R2:R:K2; R3:R:K3; leaf<R3 noaki", "R3", 0, 0, NO_RETURN, 0},
    {"13.6 renewed, the same key", "O:R:R until=2026; R; leaf<R", "R", 0, 0, 0,
	0},
    {"13.7 all of a key expired", "R until=2026; O:R:R until=2025; leaf<R", 0,
	"ca-expired", 0, 0, 0},
    {"13.8 generation that is not there", "R; R2:R:K2 absent; leaf<R2", 0,
	"path-signature", 0, 0, 0},
    {"13.9 self-issued, no key identifier", "R; N:R:K2<R noaki; leaf<N", 0,
	"path-signature", 0, 0, 0},
    {"13.10 key identifier of another", "R; X; A<R; leaf<A aki=X", 0,
	"key-identifier", 0, 0, 0},
    {"13.11 no key identifiers at all",
	"R noski; A<R noski noaki; leaf<A noaki", "A R", 0, 0, 0, 0},
    {"13.12 renewed authority, the valid one counts",
	"R; O:A:A<R until=2026; A<R; leaf<A", "A R", 0, 0, 0, 0},

    /* 14 cross-certificates and bridges */
    {"14.1 another hierarchy, cross-certified",
	"R; Q absent; X:Q:Q<R; A<Q; leaf<A", "A X R", 0, 0, 0, 0},
    {"14.2 both trusted: the shorter way", "R; Q; X:Q:Q<R; A<Q; leaf<A", "A Q",
	0, 0, 0, 0},
    {"14.3 bridge",
	"R; B<R pol=a map=a>x; Q absent; X:Q:Q<B pol=x map=x>b; leaf<Q pol=b",
	"X B R", 0, EXPLICIT, 0, 0},
    {"14.4 bridge, mutual",
	"R; B absent; RB:R:R<B pol=x map=x>a; BR:B:B<R pol=a map=a>x; "
	"Q absent; QB:Q:Q<B pol=x map=x>b; BQ:B:B<Q pol=b map=b>x; "
	"leaf<Q pol=b",
	"QB BR R", 0, EXPLICIT, 0, 0},
    {"14.5 bridge broken: a policy that it does not map",
	"R; B<R pol=a map=a>x; Q absent; X:Q:Q<B pol=x map=x>b; leaf<Q pol=c",
	0, "path-policy", EXPLICIT, 0, 0},
    {"14.6 bridge broken: mapped on one side only",
	"R; B<R pol=a map=a>x; Q absent; X:Q:Q<B pol=x; leaf<Q pol=b", 0,
	"path-policy", EXPLICIT, 0, 0},
    {"14.7 bridge broken: another domain's policy",
	"R; B<R pol=a map=a>x; Q absent; X:Q:Q<B pol=y map=y>b; leaf<Q pol=b",
	0, "path-policy", EXPLICIT, 0, 0},
    {"14.8 bridge broken: mapping forbidden",
	"R; B<R pol=a inh=0 map=a>x; Q absent; X:Q:Q<B pol=x map=x>b; "
	"leaf<Q pol=b",
	0, "path-policy", EXPLICIT, 0, 0},
    {"14.9 bridge that demands a policy and maps none",
	"R; B<R pol=a req=0; Q absent; X:Q:Q<B pol=a; leaf<Q pol=b", 0,
	"path-policy", 0, 0, 0},
    {"14.10 bridge expired",
	"R; B<R until=2026 pol=a; Q absent; X:Q:Q<B pol=a; leaf<Q pol=a", 0,
	"ca-expired", 0, 0, 0},
    {"14.11 bridge renewed",
	"R; B<R until=2026; BN:B:B<R; Q absent; X:Q:Q<B; leaf<Q", "X BN R", 0,
	0, 0, 0},
    {"14.12 bridge may not certify the partner",
	"R; B<R exclude=dir:Beta; Q absent o=Beta; X:Q:Q<B o=Beta; leaf<Q", 0,
	"name-constraint", 0, 0, 0},
    {"14.13 bridge may join one only",
	"R; B<R len=0; Q absent; X:Q:Q<B; leaf<Q", 0, "path-length", 0, 0, 0},
    {"14.14 back to the second bridge: policy",
	"R; B<R pol=a map=a>x; C<R pol=a map=a>x; Q absent; "
	"XB:Q:Q<B pol=x map=x>b until=2034; XC:Q:Q<C pol=x map=x>c until=2033; "
	"leaf<Q pol=c",
	"XC C R", 0, EXPLICIT, NO_RETURN, 0},
    {"14.15 back to the second bridge: name",
	"R; B<R exclude=dir:Beta; C<R; Q absent; XB:Q:Q<B until=2034; "
	"XC:Q:Q<C until=2033; leaf<Q o=Beta",
	"XC C R", 0, 0, NO_RETURN, 0},
    {"14.16 back to the second bridge: length",
	"R; B<R len=0; C<R; Q absent; XB:Q:Q<B until=2034; "
	"XC:Q:Q<C until=2033; leaf<Q",
	"XC C R", 0, 0, NO_RETURN, 0},
    {"14.17 back from a dead end",
	"R; S absent; Q absent; XS:Q:Q<S until=2034; XR:Q:Q<R until=2033; "
	"leaf<Q",
	"XR R", 0, 0, NO_RETURN, 0},
    {"14.18 back to the longer way",
	"R; A<R exclude=dir:Beta; B<R; A2:A:A<B; leaf<A o=Beta", "A2 B R", 0, 0,
	NO_RETURN, 0},
    {"14.19 they only certify each other", "R; A<B; B<A; leaf<A", 0,
	"path-loop", 0, 0, 0},
    {"14.20 out of the circle", "R; A<B; B<A; A2:A:A<R; leaf<A", "A2 R", 0, 0,
	0, 0},
    {"14.21 the best of two bad ones is told",
	"R; A<R until=2026 len=0; B<A; A2:A:A<R until=2026; leaf<B", 0,
	"ca-expired", 0, 0, 0},
    {"14.22 several faults on one way",
	"R; A<R until=2026 noca; B<A crit; leaf<B", 0,
	"ca-expired ca-invalid critical-extension", 0, 0, 0},
};

#define ROWS (sizeof rows / sizeof *rows)

static struct pathlab lab;
static struct cert_verdict v;
static struct err error;

static const char *
time_of(const struct row *r)
{
	return r->at == NULL ? NOW : r->at;
}

static void
judge(const char *at)
{
	pathlab_judge(&lab,
	    (struct cert_policy){
		.revocation = CONF_REVOCATION_PREFER, .allow_ec = true},
	    at, &v);
}

/* Takes the next word of a list; false at its end. */
static bool
next_word(const char **list, char *out, size_t size)
{
	size_t len;

	*list += strspn(*list, " ");
	len = strcspn(*list, " ");
	if (len == 0)
		return false;
	snprintf(out, size, "%.*s", (int)len, *list);
	*list += len;
	return true;
}

static bool
is_explained(const char *code)
{
	return explain_what(code)[0] != '\0' && explain_todo(code)[0] != '\0';
}

static bool
codes_fit(const struct row *r)
{
	for (unsigned i = 0; i < v.problem_count; i++)
		if (!is_explained(v.problems[i].code))
			return false;
	return certlab_problems_are(&v, r->codes);
}

/* The names of the path, and the fingerprint of its anchor. */
static bool
path_fits(const struct row *r)
{
	const char *list = r->path;
	uint8_t hash[CERT_SHA256] = {0};
	unsigned count = 0, len = 0;
	bool all = true;
	char word[40], name[100];

	for (; next_word(&list, word, sizeof word); count++) {
		const struct pathlab_cert *c = pathlab_find(&lab, word);

		snprintf(name, sizeof name, "C=JP, O=Test, CN=%s", c->name);
		all = all && count < v.path_count &&
		      (strcmp(v.path_names[count], name) == 0 ||
			  strstr(c->options, " o=") != NULL ||
			  strchr(c->name, '_') != NULL);
		X509_digest(c->x, EVP_sha256(), hash, &len);
	}
	return all && count == v.path_count && v.path == CERT_PATH_OK &&
	       memcmp(hash, v.anchor, sizeof hash) == 0;
}

static void
each_row_has_its_verdict(void)
{
	for (size_t i = 0; i < ROWS; i++) {
		bool fits;

		pathlab_make(&lab, rows[i].certs);
		judge(time_of(&rows[i]));
		fits = codes_fit(&rows[i]) &&
		       (rows[i].path == NULL || path_fits(&rows[i]));
		if (!fits)
			certlab_say(rows[i].name, &v);
		CU_ASSERT_TRUE(fits);
		pathlab_free(&lab);
	}
	CU_ASSERT_TRUE(ROWS >= 60);
}

/* openssl verify with the same settings, on these labels or (NULL) all. */
static bool
openssl_accepts(const struct row *r, const char *labels)
{
	struct certlab_question q = {.at = time_of(r), .flags = r->flags};

	for (size_t i = 0; i < lab.count; i++) {
		const struct pathlab_cert *c = &lab.cert[i];
		const char *list = labels;
		char word[40];
		bool wanted = (labels == NULL && !c->absent) ||
			      strcmp(c->label, "leaf") == 0;

		while (list != NULL && next_word(&list, word, sizeof word))
			wanted = wanted || strcmp(word, c->label) == 0;
		if (wanted)
			pathlab_ask(c, &q);
	}
	return certlab_openssl_accepts(&q);
}

/* Are there certificates beside those of the path? */
static bool
has_more(const struct row *r)
{
	const char *list = r->path;
	size_t given = 0;
	char word[40];

	for (size_t i = 0; i < lab.count; i++)
		given += !lab.cert[i].absent;
	/* The leaf is one of them. */
	while (next_word(&list, word, sizeof word))
		given--;
	return given > 1;
}

static void
openssl_verify_agrees(void)
{
	unsigned agreed = 0, differed = 0;

	for (size_t i = 0; i < ROWS; i++) {
		const struct row *r = &rows[i];
		bool good = r->path != NULL, ok;

		pathlab_make(&lab, r->certs);
		ok = openssl_accepts(r, NULL);
		if (r->differs != NULL)
			printf("# openssl verify differs in %s: %s\n", r->name,
			    r->differs);
		else if (ok != good)
			printf("# %s: openssl says %d\n", r->name, ok);
		CU_ASSERT_EQUAL(ok, r->differs == NULL ? good : !good);
		/* Given our path alone, it can follow. */
		if (good && (has_more(r) || r->differs != NULL) &&
		    r->at == NULL)
			CU_ASSERT_TRUE(openssl_accepts(r, r->path));
		agreed += ok == good;
		differed += ok != good;
		pathlab_free(&lab);
	}
	printf("# openssl verify: %u agree, %u differ\n", agreed, differed);
	CU_ASSERT_TRUE(agreed >= 60);
	CU_ASSERT_TRUE(differed <= 10);
}

/* Authorities that all certify each other: more ways than anyone can try. */
static void
mesh(struct buf *text, int count, const char *options)
{
	for (int i = 0; i < count; i++)
		buf_printf(text, "M%d absent; ", i);
	for (int i = 0; i < count; i++)
		for (int k = 0; k < count; k++)
			if (i != k)
				buf_printf(text, "M%d_%d:M%d:M%d<M%d %s; ", i,
				    k, i, i, k, options);
}

static void
make_mesh(const char *options, const char *rest)
{
	struct buf text = {0};

	mesh(&text, 10, options);
	buf_printf(&text, "%s", rest);
	pathlab_make(&lab, buf_cstr(&text));
	buf_free(&text);
}

static void
a_pile_of_cross_certificates_is_bounded(void)
{
	/* No root: that is seen without trying. */
	make_mesh("", "leaf<M0");
	judge(NOW);
	CU_ASSERT_TRUE(certlab_has_problem(&v, "certificate-path-loop"));
	CU_ASSERT_EQUAL(v.problem_count, 1);
	pathlab_free(&lab);
	/* A root beside it: the shortest way comes first. */
	make_mesh("", "R; X:M7:M7<R; leaf<M0");
	judge(NOW);
	CU_ASSERT_TRUE(v.ok);
	CU_ASSERT_EQUAL(v.path_count, 3);
	pathlab_free(&lab);
	/* Every way is bad: given up, and said; the reason as well. */
	make_mesh("", "R; X:M7:M7<R exclude=dir:Beta; leaf<M0 o=Beta");
	judge(NOW);
	CU_ASSERT_TRUE(certlab_has_problem(&v, "certificate-name-constraint"));
	CU_ASSERT_TRUE(certlab_has_problem(&v, "certificate-path-too-complex"));
	CU_ASSERT_TRUE(is_explained("certificate-path-too-complex"));
	CU_ASSERT_EQUAL(v.problem_count, 2);
	CU_ASSERT_EQUAL(v.path, CERT_PATH_BAD);
	pathlab_free(&lab);
	/* Certificates that no path can have cost nothing. */
	make_mesh("until=2026", "R; X:M0:M0<R exclude=dir:Beta; "
				"A<R; Y:M0:M0<A; leaf<M0 o=Beta");
	judge(NOW);
	CU_ASSERT_TRUE(v.ok);
	pathlab_free(&lab);
}

struct count {
	unsigned ways;
	size_t last;
	bool shorter; /* a way came after a longer one */
};

static bool
count_way(void *ctx, const struct path_way *way)
{
	struct count *c = ctx;

	c->shorter = c->shorter || way->count < c->last;
	c->last = way->count;
	c->ways++;
	return true;
}

/* Counted, not timed. */
static void
search_counts(const char *rest, struct count *c, bool *limited)
{
	struct buf pem = {0};
	struct cert_anchors *a;
	struct path_search *s;

	make_mesh("", rest);
	pathlab_anchors(&lab, &pem);
	a = cert_anchors_parse(buf_view(&pem), &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	s = path_search_new(
	    a, pathlab_find(&lab, "leaf")->x, certlab_time(NOW), true, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	*c = (struct count){0};
	path_search_each(s, count_way, c);
	*limited = path_search_limited(s);
	path_search_free(s);
	cert_anchors_free(a);
	pathlab_free(&lab);
	buf_free(&pem);
}

static void
ways_come_shortest_first_and_end(void)
{
	struct count c;
	bool limited;

	search_counts("R; X:M7:M7<R; leaf<M0", &c, &limited);
	CU_ASSERT_EQUAL(c.ways, PATH_WAYS_MAX);
	CU_ASSERT_TRUE(limited);
	CU_ASSERT_FALSE(c.shorter);
	/* Few enough: all of them, each once. */
	search_counts("R; A<R; A2:A:A<R; B<A; B2:B:B<R; leaf<B", &c, &limited);
	CU_ASSERT_EQUAL(c.ways, 3);
	CU_ASSERT_FALSE(limited);
}

/* Authorities of one name, any of which could have signed any other. */
static void
signatures_are_bounded(void)
{
	struct buf text = {0};

	for (int i = 0; i < 60; i++)
		for (int k = 1; k <= 2; k++)
			buf_printf(&text, "S%d_%d:S:S%d<S%d_1 noaki; ", i, k, i,
			    (i + k) % 60);
	buf_printf(&text, "leaf<S0_1 noaki");
	pathlab_make(&lab, buf_cstr(&text));
	judge(NOW);
	CU_ASSERT_FALSE(v.ok);
	CU_ASSERT_TRUE(certlab_has_problem(&v, "certificate-path-too-complex"));
	pathlab_free(&lab);
	buf_free(&text);
}

/* CVE-2023-0464: each authority maps each policy to all; the tree of them
 * would have 4^7 leaves, OpenSSL stops at 1,000 nodes. */
static void
a_policy_tree_does_not_explode(void)
{
	static const char *const names[] = {"A", "B", "C", "D", "E", "F"};
	struct buf text = {0};

	buf_printf(&text, "R; ");
	for (int i = 0; i < 6; i++) {
		buf_printf(&text, "%s<%s req=0 pol=", names[i],
		    i == 0 ? "R" : names[i - 1]);
		for (int k = 0; k < 4; k++)
			buf_printf(&text, "%sp%d", k == 0 ? "" : ",", k);
		for (int k = 0; k < 16; k++)
			buf_printf(&text, "%sp%d>p%d", k == 0 ? " map=" : ",",
			    k / 4, k % 4);
		buf_printf(&text, "; ");
	}
	buf_printf(&text, "leaf<F pol=p1");
	pathlab_make(&lab, buf_cstr(&text));
	judge(NOW);
	CU_ASSERT_FALSE(v.ok);
	CU_ASSERT_TRUE(certlab_has_problem(&v, "certificate-path-too-complex"));
	CU_ASSERT_EQUAL(v.problem_count, 1);
	pathlab_free(&lab);
	buf_free(&text);
}

/* The path of a leaf when one of the anchors is changed; false: that is no
 * certificate any more. */
static bool
judge_changed(const struct buf *leaf, struct buf *ca, size_t at, uint8_t bits)
{
	struct cert_policy p = {.revocation = CONF_REVOCATION_PREFER};
	const unsigned char *d = ca->p;
	struct buf pem = {0};
	X509 *x[2] = {pathlab_find(&lab, "R")->x, NULL};
	bool read;

	ca->p[at] ^= bits;
	x[1] = d2i_X509(NULL, &d, (long)ca->len);
	read = x[1] != NULL;
	if (read) {
		struct cert_anchors *a;

		certlab_pem(x, 2, &pem);
		a = cert_anchors_parse(buf_view(&pem), &error);
		CU_ASSERT_PTR_NOT_NULL_FATAL(a);
		p.anchors = a;
		CHECK_OK(cert_check(
			     &p, buf_view(leaf), certlab_time(NOW), &v, &error),
		    &error);
		cert_anchors_free(a);
	}
	ERR_clear_error();
	X509_free(x[1]);
	buf_free(&pem);
	ca->p[at] ^= bits;
	return read;
}

static void
a_changed_authority_is_no_way(void)
{
	static const uint8_t bits[] = {0x5A, 0x80};
	struct buf leaf = {0}, ca = {0};
	unsigned good = 0, read = 0;

	pathlab_make(&lab, "R; A<R pol=a map=a>b any=1 len=1 "
			   "permit=dir:Alpha exclude=DNS:example.com; "
			   "leaf<A o=Alpha pol=b");
	certlab_der(pathlab_find(&lab, "leaf")->x, &leaf);
	certlab_der(pathlab_find(&lab, "A")->x, &ca);
	CU_ASSERT_TRUE(judge_changed(&leaf, &ca, 0, 0) && v.ok);
	for (size_t i = 0; i < ca.len; i++)
		if (judge_changed(&leaf, &ca, i, bits[i % 2])) {
			read++;
			good += v.ok || v.path == CERT_PATH_OK;
		}
	CU_ASSERT_EQUAL(good, 0);
	CU_ASSERT_TRUE(read > 100);
	buf_free(&leaf);
	buf_free(&ca);
	pathlab_free(&lab);
}

/* The system trusts the root of these: openssl verify says so, we do not. */
static void
the_systems_anchors_are_none(void)
{
	struct buf root = {0}, middle = {0}, leaf = {0}, cmd = {0};
	char path[300];
	int dir = suite_dir();

	pathlab_make(&lab, "R absent; A<R; leaf<A");
	certlab_pem(&pathlab_find(&lab, "R")->x, 1, &root);
	certlab_pem(&pathlab_find(&lab, "A")->x, 1, &middle);
	certlab_pem(&pathlab_find(&lab, "leaf")->x, 1, &leaf);
	CHECK_OK(
	    fs_replace(dir, "r.pem", buf_view(&root), 0600, &error), &error);
	CHECK_OK(
	    fs_replace(dir, "a.pem", buf_view(&middle), 0600, &error), &error);
	CHECK_OK(
	    fs_replace(dir, "l.pem", buf_view(&leaf), 0600, &error), &error);
	snprintf(path, sizeof path, "%s/r.pem", suite_dir_path());
	setenv("SSL_CERT_FILE", path, 1);
	buf_printf(&cmd,
	    "cd %s && openssl verify -untrusted a.pem -attime %lld l.pem "
	    ">openssl.log 2>&1",
	    suite_dir_path(), (long long)(certlab_time(NOW) / 1000));
	CU_ASSERT_EQUAL(system(buf_cstr(&cmd)), 0);
	judge(NOW);
	CU_ASSERT_TRUE(certlab_problems_are(&v, "no-path"));
	unsetenv("SSL_CERT_FILE");
	close(dir);
	buf_free(&root);
	buf_free(&middle);
	buf_free(&leaf);
	buf_free(&cmd);
	pathlab_free(&lab);
}

SUITE_MAIN("path", CASE(each_row_has_its_verdict), CASE(openssl_verify_agrees),
    CASE(the_systems_anchors_are_none),
    CASE(a_pile_of_cross_certificates_is_bounded),
    CASE(ways_come_shortest_first_and_end), CASE(signatures_are_bounded),
    CASE(a_policy_tree_does_not_explode), CASE(a_changed_authority_is_no_way))
