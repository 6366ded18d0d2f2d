#!/bin/sh
# externals.sh LIBRARY.a: whoever links the static library must not meet names of ours in his program.
set -eu
command -v nm >/dev/null || { echo "0 passed, 0 failed, 1 skipped"; exit 77; }
others=$(nm -g --defined-only "$1" 2>/dev/null | awk 'NF == 3 && $2 ~ /[TDBRC]/ && $3 !~ /^(lp_|__)/ { print $3 }' | sort -u)
n=$(nm -g --defined-only "$1" 2>/dev/null | grep -c ' T lp_' || true)
[ "$n" -gt 100 ] || { echo "only $n functions found in $1" >&2; exit 1; }
[ -z "$others" ] || { echo "external, but not lp_...:" $others >&2; exit 1; }
