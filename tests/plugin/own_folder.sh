#!/bin/sh
# A module that somebody put into the folder of locality's own, with a name that one of those has:
# refused, since which one is meant cannot be told. Usage: own_folder.sh LOCALITY LIBRARY TWIN PLUGINS
locality=$(realpath "$1") library=$(realpath "$2") twin=$(realpath "$3") own=$(realpath "$4")
fail() { echo "own_folder: $1" >&2; exit 1; }
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/lib/locality"
name=$(basename "$library") # liblocality.so.0.1.0 is loaded as liblocality.so.0
cp "$library" "$tmp/lib/${name%.*.*}" && cp "$own"/*/*.so "$tmp/lib/locality" || fail "cannot copy"
run() { LD_LIBRARY_PATH="$tmp/lib:$LD_LIBRARY_PATH" "$locality" "$@" >"$tmp/out" 2>"$tmp/err"; }
refused() { # the file's name, which decides who comes first; then the command
  cp "$twin" "$tmp/lib/locality/$1"
  name=$1; shift
  run "$@" && fail "taken as $name: $*"
  [ "$(tail -1 "$tmp/err" | grep -c 'cost linear is already registered by .*take out the one')" = 1 ] || fail "$name: $(cat "$tmp/err")"
  grep -qF "$tmp/lib/locality/" "$tmp/err" || fail "other modules: $(cat "$tmp/err")"
  rm "$tmp/lib/locality/$name"
}

run plugins || fail "$(cat "$tmp/err")"
grep -q 'linear' "$tmp/out" || fail "modules of another folder: $(cat "$tmp/out")"
refused aaa.so plugins
refused zzz.so plugins
refused aaa.so prior --cost linear
refused zzz.so devices
# Elsewhere it does no harm: the name stays with locality's.
mkdir "$tmp/others" && cp "$twin" "$tmp/others/aaa.so"
LOCALITY_PLUGIN_PATH="$tmp/others" run plugins || fail "refused elsewhere: $(cat "$tmp/err")"
grep -q 'which is the one used' "$tmp/err" || fail "not said: $(cat "$tmp/err")"
