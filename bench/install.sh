#!/bin/sh
# install.sh DIR: install what is missing for `make bench`, npm packages into
# DIR. What cannot be had is named, and run.py leaves out what needs it; only
# what `make demo` needs is due.
set -u

dir=$1
has() { command -v "$1"; }
lua_has() { "${LUA:-lua5.4}" -e "require '$1'"; }

# The newest of Plex's SDKs for JavaScript that has both operations.
npm_packages='@lukehagar/plexjs@0.39.0 zod@3'

has_requests() {
  for python in python3 /usr/bin/python3; do
    "$python" -c "import requests" && return
  done
}
lua51_has_curl() {
  lua5.1 -e "require 'curl' require 'cjson' require 'socket'"
}
has_nginx() { has nginx || [ -x /usr/sbin/nginx ]; }

missing() { # there? | its Debian packages
  while IFS='|' read -r probe packages; do
    $probe >/dev/null 2>&1 || printf '%s ' "$packages"
  done <<'TABLE'
has_nginx|nginx-light
has callgrind_annotate|valgrind
has openssl|openssl
has python3|python3
has_requests|python3-requests
has node|nodejs
has npm|npm
lua_has socket|lua-socket
lua_has ssl|lua-sec
lua_has luv|lua-luv
lua_has cqueues|lua-cqueues
lua51_has_curl|lua5.1 lua-curl lua-cjson lua-socket
TABLE
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

get() { # one by one: what cannot be had must not keep the others away
  as_root apt-get update -q
  for package in "$@"; do
    as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -q -y --no-install-recommends "$package"
  done
}

sh spec/support/install.sh demo || exit 1
packages=$(missing)
if [ -n "$packages" ]; then
  echo "Installing: apt-get install $packages"
  # shellcheck disable=SC2086
  get $packages
  packages=$(missing)
  [ -z "$packages" ] || echo "bench: could not be had: $packages" >&2
fi
mkdir -p "$dir"
if [ ! -d "$dir/node_modules/zod" ]; then
  # shellcheck disable=SC2086
  npm install --silent --prefix "$dir" --no-save --no-package-lock \
    $npm_packages || echo "bench: could not be had: $npm_packages" >&2
fi
