# genkitd: one Makefile. 'make help' lists what it can do.
#
#   make run      install what is missing, build, serve the demo
#   make check    install what the tests need, build, run every test
#
# A new file needs no line here: src/FLOOR/*.c is the library, modules/NAME.c a loadable module,
# examples/*.c an example, tests/unit/*_test.c a unit test, tests/fuzz/*_fuzz.c a fuzz target.

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory

# These goals work before anything is installed or configured: they install, then call make again.
BOOTSTRAP_GOALS := run check deps help clean distclean
ifneq ($(filter-out $(BOOTSTRAP_GOALS),$(or $(MAKECMDGOALS),all)),)
include config.mk
endif

BUILD ?= build
ifdef SANITIZE
override BUILD := $(BUILD)/sanitize
SANITIZE_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
WARNINGS += $(if $(WERROR),-Werror)
# All is bound at the start: a call of another library goes there without a stop in between.
ALL_CFLAGS = -std=gnu11 $(CFLAGS) $(WARNINGS) $(SANITIZE_FLAGS) -fPIC -fno-plt -fvisibility=hidden \
	-D_GNU_SOURCE -I. -Iinclude -Isrc -I$(BUILD)/gen $(LIB_CFLAGS)
ALL_LDFLAGS = $(LDFLAGS) $(SANITIZE_FLAGS) -Wl,--as-needed

# V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@echo '  $(1) $(2)')
define COMPILE
$(call say,CC ,$<)
$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
endef

SONAME := libgenkit.so.0
LIB_SOURCES := $(filter-out src/daemon/genkitd.c,$(wildcard src/base/*.c src/json/*.c src/loop/*.c \
	src/dotprompt/*.c src/core/*.c src/store/*.c src/ai/*.c src/telemetry/*.c src/plugins/*/*.c \
	src/server/*.c src/daemon/*.c))
OTLP := $(BUILD)/gen/otlp.pb-c
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/%.o) $(OTLP).o
CTL_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard src/ctl/*.c))
MODULES := $(patsubst modules/%.c,$(BUILD)/modules/%.so,$(wildcard modules/*.c))
EXAMPLES := $(patsubst examples/%.c,$(BUILD)/examples/%.so,$(wildcard examples/*.c))
UNIT_TESTS := $(patsubst tests/unit/%_test.c,$(BUILD)/tests/unit/%_test,$(wildcard tests/unit/*_test.c))
UNIT_HELPERS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%.o,$(filter-out %_test.c,$(wildcard tests/unit/*.c)))
FUZZ_TARGETS := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_REPLAYS := $(FUZZ_TARGETS:%=$(BUILD)/tests/fuzz/%_replay)
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(wildcard tests/bench/*.c))
CONFORMANCE_OBJECTS := $(patsubst tests/%.c,$(BUILD)/tests/objects/%.o,$(wildcard tests/conformance/*.c))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all run check check-all check-unit deps help clean distclean install uninstall bench crash fuzz format \
	tests demo FORCE

all: $(BUILD)/libgenkit.so $(BUILD)/libgenkit.a $(BUILD)/genkitd $(if $(CTL_OBJECTS),$(BUILD)/genkitctl) \
	$(MODULES) $(EXAMPLES)

tests: $(UNIT_TESTS) $(FUZZ_REPLAYS) $(if $(CONFORMANCE_OBJECTS),$(BUILD)/tests/conformance) $(BENCHES) \
	$(BUILD)/tests/run_module

# --- the two commands ---

run:
	@scripts/deps build
	@$(MAKE) -j$$(nproc) all
	@$(MAKE) demo

check:
	@scripts/deps build test
	@$(MAKE) -j$$(nproc) check-all

demo: all
	@scripts/run-demo $(BUILD)

check-all:
	@$(MAKE) WERROR=1 all tests
	@scripts/check $(BUILD)

check-unit:
	@$(MAKE) WERROR=1 tests
	@scripts/check $(BUILD) unit

deps:
	@scripts/deps build test

help:
	@sed -n 's/^#\? \{2,\}make/  make/p' Makefile | head -2
	@echo '  make                    build the library, genkitd, genkitctl, the modules and examples'
	@echo '  make deps               only install what building and testing need (apt)'
	@echo '  make install            into prefix=/usr/local, below DESTDIR= when given'
	@echo '  make uninstall          remove what install put there, but for a configuration that was changed'
	@echo '  make check-unit         only the unit tests'
	@echo '  make bench              measure against the peers; prints ratios'
	@echo '  make crash              kill the daemon CRASH_ROUNDS=200 times under load; no trace and no turn may be missing'
	@echo '  make fuzz               fuzz every parser, FUZZ_SECONDS=60 each'
	@echo '  make format             lay out the code as .clang-format says'
	@echo '  make SANITIZE=1 check   the same with address and undefined-behaviour sanitizers'
	@echo '  make CC=clang-14 BUILD=build/clang    another compiler, beside the first'
	@echo '  make clean, distclean'

# --- configuration ---

configure: configure.ac
	aclocal && autoconf
	@touch $@

config.mk: configure config.mk.in config.h.in
	./configure --quiet

config.h: config.mk ;

# --- library, programs, modules ---

$(BUILD)/%.o: %.c config.mk
	@mkdir -p $(@D)
	$(COMPILE)

# The structs of OpenTelemetry's messages are made from their description.
$(OTLP).c $(OTLP).h &: src/telemetry/otlp.proto config.mk
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)protoc-c --c_out=$(@D) -Isrc/telemetry $<

$(OTLP).o: $(OTLP).c
	$(COMPILE)

$(filter $(BUILD)/src/telemetry/%,$(LIB_OBJECTS)) $(BUILD)/src/daemon/telemetry.o $(BUILD)/src/daemon/destination.o \
	$(UNIT_TESTS:=.o): | $(OTLP).h

# They take a file in as it is (.incbin), which the compiler does not see.
$(BUILD)/src/core/builtin_schemas.o: src/core/builtin_schemas.jsonl
$(BUILD)/src/ctl/model_cases.o: src/ctl/model_cases.jsonl

# Where the daemon looks for what is installed: another prefix compiles this one file again.
PATHS = sysconfdir=$(sysconfdir) libdir=$(libdir)
$(BUILD)/src/daemon/paths.o: $(BUILD)/paths.stamp
$(BUILD)/src/daemon/paths.o: ALL_CFLAGS += -DGK_SYSCONFDIR='"$(sysconfdir)"' -DGK_LIBDIR='"$(libdir)"'
$(BUILD)/paths.stamp: FORCE
	@mkdir -p $(@D)
	@echo '$(PATHS)' | cmp -s - $@ || echo '$(PATHS)' > $@

$(BUILD)/libgenkit.a: $(LIB_OBJECTS)
	@rm -f $@
	$(call say,AR ,$@)
	$(Q)ar rcs $@ $^

$(BUILD)/$(SONAME): $(LIB_OBJECTS) src/libgenkit.map
	$(call say,LD ,$@)
	$(Q)$(CC) -shared $(ALL_LDFLAGS) -Wl,-soname,$(SONAME) -Wl,--version-script=src/libgenkit.map \
		-Wl,-Bsymbolic-functions -Wl,-z,relro,-z,now -o $@ $(LIB_OBJECTS) $(LIB_LIBS)

$(BUILD)/libgenkit.so: $(BUILD)/$(SONAME)
	$(Q)ln -sf $(SONAME) $@

# The library is looked for beside the program and in ../lib, so that both the build tree and any prefix work.
RPATH := -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../lib'

# The sanitizers bring their own malloc. Linked before the C library, mimalloc is that of every library and module.
MIMALLOC := $(if $(SANITIZE),,$(filter mimalloc,$(ALLOCATOR)))
$(BUILD)/src/daemon/genkitd.o: ALL_CFLAGS += $(if $(MIMALLOC),-DGK_WITH_MIMALLOC)

$(BUILD)/genkitd: $(BUILD)/src/daemon/genkitd.o $(BUILD)/libgenkit.so
	$(call say,LD ,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $(RPATH) -pie -Wl,-z,relro,-z,now -o $@ $< -L$(BUILD) -lgenkit $(MIMALLOC:%=-l%) $(JANSSON_LIBS)

$(BUILD)/genkitctl: $(CTL_OBJECTS) $(BUILD)/libgenkit.a
	$(call say,LD ,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -pie -Wl,-z,relro,-z,now -o $@ $^ $(LIB_LIBS)

# A module and an example see what a user's would: the public headers and the library.
USER_CFLAGS = -std=gnu11 $(CFLAGS) $(WARNINGS) $(SANITIZE_FLAGS) -fPIC -Iinclude

$(BUILD)/modules/%.so: modules/%.c $(BUILD)/libgenkit.so
	@mkdir -p $(@D)
	$(call say,LD ,$@)
	$(Q)$(CC) $(USER_CFLAGS) -MMD -MP -shared -o $@ $< -L$(BUILD) -lgenkit $(JANSSON_LIBS)

$(BUILD)/examples/%.so: examples/%.c $(BUILD)/libgenkit.so
	@mkdir -p $(@D)
	$(call say,LD ,$@)
	$(Q)$(CC) $(USER_CFLAGS) -MMD -MP -shared -o $@ $< -L$(BUILD) -lgenkit $(JANSSON_LIBS)

# --- tests ---

# Every unit program fails allocations on request (tests/unit/fault.c).
FAULTS := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray \
	-Wl,--wrap=strdup,--wrap=strndup,--wrap=asprintf,--wrap=vasprintf

$(BUILD)/tests/unit/%_test: $(BUILD)/tests/unit/%_test.o $(UNIT_HELPERS) $(BUILD)/libgenkit.a
	$(call say,LD ,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $(FAULTS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIB_LIBS) $(CHECK_LIBS) -lssl

$(BUILD)/tests/unit/ctl_test $(BUILD)/tests/unit/ctl_traces_test $(BUILD)/tests/unit/model_cases_test: \
	$(filter-out %/genkitctl.o,$(CTL_OBJECTS))

$(BUILD)/tests/unit/%.o: ALL_CFLAGS += $(CHECK_CFLAGS) -Itests

$(BUILD)/tests/conformance: $(CONFORMANCE_OBJECTS) $(BUILD)/libgenkit.a
	@mkdir -p $(@D)
	$(call say,LD ,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LIBS)

# Its objects are elsewhere: the program has their folder's name.
$(BUILD)/tests/objects/conformance/%.o: tests/conformance/%.c config.mk
	@mkdir -p $(@D)
	$(COMPILE)

# It loads modules, whose calls of the library it answers itself.
$(BUILD)/tests/run_module: $(BUILD)/tests/system/run_module.o $(BUILD)/libgenkit.a
	$(call say,LD ,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -rdynamic -o $@ $< -Wl,--whole-archive $(BUILD)/libgenkit.a -Wl,--no-whole-archive $(LIB_LIBS)

$(BUILD)/tests/bench/%: tests/bench/%.c tests/bench/measure.h $(BUILD)/libgenkit.a
	@mkdir -p $(@D)
	$(call say,LD ,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter-out %.h,$^) $(LIB_LIBS)

# A fuzz target's seeds are replayed by a plain main in every test run; 'make fuzz' searches on from them.
$(BUILD)/tests/fuzz/%_replay: $(BUILD)/tests/fuzz/%_fuzz.o $(BUILD)/tests/fuzz/replay.o $(BUILD)/libgenkit.a
	$(call say,LD ,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LIBS)

$(BUILD)/bin/%: $(BUILD)/tests/fuzz/%_fuzz.o $(BUILD)/libgenkit.a
	@mkdir -p $(@D)
	$(call say,LD ,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIB_LIBS)

# Kills the daemon under load, again and again, and looks whether a trace is missing.
CRASH_ROUNDS ?= 200
crash: all
	@CRASH_ROUNDS=$(CRASH_ROUNDS) tests/e2e/run $(BUILD) ./crash.test.mjs ./agents-crash.test.mjs ./sessions-crash.test.mjs

fuzz:
	@scripts/fuzz $(FUZZ_TARGETS)

bench: all tests
	@scripts/bench $(BUILD)

format:
	clang-format-14 -i $$(find include src modules examples tests -name '*.[ch]')

# --- installation ---

prefix ?= /usr/local
bindir ?= $(prefix)/bin
libdir ?= $(prefix)/lib
includedir ?= $(prefix)/include
mandir ?= $(prefix)/share/man
sysconfdir ?= $(if $(filter /usr,$(prefix)),/etc,$(prefix)/etc)
unitdir ?= $(prefix)/lib/systemd/system
completiondir ?= $(prefix)/share/bash-completion/completions

INSTALL = scripts/install $@ BUILD='$(BUILD)' DESTDIR='$(DESTDIR)' VERSION=$(VERSION) SONAME=$(SONAME) prefix='$(prefix)' \
	bindir='$(bindir)' libdir='$(libdir)' includedir='$(includedir)' mandir='$(mandir)' sysconfdir='$(sysconfdir)' \
	unitdir='$(unitdir)' completiondir='$(completiondir)'

install: all
	@$(INSTALL)

uninstall:
	@$(INSTALL)

clean:
	rm -rf $(BUILD)

distclean: clean
	rm -rf config.mk config.h config.log config.status configure aclocal.m4 autom4te.cache

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
