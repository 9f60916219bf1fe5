# brainalign: `make` builds build/brainalign, `make check` tests, `make demo` shows, `make help` lists everything.
-include config.mk

MODE   ?= release
BUILD  ?= build
PREFIX ?= /usr/local
CC     ?= cc
AR     ?= ar
V      ?= 0

bindir     ?= $(PREFIX)/bin
libdir     ?= $(PREFIX)/lib
includedir ?= $(PREFIX)/include
mandir     ?= $(PREFIX)/share/man

VERSION := $(shell sed -n 's/^\#define BA_VERSION "\(.*\)"/\1/p' include/brainalign/version.h)
SOMAJOR := $(firstword $(subst ., ,$(VERSION)))

# openblas must come before gsl, whose own slow CBLAS would win silently (tests/unit/test_blas.c asserts it).
PKGS := openblas lapacke gsl hdf5-serial jansson libxxhash zlib
LAYERS ?= core linalg io model datasets fit encode
SHELL_LAYER := cli

STD  := -std=c11 -fopenmp -fPIC -fvisibility=hidden -ffp-contract=off
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
        -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef \
        -Wdouble-promotion
ifeq ($(WERROR),1)
WARN += -Werror
endif

OPT_release  := -O3 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
OPT_debug    := -O0 -g3
OPT_asan     := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_coverage := -O0 -g --coverage
LINK_asan     := -fsanitize=address,undefined
LINK_coverage := --coverage
ifeq ($(OPT_$(MODE)),)
$(error MODE is one of release debug asan coverage, not '$(MODE)')
endif

ALL_CPPFLAGS := -Iinclude -I. -D_POSIX_C_SOURCE=200809L -DH5_USE_110_API \
                -DBA_BUILD_MODE='"$(MODE)"' $(shell pkg-config --cflags $(PKGS)) $(CPPFLAGS)
ALL_CFLAGS   := $(STD) $(OPT_$(MODE)) $(WARN) $(CFLAGS)
ALL_LDFLAGS  := -fopenmp $(LINK_$(MODE)) $(LDFLAGS)
LDLIBS       := $(shell pkg-config --libs $(PKGS)) -lcsv -lm

# One object tree per mode, so that switching modes never mixes objects.
OBJ := $(BUILD)/$(MODE)
LIB_SRC  := $(sort $(foreach l,$(LAYERS),$(wildcard $(l)/*.c)))
CLI_SRC  := $(sort $(wildcard $(SHELL_LAYER)/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(OBJ)/%.o)
CLI_OBJ  := $(CLI_SRC:%.c=$(OBJ)/%.o)
LIB_A    := $(OBJ)/libbrainalign.a
LIB_SO   := $(OBJ)/libbrainalign.so.$(VERSION)
PROGRAM  := $(OBJ)/brainalign

UNIT     := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
PROPERTY := $(patsubst tests/property/%.c,%,$(sort $(wildcard tests/property/test_*.c)))
GOLDEN   := $(patsubst tests/golden/%.c,%,$(sort $(wildcard tests/golden/test_*.c)))
FAULTS   := $(patsubst tests/faults/%.c,%,$(sort $(wildcard tests/faults/test_*.c)))
FUZZ     := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
CHECKS   := $(UNIT:%=unit/%) $(PROPERTY:%=property/%) $(GOLDEN:%=golden/%) $(FAULTS:%=faults/%) $(FUZZ:%=fuzz/%)
TEST_BIN := $(CHECKS:%=$(OBJ)/tests/%)
BENCH    := $(patsubst bench/%.c,%,$(sort $(wildcard bench/bench_*.c)))

ifeq ($(V),1)
say = @:
q   =
else
say = @printf '  %-7s %s\n'
q   = @
endif

.PHONY: all lib check demo install uninstall clean help format format-check layers headers exports man docs configure
.SECONDARY:
.DELETE_ON_ERROR:

all: $(PROGRAM) $(OBJ)/libbrainalign.so $(BUILD)/brainalign
lib: $(LIB_A) $(OBJ)/libbrainalign.so

# Rewritten only when compiler or flags change; every object depends on it.
FLAGS_NOW := $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LDLIBS)
$(OBJ)/.flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' > $@

# The same for the list of sources: a file that came or went makes a new archive.
$(OBJ)/.sources: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(LIB_SRC)' | cmp -s - $@ || printf '%s\n' '$(LIB_SRC)' > $@
.PHONY: FORCE
FORCE:

$(OBJ)/%.o: %.c $(OBJ)/.flags
	@mkdir -p $(@D)
	$(say) CC $<
	$(q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(LIB_A): $(LIB_OBJ) $(OBJ)/.sources
	$(say) AR $@
	$(q)rm -f $@ && $(AR) rcsD $@ $(LIB_OBJ)

$(LIB_SO): $(LIB_OBJ) $(OBJ)/.sources
	$(say) LINK $@
	$(q)$(CC) -shared -Wl,-soname,libbrainalign.so.$(SOMAJOR) $(ALL_LDFLAGS) -o $@ $(LIB_OBJ) $(LDLIBS)

$(OBJ)/libbrainalign.so: $(LIB_SO)
	$(q)ln -sf libbrainalign.so.$(VERSION) $(OBJ)/libbrainalign.so.$(SOMAJOR)
	$(q)ln -sf libbrainalign.so.$(SOMAJOR) $@

$(PROGRAM): $(CLI_OBJ) $(LIB_A)
	$(say) LINK $@
	$(q)$(CC) $(ALL_LDFLAGS) -o $@ $(CLI_OBJ) $(LIB_A) $(LDLIBS)

$(BUILD)/brainalign: $(PROGRAM)
	$(q)ln -sf $(MODE)/brainalign $@

$(OBJ)/tests/%: $(OBJ)/tests/%.o $(LIB_A)
	$(say) LINK $@
	$(q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB_A) $(shell pkg-config --libs cmocka) $(LDLIBS)

$(OBJ)/bench/%: $(OBJ)/bench/%.o $(LIB_A)
	$(say) LINK $@
	$(q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB_A) $(LDLIBS)

# One test program alone: make unit-test_npy, make golden-test_encode, ...
unit-% property-% golden-% faults-% fuzz-%: FORCE
	$(q)$(MAKE) --no-print-directory $(OBJ)/tests/$(firstword $(subst -, ,$@))/$(patsubst $(firstword $(subst -, ,$@))-%,%,$@)
	$(q)$(OBJ)/tests/$(firstword $(subst -, ,$@))/$(patsubst $(firstword $(subst -, ,$@))-%,%,$@)

check: all $(TEST_BIN) layers headers exports
	@MODE=$(MODE) BUILD=$(BUILD) sh tests/run $(CHECKS)

layers:
	@sh tools/check-layers
headers:
	@CC='$(CC)' sh tools/check-headers
exports: $(OBJ)/libbrainalign.so
	@sh tools/check-exports $(LIB_SO)

demo: all
	@sh tools/demo $(PROGRAM) $(BUILD)/demo

docs man: $(PROGRAM)
	$(q)$(PROGRAM) help --markdown > docs/cli.md
	$(q)$(PROGRAM) help --man-pages $(BUILD)/man

install: all man
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(libdir)/pkgconfig $(DESTDIR)$(includedir)/brainalign $(DESTDIR)$(mandir)/man1
	install -m 755 $(PROGRAM) $(DESTDIR)$(bindir)/brainalign
	install -m 644 $(LIB_A) $(DESTDIR)$(libdir)/libbrainalign.a
	install -m 755 $(LIB_SO) $(DESTDIR)$(libdir)/
	ln -sf libbrainalign.so.$(VERSION) $(DESTDIR)$(libdir)/libbrainalign.so.$(SOMAJOR)
	ln -sf libbrainalign.so.$(SOMAJOR) $(DESTDIR)$(libdir)/libbrainalign.so
	install -m 644 include/brainalign.h $(DESTDIR)$(includedir)/
	install -m 644 include/brainalign/*.h $(DESTDIR)$(includedir)/brainalign/
	install -m 644 $(BUILD)/man/*.1 $(DESTDIR)$(mandir)/man1/
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(libdir)|' -e 's|@INCLUDEDIR@|$(includedir)|' \
	    -e 's|@VERSION@|$(VERSION)|' -e 's|@REQUIRES@|$(PKGS)|' tools/brainalign.pc.in \
	    > $(DESTDIR)$(libdir)/pkgconfig/brainalign.pc

uninstall:
	rm -f $(DESTDIR)$(bindir)/brainalign $(DESTDIR)$(libdir)/libbrainalign.* $(DESTDIR)$(libdir)/pkgconfig/brainalign.pc
	rm -rf $(DESTDIR)$(includedir)/brainalign $(DESTDIR)$(includedir)/brainalign.h
	rm -f $(DESTDIR)$(mandir)/man1/brainalign*.1

SOURCES_C = $(wildcard include/*.h include/brainalign/*.h $(foreach l,$(LAYERS) cli bench,$(l)/*.[ch]) tests/*.[ch] tests/*/*.[ch])
format:
	clang-format -i $(SOURCES_C)
format-check:
	clang-format --dry-run --Werror $(SOURCES_C)

clean:
	rm -rf $(BUILD)

help:
	@echo 'make [MODE=release|debug|asan|coverage] [WERROR=1] [V=1]   build $(BUILD)/brainalign and the library'
	@echo 'make demo            a synthetic study with known truth through every stage'
	@echo 'make check           every test; ends with the count line'
	@echo 'make check-slow      calibration simulations and long fuzzing'
	@echo 'make unit-test_NAME  one test program (also property-, golden-, faults-, fuzz-)'
	@echo 'make docs            docs/cli.md and man pages from the option tables'
	@echo 'make install DESTDIR= PREFIX=   make uninstall   make format   make clean'

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(TEST_BIN:=.d) $(BENCH:%=$(OBJ)/bench/%.d)
