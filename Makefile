# natsuin: one flat makefile.  Objects go to $(B); nothing else is written.
#   make              the program and the message catalogue
#   make check        unit tests and end-to-end scenarios
#   make install DESTDIR= PREFIX=/usr
# Variables: CC, B (build directory), SAN=1 (ASan + UBSan), WERROR=1.

comma := ,
B ?= build
CC ?= gcc
PREFIX ?= /usr
VERSION := 0.1

PKGS := libxml-2.0 xmlsec1-openssl libcrypto libpcsclite zlib libzip sqlite3 \
	jansson p11-kit-1 libseccomp libassuan gpg-error \
	libconfuse icu-uc
# Loaded by the one process that needs it (signer/cert/fetch_curl.c).
LOADED := libcurl
# Libraries' headers count as system headers: warnings are about our code.
PKG_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS) \
	$(LOADED)))
PKG_LIBS := $(shell pkg-config --libs $(PKGS))

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	-Wcast-qual -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wundef -Wformat=2 -Wvla \
	-Wimplicit-fallthrough -Wnull-dereference -Wswitch-enum
ifeq ($(WERROR),1)
WARN += -Werror
endif
ifeq ($(SAN),1)
HARDEN := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -DNATSUIN_SANITIZED
LINK := -fsanitize=address,undefined
else
HARDEN := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 \
	-fstack-protector-strong -fstack-clash-protection -fcf-protection
LINK := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
endif

NCFLAGS = -std=c17 -D_GNU_SOURCE -I. $(PKG_CFLAGS) $(WARN) $(HARDEN) -fPIE \
	-fvisibility=hidden -MMD -MP -DNATSUIN_VERSION='"$(VERSION)"' \
	-DNATSUIN_LOCALEDIR='"$(PREFIX)/share/locale"' $(CFLAGS)
NLIBS = $(PKG_LIBS) -lm $(LDLIBS)


DIRS := base conf spool queue schemas signer/cli signer/batch signer/exam \
	signer/key signer/cert signer/report
LIB_SRC := $(foreach d,$(DIRS),$(wildcard $(d)/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
LIB := $(B)/libnatsuin.a

# One CUnit program per tests/**/test_*.c; helpers in tests/lib are linked
# into all of them.
TEST_SRC := $(wildcard tests/base/test_*.c tests/conf/test_*.c \
	tests/spool/test_*.c tests/queue/test_*.c tests/schemas/test_*.c \
	tests/signer/test_*.c tests/signer/*/test_*.c)
TEST_BIN := $(TEST_SRC:%.c=$(B)/%)
TESTLIB_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/lib/*.c))
BENCH_SRC := $(wildcard tests/bench/*.c)
BENCH_BIN := $(BENCH_SRC:%.c=$(B)/%)
TOOL_SRC := $(wildcard tests/tools/*.c)
TOOL_BIN := $(TOOL_SRC:%.c=$(B)/%)
VCARD_SRC := $(wildcard tests/vcard/*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:%.c=$(B)/%)

PO := $(wildcard base/po/ja/*.po)
MO := $(B)/locale/ja/LC_MESSAGES/natsuin.mo

.PHONY: all check check-units check-e2e bench vcard fuzz install clean format \
	check-format compile-only print-flags analyze
.SECONDARY:

all: $(B)/natsuin $(MO)

$(B)/natsuin: $(B)/signer/main.o $(LIB)
	$(CC) $(LINK) -o $@ $^ $(NLIBS) $(LDFLAGS)

$(LIB): $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(NCFLAGS) -c -o $@ $<

$(B)/signer/report/html.o: signer/report/report.css

$(B)/signer/cli/demo_xsd.o: $(wildcard schemas/demo/*/*.xsd)
# A new table is found by __has_include, which leaves no trace in the .d file.
$(B)/signer/report/explain.o: $(wildcard signer/report/explain_*.def)

$(MO): $(PO)
	@mkdir -p $(@D)
	msgcat --use-first $^ | msgfmt --check-format -o $@ -

$(B)/tests/bench/%: $(B)/tests/bench/%.o $(LIB)
	$(CC) $(LINK) -o $@ $^ $(NLIBS) $(LDFLAGS)

$(B)/tests/tools/jsonschema: $(B)/tests/lib/jsonschema.o
$(B)/tests/tools/showcase: $(B)/tests/lib/catalogue.o \
	$(B)/tests/lib/sample_report.o
$(B)/tests/tools/%: $(B)/tests/tools/%.o $(LIB)
	$(CC) $(LINK) -o $@ $^ $(NLIBS) $(LDFLAGS)

$(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(LIB)
	$(CC) $(LINK) -o $@ $^ $(NLIBS) $(LDFLAGS)

$(B)/tests/vcard/vcard: $(VCARD_SRC:%.c=$(B)/%.o) $(LIB)
	$(CC) $(LINK) -o $@ $^ $(NLIBS) $(LDFLAGS)

# A reader of the test's own in place of pcscd (tests/lib/fakereader.c), with
# the virtual card's model.
WRAP_SCARD := $(patsubst %,-Wl$(comma)--wrap=SCard%,EstablishContext \
	ReleaseContext ListReaders GetStatusChange Connect Reconnect \
	Disconnect Status Transmit Control BeginTransaction EndTransaction)
VCARD_MODEL := $(patsubst %,$(B)/tests/vcard/%.o,card app apdu parse journal)
FAKEREADER_TESTS := $(B)/tests/signer/key/test_pinpad \
	$(B)/tests/signer/key/test_idle
$(FAKEREADER_TESTS): LINK += $(WRAP_SCARD)
$(FAKEREADER_TESTS): $(VCARD_MODEL)
$(B)/tests/signer/key/test_idle: LINK += -Wl,--wrap=clock_mono_ms
$(B)/tests/fuzz/fuzz_apdu: LINK += $(WRAP_SCARD) -Wl,--wrap=clock_mono_ms
$(B)/tests/fuzz/fuzz_apdu: $(B)/tests/lib/fakereader.o

# A PIN file that is written over while it is read.
$(B)/tests/signer/key/test_pin: LINK += -Wl,--wrap=fstat

# Allocation that fails at will, for our own code.
$(B)/tests/signer/exam/test_nomem: LINK += -Wl,--wrap=malloc,--wrap=calloc \
	-Wl,--wrap=realloc,--wrap=reallocarray,--wrap=strdup

$(B)/tests/%: $(B)/tests/%.o $(TESTLIB_OBJ) $(LIB)
	$(CC) $(LINK) -o $@ $^ -lcunit $(NLIBS) $(LDFLAGS)

# A PKCS#11 module of tests; a library is not linked as a program is.
P11SCRIPT := $(B)/tests/p11script/p11script.so
$(P11SCRIPT): tests/p11script/p11script.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -fPIE,$(NCFLAGS)) -fPIC -shared \
	    $(filter-out -pie,$(LINK)) -o $@ $< \
	    $$(pkg-config --libs libcrypto) $(LDFLAGS)

tests: $(TEST_BIN) $(TOOL_BIN) $(P11SCRIPT)
bench: all $(BENCH_BIN) $(TOOL_BIN)
vcard: $(B)/tests/vcard/vcard
fuzz: $(FUZZ_BIN)

check: all tests vcard fuzz
	scripts/run-tests $(B)

check-units: all tests vcard
	scripts/run-tests $(B) units

check-e2e: all vcard $(TOOL_BIN) $(P11SCRIPT)
	scripts/run-tests $(B) e2e

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

check-format:
	clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h')

compile-only: $(LIB_OBJ) $(B)/signer/main.o

install: all
	install -D -m 755 $(B)/natsuin $(DESTDIR)$(PREFIX)/bin/natsuin
	install -D -m 644 $(MO) \
	    $(DESTDIR)$(PREFIX)/share/locale/ja/LC_MESSAGES/natsuin.mo
	for page in docs/man/*.[1-8]; do \
		section=$${page##*.}; \
		install -D -m 644 $$page \
		    $(DESTDIR)$(PREFIX)/share/man/man$$section/$${page##*/}; \
	done
	for unit in conf/systemd/*; do \
		install -D -m 644 $$unit \
		    $(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/}; \
	done
	install -D -m 644 conf/tmpfiles.d/natsuin.conf \
	    $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/natsuin.conf
	install -D -m 644 conf/sysusers.d/natsuin.conf \
	    $(DESTDIR)$(PREFIX)/lib/sysusers.d/natsuin.conf
	for file in natsuin.conf cron/natsuin samba/natsuin.conf \
	    polkit/50-natsuin.rules; do \
		install -D -m 644 conf/$$file \
		    $(DESTDIR)$(PREFIX)/share/doc/natsuin/examples/$$file; \
	done
	sed -i 's|/usr/bin/natsuin|$(PREFIX)/bin/natsuin|' \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system/natsuin*.service \
	    $(DESTDIR)$(PREFIX)/share/doc/natsuin/examples/cron/natsuin
	for file in LICENSE NEWS README.md README.ja.md docs/ja/*; do \
		install -D -m 644 $$file \
		    $(DESTDIR)$(PREFIX)/share/doc/natsuin/$$file; \
	done

# The compiler flags, for scripts/check-style.
print-flags:
	@echo '$(filter-out -MMD -MP,$(NCFLAGS))'

# Slower looks at the code, by hand.
analyze:
	for f in $(LIB_SRC); do \
		$(CC) $(filter-out -MMD -MP,$(NCFLAGS)) -fanalyzer -S \
		    -o /dev/null $$f || exit 1; \
	done
	cppcheck --quiet --std=c11 --enable=warning,performance,portability \
	    --inline-suppr --suppress=missingIncludeSystem -I. $(LIB_SRC)

clean:
	rm -rf $(B)

-include $(LIB_OBJ:.o=.d) $(B)/signer/main.d $(TESTLIB_OBJ:.o=.d) \
	$(TEST_BIN:=.d) $(BENCH_BIN:=.d) $(FUZZ_BIN:=.d) \
	$(VCARD_SRC:%.c=$(B)/%.d) $(P11SCRIPT:.so=.d)
