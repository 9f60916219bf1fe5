# brainalign: `make` builds build/brainalign, `make check` tests, `make demo` shows, `make help` lists everything.
# What `make configure` was told; the command line still wins.
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
PKGS := openblas lapacke gsl hdf5-serial libxxhash zlib jansson
LAYERS ?= core linalg io model lm datasets fit encode decode neurons report
SHELL_LAYER := cli

STD  := -std=c11 -fopenmp -fPIC -fvisibility=hidden -ffp-contract=off
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
        -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef \
        -Wdouble-promotion
# clang takes NAN for a float that is promoted, and sees variables that gcc thinks set.
ifneq ($(findstring clang,$(shell $(CC) --version)),)
WARN += -Wno-double-promotion -Wconditional-uninitialized
endif
ifeq ($(WERROR),1)
WARN += -Werror
endif

OPT_release  := -O3 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
OPT_debug    := -O0 -g3
OPT_asan     := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_coverage := -O0 -g --coverage
LINK_asan     := -fsanitize=address,undefined
LINK_coverage := --coverage
# For check-slow, with clang: the programs of tests/fuzz get libFuzzer's main().
OPT_fuzz      := -O1 -g -DBA_LIBFUZZER -fsanitize=fuzzer-no-link,address,undefined \
                 -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LINK_fuzz     := -fsanitize=address,undefined
ifeq ($(OPT_$(MODE)),)
$(error MODE is one of release debug asan coverage fuzz, not '$(MODE)')
endif

# Goals that compile nothing work before the libraries are there.
ifneq ($(filter-out clean help configure uninstall format format-check layers,$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell pkg-config --exists $(PKGS) && echo yes),yes)
$(error libraries are missing: run sh tools/install-deps)
endif
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
# Long ones, which only check-slow runs.
SLOW     := $(patsubst tests/slow/%.c,%,$(sort $(wildcard tests/slow/*.c)))
TEST_BIN := $(CHECKS:%=$(OBJ)/tests/%) $(SLOW:%=$(OBJ)/tests/slow/%)
BENCH    := $(patsubst bench/%.c,%,$(sort $(wildcard bench/bench_*.c)))
BENCH_BIN := $(BENCH:%=$(OBJ)/bench/%)

ifeq ($(V),1)
say = @:
q   =
else
say = @printf '  %-7s %s\n'
q   = @
endif

.PHONY: all lib programs check check-unit check-slow check-install coverage-report bench demo install uninstall clean help \
        format format-check cppcheck layers headers exports man docs configure
.SECONDARY:
.DELETE_ON_ERROR:

all: $(PROGRAM) $(OBJ)/libbrainalign.so $(BUILD)/brainalign
lib: $(LIB_A) $(OBJ)/libbrainalign.so
# Everything that compiles, tests and benchmarks too.
programs: all $(TEST_BIN) $(BENCH_BIN)

# Rewritten only when compiler or flags change; every object depends on it.
FLAGS_NOW := $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LDLIBS)
$(OBJ)/.flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' > $@

# The same for the list of sources: a file that came or went makes new libraries and a new program.
$(OBJ)/.sources: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(LIB_SRC) $(CLI_SRC)' | cmp -s - $@ || printf '%s\n' '$(LIB_SRC) $(CLI_SRC)' > $@
.PHONY: FORCE
FORCE:

$(OBJ)/%.o: %.c $(OBJ)/.flags
	@mkdir -p $(@D)
	$(say) CC $<
	$(q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(LIB_A): $(LIB_OBJ) $(OBJ)/.sources
	$(say) AR $@
	$(q)rm -f $@ && $(AR) rcsD $@ $(LIB_OBJ)

EXPORTS := tools/libbrainalign.map
# A symbol that no file defines must not wait for the first user; sanitizers leave theirs to the program.
SO_FLAGS := -Wl,--version-script=$(EXPORTS) $(if $(filter asan fuzz,$(MODE)),,-Wl,-z,defs)
$(LIB_SO): $(LIB_OBJ) $(OBJ)/.sources $(EXPORTS)
	$(say) LINK $@
	$(q)$(CC) -shared -Wl,-soname,libbrainalign.so.$(SOMAJOR) $(SO_FLAGS) $(ALL_LDFLAGS) -o $@ $(LIB_OBJ) $(LDLIBS)

$(OBJ)/libbrainalign.so: $(LIB_SO)
	$(q)ln -sf libbrainalign.so.$(VERSION) $(OBJ)/libbrainalign.so.$(SOMAJOR)
	$(q)ln -sf libbrainalign.so.$(SOMAJOR) $@

$(PROGRAM): $(CLI_OBJ) $(LIB_A) $(OBJ)/.sources
	$(say) LINK $@
	$(q)$(CC) $(ALL_LDFLAGS) -o $@ $(CLI_OBJ) $(LIB_A) $(LDLIBS)

# The mode that was built last; always, since the time of a link is that of what it points to.
$(BUILD)/brainalign: $(PROGRAM) FORCE
	$(q)ln -sf $(MODE)/brainalign $@

ifeq ($(MODE),fuzz)
$(FUZZ:%=$(OBJ)/tests/fuzz/%): LINK_MAIN := -fsanitize=fuzzer
endif
$(OBJ)/tests/%: $(OBJ)/tests/%.o $(LIB_A)
	$(say) LINK $@
	$(q)$(CC) $(ALL_LDFLAGS) $(LINK_MAIN) -o $@ $< $(LIB_A) $(shell pkg-config --libs cmocka) $(LDLIBS)

$(OBJ)/bench/%: $(OBJ)/bench/%.o $(LIB_A)
	$(say) LINK $@
	$(q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB_A) $(LDLIBS)

# One test program alone: make unit-test_npy, make golden-test_encode, ...
unit-% property-% golden-% faults-% fuzz-% slow-%: FORCE
	$(q)$(MAKE) --no-print-directory $(OBJ)/tests/$(firstword $(subst -, ,$@))/$(patsubst $(firstword $(subst -, ,$@))-%,%,$@)
	$(q)$(OBJ)/tests/$(firstword $(subst -, ,$@))/$(patsubst $(firstword $(subst -, ,$@))-%,%,$@)

check: all $(TEST_BIN) layers headers exports check-install
	@MODE=$(MODE) BUILD=$(BUILD) sh tests/run $(CHECKS)
check-unit: all $(UNIT:%=$(OBJ)/tests/unit/%)
	@MODE=$(MODE) BUILD=$(BUILD) sh tests/run $(UNIT:%=unit/%)
check-slow:
	@MAKE='$(MAKE)' CC='$(CC)' BUILD=$(BUILD) sh tools/check-slow

# A run in a tree of its own, because counts of earlier runs would add up.
coverage-report:
	@command -v gcovr >/dev/null || { echo 'coverage-report needs gcovr: apt install gcovr' >&2; exit 1; }
	$(q)rm -rf $(BUILD)/coverage
	$(q)$(MAKE) --no-print-directory MODE=coverage check
	$(q)gcovr --root . --object-directory $(BUILD)/coverage $(LAYERS:%=--filter %/) --filter $(SHELL_LAYER)/ \
	    --txt $(BUILD)/coverage/report.txt --xml $(BUILD)/coverage/report.xml --print-summary
	@echo 'per file: $(BUILD)/coverage/report.txt'

layers:
	@sh tools/check-layers
headers:
	@CC='$(CC)' sh tools/check-headers
exports: lib
	@CC='$(CC)' sh tools/check-exports $(LIB_SO) $(LIB_A)
check-install: all man
	@MAKE='$(MAKE)' CC='$(CC)' LINK='$(LINK_$(MODE))' sh tools/check-install

# On all processors where nobody said how many.
demo:
	+@$(MAKE) --no-print-directory $(if $(findstring j,$(filter -j% --jobserver%,$(MAKEFLAGS))),,-j$(shell nproc)) all
	$(PROGRAM) demo --force $(BUILD)/demo

bench: $(BENCH_BIN)
	@sh bench/run $(OBJ)/bench $(BUILD)/bench $(SIZES)

man: $(PROGRAM)
	$(q)rm -rf $(BUILD)/man
	$(q)$(PROGRAM) help --man-pages $(BUILD)/man
docs: man
	$(q)$(PROGRAM) help --markdown > $(BUILD)/cli.md
	$(q)mv $(BUILD)/cli.md docs/cli.md

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
	    -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS@|$(LDLIBS)|' tools/brainalign.pc.in \
	    > $(DESTDIR)$(libdir)/pkgconfig/brainalign.pc

uninstall:
	rm -f $(DESTDIR)$(bindir)/brainalign $(DESTDIR)$(libdir)/libbrainalign.* $(DESTDIR)$(libdir)/pkgconfig/brainalign.pc
	rm -rf $(DESTDIR)$(includedir)/brainalign $(DESTDIR)$(includedir)/brainalign.h
	rm -f $(DESTDIR)$(mandir)/man1/brainalign*.1

SOURCES_C = $(wildcard include/*.h include/brainalign/*.h $(foreach l,$(LAYERS) cli bench,$(l)/*.[ch]) tests/*.[ch] tests/*/*.[ch])
cppcheck:
	cppcheck --quiet --enable=warning,performance,portability --inline-suppr --error-exitcode=1 -j 2 \
	    --library=posix --suppressions-list=tools/cppcheck.txt -Iinclude -I. $(LAYERS) $(SHELL_LAYER)
format:
	clang-format -i $(SOURCES_C)
format-check:
	clang-format --dry-run --Werror $(SOURCES_C)

# config.mk holds what was set on this command line and nothing else.
CONFIGURABLE := CC AR MODE BUILD WERROR PREFIX bindir libdir includedir mandir CPPFLAGS CFLAGS LDFLAGS
SET := $(foreach v,$(CONFIGURABLE),$(if $(filter command,$(origin $v)),$v))
configure:
	@rm -f config.mk
	@$(foreach v,$(SET),printf '%s\n' '$v = $(subst ','\'',$(value $v))' >> config.mk;) true
	@if [ -f config.mk ]; then cat config.mk; else echo 'no config.mk: all defaults'; fi

clean:
	rm -rf $(BUILD)

help:
	@echo 'make [MODE=release|debug|asan|coverage] [WERROR=1] [V=1]   build $(BUILD)/brainalign and the library'
	@echo 'make demo            a synthetic study with known truth through every stage'
	@echo 'make check           every test; ends with the count line'
	@echo 'make check-unit      the unit tests and those of the command line, for instance with MODE=asan'
	@echo 'make check-slow      long fuzzing, calibration and valgrind, FUZZ_SECONDS=60 per target'
	@echo 'make coverage-report lines covered by make check'
	@echo 'make unit-test_NAME  one test program (also property-, golden-, faults-, fuzz-, slow-)'
	@echo 'make layers headers exports check-install format-check cppcheck   checks of the source'
	@echo 'make bench [SIZES="S M"]   times fits (bench/run); bench/peers.sh beside peers'
	@echo 'make docs            docs/cli.md and man pages from the option tables'
	@echo 'make install DESTDIR= PREFIX=   make uninstall'
	@echo 'make configure CC=... PREFIX=... CFLAGS=...   keep settings in config.mk; without settings: forget them'
	@echo 'make format   make clean'

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(TEST_BIN:=.d) $(BENCH:%=$(OBJ)/bench/%.d)
