#!/bin/sh
# test_all.sh LUA...: the suite on each, then a row of a table for each: what
# came of it, and why specs were skipped. Fails where one failed.
set -u

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0

reasons() { # reasons LOG: as "2 x why; 1 x why else"
  sed -n 's/^\([0-9]*\) skipped: /\1 x /p' "$1" | paste -sd ';' |
    sed 's/;/; /g'
}

row() { printf '%-8s %7s %7s %7s  %s\n' "$@"; }

row Lua passed failed skipped reasons >"$dir/table"
for lua in "$@"; do
  echo "== $lua"
  "${MAKE:-make}" -s test LUA="$lua" 2>&1 | tee "$dir/log"
  # "N passed, N failed", and perhaps ", N skipped"
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$dir/log" | tail -n 1)
  # shellcheck disable=SC2086
  set -- ${line:-none passed, no end}
  [ "$3" = 0 ] || status=1
  row "$lua" "$1" "$3" "${5:-0}" "$(reasons "$dir/log")" >>"$dir/table"
done

cat "$dir/table"
exit $status
