#!/bin/sh
# layer.sh lua/FILE.lua...: the Lua layer as C, for embed.c: the bytes of each
# file, and a table of them by module name. Source and no bytecode, as that
# differs from one Lua to the next. Needs no Lua.
set -eu

n=0
rows=
for file in "$@"; do
  name=${file#lua/}
  module=$(echo "${name%.lua}" | tr / .)
  echo "static const unsigned char text$n[] = {"
  od -An -v -tx1 "$file" | sed 's/[0-9a-f][0-9a-f]/0x&,/g'
  echo "};"
  rows="$rows  { \"${module%.init}\", \"@$name\", text$n, sizeof(text$n) },
"
  n=$((n + 1))
done
printf 'static const Chunk layer[] = {\n%s};\n' "$rows"
