#!/bin/sh
# The library in a program whose locale writes numbers with a comma: everything as without.
# locale.sh HOST [DEVICE...]
set -u
host=$1
shift
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
fail() { echo "failed: $*"; exit 1; }
command -v localedef >/dev/null || { echo "no localedef"; exit 77; }
cat >"$dir/source" <<'END'
LC_NUMERIC
decimal_point ","
thousands_sep "."
grouping 3;3
END LC_NUMERIC
END
localedef -c -i "$dir/source" -f ANSI_X3.4-1968 "$dir/comma" >/dev/null 2>&1
[ -s "$dir/comma/LC_NUMERIC" ] || { echo "localedef makes none here"; exit 77; }

export LOCALITY_CACHE="$dir/cache" LOCPATH="$dir"
# What differs between two runs anyway: times.
plain() {
  case "$1" in *.json) tr -d '\n' <"$1" ;; *) sort "$1" ;; esac |
    sed -E 's/"(seconds|created)": ?[^,}]*//g; s/"seconds_per_epoch": \[[^]]*\]//g'
}
for device in "$@"; do
  rm -rf "$dir/work" "$dir/point"
  "$host" "$dir/work" "" "$device" || fail "$device, no locale"
  mv "$dir/work" "$dir/point"
  rm -rf "$dir/cache" # kernels are compiled, and written, under the comma too
  "$host" "$dir/work" comma "$device"
  code=$?
  [ $code -eq 77 ] && exit 77
  [ $code -eq 0 ] || fail "$device, with a comma"
  for f in manifest.json metrics.jsonl summary.json; do
    plain "$dir/point/run/$f" >"$dir/a"
    plain "$dir/work/run/$f" >"$dir/b"
    cmp "$dir/a" "$dir/b" || fail "$device: $f"
  done
  n=0
  for f in "$dir"/point/run/models/* "$dir"/point/run/activations/* "$dir"/point/run/figures/*.csv \
    "$dir"/point/run/figures/*.var; do
    [ -e "$f" ] || continue
    cmp "$f" "$dir/work/run${f#"$dir/point/run"}" || fail "$device: $f"
    n=$((n + 1))
  done
  [ "$n" -gt 10 ] || fail "only $n files"
done
echo passed
