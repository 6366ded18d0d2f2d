#!/bin/sh
# cxx.sh BUILD PREFIX LIBDIR: a C++ program uses the installed package. Every public header compiles by
# itself with the flags of pkg-config, in old and new C++, without a warning; the address of every
# function in them links, so they are all extern "C" and exported. Skipped without a C++ compiler.
# CXX, PKG_CONFIG and MESON name the tools.
set -eu
build=$1 prefix=$2 libdir=$3
cxx=${CXX:-$(command -v c++ || command -v g++ || command -v clang++ || true)}
[ -n "$cxx" ] || { echo "cxx.sh: no C++ compiler"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() { echo "cxx.sh: $*" >&2; exit 1; }

DESTDIR=$tmp/root $MESON install -C "$build" --no-rebuild --quiet
lib=$tmp/root$prefix/$libdir
mkdir "$tmp/pc"
sed "s|^prefix=.*|prefix=$tmp/root$prefix|" "$lib/pkgconfig/locality.pc" >"$tmp/pc/locality.pc"
export PKG_CONFIG_PATH="$tmp/pc"
cflags=$($PKG_CONFIG --cflags locality)
case $cflags in *-std=*) fail "pkg-config chooses a language: $cflags" ;; esac

headers=$tmp/root$prefix/include/locality
count=0
: >"$tmp/names"
for header in "$headers"/*.h; do
  name=$(basename "$header")
  printf '#include <locality/%s>\n#include <locality/%s>\n' "$name" "$name" >"$tmp/one.cc"
  for standard in c++11 c++20; do
    # shellcheck disable=SC2086  # flags are words
    $cxx -std=$standard -Wall -Wextra -Wpedantic -Werror -fsyntax-only $cflags "$tmp/one.cc" ||
      fail "$name is no $standard"
  done
  sed -n 's/^LP_API [^(]*[ *]\(lp_[a-z0-9_]*\)(.*/\1/p' "$header" >>"$tmp/names"
  count=$((count + 1))
done
[ "$count" -ge 15 ] || fail "only $count headers are installed"
[ "$(wc -l <"$tmp/names")" -ge 100 ] || fail "only $(wc -l <"$tmp/names") functions were found"

{
  for header in "$headers"/*.h; do echo "#include <locality/$(basename "$header")>"; done
  echo 'void (*const functions[])() = {'
  sed 's/.*/  reinterpret_cast<void (*)()>(\&&),/' "$tmp/names"
  cat <<'EOF'
};
int main() {
  lp_val none = LP_NO_VAL;
  for (auto f : functions)
    if (!f) return 1;
  return lp_output(none, 1).id == 0 && lp_output(lp_val{3}, 2).id == 5 ? 0 : 2;
}
EOF
} >"$tmp/all.cc"
# shellcheck disable=SC2046,SC2086
$cxx -Wall -Wextra -o "$tmp/all" "$tmp/all.cc" $cflags $($PKG_CONFIG --libs locality) -Wl,-rpath,"$lib" ||
  fail "a C++ program does not link"
"$tmp/all" || fail "a C++ program gives another result"
