# make demo   install what is missing, build, show the four operations
# make test   install what is missing, build, run the specs

LUA = lua5.4
CC = cc
CFLAGS = -O2 -g
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
LUA_INC = $(dir $(firstword $(wildcard $(addsuffix /lua.h, \
  /usr/include/$(LUA) /usr/local/include/$(LUA) \
  /usr/include /usr/local/include /opt/homebrew/include/lua))))
BUILD = build
INSTALL = sh spec/support/install.sh
SPECS = spec

SOURCES = $(wildcard src/*.c)
HEADERS = $(wildcard src/*.h)
OBJECTS = $(SOURCES:src/%.c=$(BUILD)/%.o)
CORE = $(BUILD)/plexauth/core.so
LUA_FILES = lua spec examples

SHARED = -shared
ifeq ($(shell uname), Darwin)
SHARED = -bundle -undefined dynamic_lookup
endif

# The tree's modules before any that are installed.
export LUA
export LUA_PATH = $(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(CURDIR)/?.lua;;
export LUA_CPATH = $(CURDIR)/$(BUILD)/?.so;;

BUSTED = busted --lua=$(LUA) -o spec/support/summary.lua --pattern=_spec

.PHONY: all demo test lint format rock install memcheck clean

all: $(CORE)

$(BUILD)/%.o: src/%.c $(HEADERS)
	@mkdir -p $(BUILD)
	$(CC) -std=c11 $(CFLAGS) $(WARNINGS) -fPIC -I$(LUA_INC) -c $< -o $@

$(CORE): $(OBJECTS)
	@mkdir -p $(BUILD)/plexauth
	$(CC) $(SHARED) $(CFLAGS) $(OBJECTS) -o $@ -lcurl

demo:
	@$(INSTALL) demo
	@$(MAKE) -s all
	@$(LUA) examples/demo.lua

test:
	@$(INSTALL) test
	@$(MAKE) -s all
	@$(BUSTED) $(SPECS)

lint:
	@$(INSTALL) lint
	luacheck -q $(LUA_FILES) rockspec/*.rockspec
	clang-format --dry-run -Werror $(SOURCES) $(HEADERS)
	cppcheck -q --std=c11 --enable=warning,performance,portability \
	  -U__has_include --error-exitcode=1 src
	@$(MAKE) -s BUILD=build/lint all

format:
	clang-format -i $(SOURCES) $(HEADERS)

# lua-cjson keeps a scratch buffer when decoding fails: not ours.
memcheck:
	@$(INSTALL) memcheck
	@$(MAKE) -s all
	@PLEXAUTH_SLOW=20 valgrind -q --leak-check=full --error-exitcode=99 \
	  --errors-for-leak-kinds=definite --trace-children=no \
	  --suppressions=spec/support/valgrind.supp \
	  $(LUA) spec/support/busted.lua $(SPECS)

rock:
	luarocks --lua-version 5.4 make --deps-mode=none --tree $(BUILD)/tree \
	  rockspec/plexauth-scm-1.rockspec
	luarocks lint rockspec/plexauth-scm-1.rockspec

install:
	luarocks --lua-version 5.4 make --deps-mode=none \
	  rockspec/plexauth-scm-1.rockspec

clean:
	rm -rf build
