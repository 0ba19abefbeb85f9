#!/bin/sh
# install.sh TARGET: install what is missing for that make target and $LUA.
# On Debian and Ubuntu through apt, after saying so; elsewhere it prints the
# line to run and exits 1. Where everything is there it does nothing.
set -eu

LUA=${LUA:-lua5.4}
lua_has() { "$LUA" -e "require '$1'" >/dev/null 2>&1; }
header() { printf "#include <%s>\n" "$1" | cc -E - >/dev/null 2>&1; }
lua_header() { ls /usr/include/lua.h /usr/include/"$LUA"*/lua.h \
  /usr/local/include/lua.h /usr/local/include/"$LUA"*/lua.h \
  /opt/homebrew/include/*/lua.h 2>/dev/null | grep -q .; }

# For another Lua than 5.4 only Debian's names are known here.
case $LUA in
  luajit) headers=libluajit-5.1-dev ;;
  lua5.1) headers=liblua5.1-0-dev ;;
  *) headers=lib$LUA-dev ;;
esac

# target | there? | Debian | Fedora | Alpine | Arch | Homebrew
wanted() {
  cat <<TABLE
demo|command -v cc|gcc libc6-dev|gcc|build-base|gcc|-
demo|command -v "$LUA"|$LUA|lua|lua5.4|lua|lua
demo|lua_header|$headers|lua-devel|lua5.4-dev|lua|lua
demo|header curl/curl.h|libcurl4-openssl-dev|libcurl-devel|curl-dev|curl|curl
demo|lua_has cjson|lua-cjson|lua-cjson|lua5.4-cjson|lua-cjson|-
demo|lua_has socket|lua-socket|lua-socket|lua5.4-socket|lua-socket|-
test|command -v busted && lua_has busted|lua-busted|lua-busted|lua5.4-busted|lua-busted|-
test|lua_has ssl|lua-sec|lua-sec|lua5.4-sec|lua-sec|-
test|lua_has luv|lua-luv|lua-luv|lua5.4-luv|lua-luv|-
test|lua_has cqueues|lua-cqueues|lua-cqueues|lua5.4-cqueues|-|-
test|command -v openssl|openssl|openssl|openssl|openssl|openssl
test|command -v python3|python3-minimal libpython3-stdlib|python3|python3|python|python
test|command -v luarocks|luarocks|luarocks|luarocks5.4|luarocks|luarocks
test|command -v git|git|git|git|git|git
test|command -v nm|binutils|binutils|binutils|binutils|-
test|command -v nvim|neovim|-|-|-|-
test|ls /usr/include/luajit-2.1/lua.h|libluajit-5.1-dev|-|-|-|-
test|command -v luajit|luajit|-|-|-|-
lint|command -v luacheck|lua-check|lua-check|luacheck|luacheck|luacheck
lint|command -v clang-format|clang-format|clang-tools-extra|clang-extra-tools|clang|clang-format
lint|command -v cppcheck|cppcheck|cppcheck|cppcheck|cppcheck|cppcheck
lint|command -v clang-tidy|clang-tidy|clang-tools-extra|clang-extra-tools|clang|llvm
fuzz|command -v clang|clang|clang|clang|clang|llvm
memcheck|command -v valgrind|valgrind|valgrind|valgrind|valgrind|valgrind
TABLE
}

# Each target needs what the ones before it need.
case "${1:-}" in
  demo) targets='demo' ;;
  test) targets='demo test' ;;
  lint) targets='demo lint' ;;
  memcheck) targets='demo test memcheck' ;;
  fuzz) targets='demo test fuzz' ;;
  bench) exec sh bench/install.sh build/bench ;;
  *) echo "usage: install.sh demo|test|lint|memcheck|fuzz|bench" >&2; exit 2 ;;
esac

missing() { # missing COLUMN: the packages of what is not there
  wanted | while IFS= read -r row; do
    target=${row%%|*}
    case " $targets " in *" $target "*) ;; *) continue ;; esac
    package=$(printf '%s\n' "$row" | sed 's/ || / OR /g' | cut -d'|' -f"$1")
    probe=$(printf '%s\n' "$row" | sed 's/ || / OR /g' | cut -d'|' -f2 |
      sed 's/ OR / || /g')
    eval "$probe" >/dev/null 2>&1 || [ "$package" = - ] ||
      printf '%s ' "$package"
  done
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

debian() {
  packages=$(missing 3)
  [ -n "$packages" ] || exit 0
  echo "Installing: apt-get install $packages"
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    echo "Run as root: apt-get update && apt-get install $packages" >&2
    exit 1
  fi
  as_root apt-get update -q
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends $packages
}

tell() { # tell COLUMN COMMAND
  packages=$(missing "$1")
  [ -n "$packages" ] || exit 0
  echo "Please run first: $2 $packages" >&2
  exit 1
}

if command -v apt-get >/dev/null; then debian
elif command -v dnf >/dev/null; then tell 4 "sudo dnf install"
elif command -v apk >/dev/null; then tell 5 "sudo apk add"
elif command -v pacman >/dev/null; then tell 6 "sudo pacman -S"
elif command -v brew >/dev/null; then tell 7 "brew install"
else echo "Needed: a C compiler, Lua 5.4 and libcurl with their headers," \
  "lua-cjson, luasocket; for tests busted, luasec, openssl, python3" >&2
fi
