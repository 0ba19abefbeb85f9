# make demo   install what is missing, build, show the four operations
# make test   install what is missing, build, run the specs
# make test LUA=luajit, or lua5.1...: that one's; make test-all: on each Lua
# make embed  build/libplexauth.a and build/plexauth.h, for programs in C

.DELETE_ON_ERROR:

LUA = lua5.4
CC = cc
CLANG = clang
CFLAGS = -O2 -g
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
LUA_INC = $(dir $(firstword $(wildcard $(addsuffix /lua.h, \
  /usr/include/$(LUA) /usr/include/$(LUA)-2.1 /usr/local/include/$(LUA) \
  /usr/include /usr/local/include /opt/homebrew/include/lua))))
BUILD = $(if $(filter-out lua lua5.4,$(LUA)),build/$(LUA),build)
INSTALL = sh spec/support/install.sh
SPECS = spec
LUAS = lua5.1 luajit lua5.2 lua5.3 lua5.4
# What tells one Lua from another, in under a minute.
CORE_SPECS = $(patsubst %,spec/%_spec.lua,call check endpoints error init \
  package redact request task task_step url wait)

SOURCES = $(wildcard src/*.c)
HEADERS = $(wildcard src/*.h)
OBJECTS = $(SOURCES:src/%.c=$(BUILD)/%.o)
CORE = $(BUILD)/plexauth/core.so
LUA_FILES = lua spec examples
LAYER = $(filter-out lua/plexauth/mock%, \
  $(wildcard lua/plexauth/*.lua lua/plexauth/*/*.lua))
EMBED_C = $(wildcard embed/*.[ch] examples/embed/*.c)

# An archive knows no hidden symbols: all but one are made local to it, which
# macOS's linker does itself.
SHARED = -shared
ONE_SYMBOL = objcopy --keep-global-symbol=luaopen_plexauth
ifeq ($(shell uname), Darwin)
SHARED = -bundle -undefined dynamic_lookup
RELOCATABLE = -Wl,-exported_symbol,_luaopen_plexauth
ONE_SYMBOL = :
endif

# The tree's modules before any that are installed.
export LUA
export LUA_PATH = $(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(CURDIR)/?.lua;;
export LUA_CPATH = $(CURDIR)/$(BUILD)/?.so;;

BUSTED = busted --lua=$(LUA) --helper=spec/support/helper.lua \
  -o spec/support/summary.lua --pattern=_spec

.PHONY: all demo test test-core test-all lint format rock install clean \
  memcheck asan tsan fuzz torture analyze check-all bench dist embed

all: $(CORE)

$(BUILD)/%.o: src/%.c $(HEADERS)
	@mkdir -p $(BUILD)
	$(CC) -std=c11 $(CFLAGS) $(WARNINGS) -fPIC -I$(LUA_INC) -c $< -o $@

$(CORE): $(OBJECTS)
	@mkdir -p $(BUILD)/plexauth
	$(CC) $(SHARED) $(CFLAGS) $(OBJECTS) -o $@ -lcurl

embed: $(BUILD)/libplexauth.a $(BUILD)/plexauth.h

$(BUILD)/layer.h: embed/layer.sh $(LAYER)
	@mkdir -p $(BUILD)
	sh embed/layer.sh $(LAYER) >$@

$(BUILD)/embed.o: embed/embed.c embed/plexauth.h $(BUILD)/layer.h
	$(CC) -std=c11 $(CFLAGS) $(WARNINGS) -fPIC -I$(BUILD) -I$(LUA_INC) \
	  -c $< -o $@

$(BUILD)/libplexauth.a: $(OBJECTS) $(BUILD)/embed.o
	$(CC) -nostdlib -r $(RELOCATABLE) $^ -o $(BUILD)/libplexauth.o
	$(ONE_SYMBOL) $(BUILD)/libplexauth.o
	rm -f $@
	$(AR) rc $@ $(BUILD)/libplexauth.o

$(BUILD)/plexauth.h: embed/plexauth.h
	@mkdir -p $(BUILD)
	cp $< $@

demo: deps-demo
	@$(MAKE) -s all
	@$(LUA) examples/demo.lua

test: deps-test
	@$(MAKE) -s all
	@$(BUSTED) $(SPECS)

test-core:
	@$(MAKE) -s test SPECS="$(CORE_SPECS)"

test-all:
	@sh spec/support/test_all.sh $(LUAS)

lint: deps-lint
	luacheck -q $(LUA_FILES) rockspec/*.rockspec
	clang-format --dry-run -Werror $(SOURCES) $(HEADERS) $(EMBED_C)
	cppcheck -q --std=c11 --enable=warning,performance,portability \
	  -U__has_include --error-exitcode=1 src
	@$(MAKE) -s BUILD=build/lint all embed

format:
	clang-format -i $(SOURCES) $(HEADERS) $(EMBED_C)

# The rest is for whoever changes the C code. What is named below is built of
# the same sources; where one needs the whole core in a program, with liblua.

GCC_SANE = -std=c11 -g -O1 -fno-omit-frame-pointer $(WARNINGS)
STATIC = -Isrc -Ispec/fuzz -I$(LUA_INC)
LIBS = -l$(LUA:luajit=luajit-5.1) -lcurl -lpthread
TARGETS = json inputs answer
FUZZ_SECONDS = 600
# Matters of taste, and a C11 annex that no libc here has.
TIDY_NOT = -bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,$\
  -cert-dcl37-c,-cert-dcl51-cpp,$\
  -clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling

# lua-cjson keeps a scratch buffer when decoding fails: not ours.
memcheck: deps-memcheck
	@$(MAKE) -s all
	@PLEXAUTH_SLOW=5 valgrind -q --leak-check=full --error-exitcode=99 \
	  --errors-for-leak-kinds=definite --trace-children=no \
	  --suppressions=spec/support/valgrind.supp \
	  $(LUA) spec/support/busted.lua $(SPECS)

# The whole suite with a core under AddressSanitizer and UBSan. Leaks are
# looked for by memcheck and torture: here the interpreter is not ours.
asan: deps-memcheck
	@$(MAKE) -s BUILD=$(BUILD)/asan CFLAGS="-O1 -g -fsanitize=address,undefined \
	  -fno-sanitize-recover=undefined -fno-omit-frame-pointer" all
	@LUA_CPATH="$(CURDIR)/$(BUILD)/asan/?.so;;" PLEXAUTH_SLOW=5 \
	  ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 \
	  LD_PRELOAD="$$($(CC) -print-file-name=libasan.so)" \
	  $(LUA) spec/support/busted.lua $(SPECS)

$(BUILD)/replay/%: spec/fuzz/%.c spec/fuzz/replay.c spec/fuzz/host.h $(SOURCES) \
  $(HEADERS)
	@mkdir -p $(BUILD)/replay
	$(CC) $(GCC_SANE) $(STATIC) spec/fuzz/replay.c $< $(SOURCES) -o $@ $(LIBS)

build/fuzz/%: spec/fuzz/%.c spec/fuzz/host.h $(SOURCES) $(HEADERS)
	@mkdir -p build/fuzz
	$(CLANG) $(GCC_SANE) -fsanitize=fuzzer,address,undefined \
	  -fno-sanitize-recover=undefined $(STATIC) $< $(SOURCES) -o $@ $(LIBS)

# New inputs go to build/fuzz; those worth keeping are copied by hand.
fuzz: deps-fuzz
	@$(MAKE) -s $(TARGETS:%=build/fuzz/%)
	@for target in $(TARGETS); do \
	  mkdir -p build/fuzz/$$target.corpus && \
	  build/fuzz/$$target -max_total_time=$(FUZZ_SECONDS) -max_len=4096 \
	    -artifact_prefix=build/fuzz/ -print_final_stats=1 -verbosity=0 \
	    build/fuzz/$$target.corpus spec/fuzz/corpus/$$target || exit 1; \
	done

build/torture: spec/support/torture/torture.c $(SOURCES) $(HEADERS)
	@mkdir -p build
	$(CC) $(GCC_SANE) -fsanitize=address,undefined $(STATIC) \
	  -Dmalloc=torture_malloc -Dfree=torture_free $(SOURCES) -c
	@mkdir -p build/torture.o && mv $(notdir $(OBJECTS)) build/torture.o
	$(CC) $(GCC_SANE) -fsanitize=address,undefined $(STATIC) $< \
	  $(addprefix build/torture.o/, $(notdir $(OBJECTS))) -o $@ $(LIBS)

torture: deps-test
	@$(MAKE) -s all build/torture
	@$(LUA) spec/support/torture/run.lua build/torture

build/threads: spec/support/threads.c $(SOURCES) $(HEADERS)
	@mkdir -p build
	$(CLANG) $(GCC_SANE) -fsanitize=thread $(STATIC) $< $(SOURCES) -o $@ $(LIBS)

tsan: deps-fuzz
	@$(MAKE) -s all build/threads
	@TSAN_OPTIONS="suppressions=spec/support/tsan.supp exitcode=66" \
	  $(LUA) spec/support/threads.lua build/threads

analyze: deps-lint
	@mkdir -p $(BUILD)
	for file in $(SOURCES); do $(CC) -std=c11 -O2 -fanalyzer -Werror \
	  -I$(LUA_INC) -c $$file -o $(BUILD)/analyzed.o || exit 1; done
	clang-tidy --quiet --warnings-as-errors='*' \
	  --checks='-*,bugprone-*,cert-*,clang-analyzer-*,$(TIDY_NOT)' \
	  $(SOURCES) -- -std=c11 -I$(LUA_INC)

check-all: test lint memcheck asan tsan torture analyze fuzz

DECODER = $(addprefix src/, json.c escape.c names.c number.c)

build/bench/%: bench/%.c bench/floor.h $(SOURCES) $(HEADERS)
	@mkdir -p build/bench
	$(CC) -std=c11 $(CFLAGS) $(WARNINGS) $(STATIC) $< \
	  $(if $(filter %/floor,$@),,$(DECODER)) -Wl,--as-needed -o $@ $(LIBS)

bench: deps-bench
	@$(MAKE) -s all build/bench/floor build/bench/floor_many build/bench/json
	@$(MAKE) -s -f spec/support/host.mk $(BUILD)/embed/embed
	@python3 bench/run.py

deps-%:
	@$(INSTALL) $*

ROCKS = luarocks --lua-version $(shell $(LUA) -e 'print(_VERSION:match "%d.%d")')

rock:
	$(ROCKS) make --deps-mode=none --tree $(BUILD)/tree \
	  rockspec/plexauth-scm-1.rockspec
	luarocks lint rockspec/plexauth-scm-1.rockspec

install:
	$(ROCKS) make --deps-mode=none rockspec/plexauth-scm-1.rockspec

# Of what is committed; the same bytes whenever the same git makes it.
VERSION = $(shell sed -n 's/^ *_VERSION = "\(.*\)",/\1/p' lua/plexauth/init.lua)
DIST = plexauth-$(VERSION)

dist:
	@mkdir -p build
	git archive --prefix=$(DIST)/ -o build/$(DIST).tar.gz HEAD

clean:
	rm -rf build
