#!/bin/sh
# template.sh BUILD PREFIX LIBDIR TEMPLATE TEST_OPS: builds the backend template against the installed
# package as a stranger would; its device passes the op cases that it supports and refuses the others
# by name. CC, PKG_CONFIG and MESON name the tools.
set -eu
build=$1 prefix=$2 libdir=$3 template=$4 test_ops=$(realpath "$5")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() { echo "template.sh: $*" >&2; exit 1; }

DESTDIR=$tmp/root $MESON install -C "$build" --no-rebuild --quiet
lib=$tmp/root$prefix/$libdir
mkdir "$tmp/pc" "$tmp/backend"
sed "s|^prefix=.*|prefix=$tmp/root$prefix|" "$lib/pkgconfig/locality.pc" >"$tmp/pc/locality.pc"
export PKG_CONFIG_PATH="$tmp/pc"
cp "$template/simple.c" "$template/meson.build" "$tmp/backend"
cd "$tmp/backend"
# shellcheck disable=SC2046  # flags are words
$CC -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden -o lp_backend_simple.so simple.c \
  $($PKG_CONFIG --cflags locality)

export LOCALITY_PLUGIN_PATH="$tmp/backend"
"$test_ops" --backend simple >"$tmp/log" || { grep -v '^passed' "$tmp/log" >&2; fail "op cases failed"; }
for op in linear linear_dx linear_dw relu relu_dx add sub mul scale abs square expand sum; do
  grep -q "^passed simple $op/" "$tmp/log" || fail "no case of $op has passed"
done
for op in conv2d maxpool2d batchnorm dropout cross_entropy adam; do
  grep -q "^skipped simple $op/.*simple cannot run $op" "$tmp/log" || fail "$op is not refused by name"
done
if "$test_ops" --backend simple:threads=2 --filter relu/odd >"$tmp/log" 2>&1; then
  fail "an unknown parameter was accepted"
fi

# The same with the template's own meson.build, installed this time.
$MESON setup "$tmp/backend/build" "$tmp/backend" >"$tmp/log" 2>&1 &&
  $MESON compile -C "$tmp/backend/build" >>"$tmp/log" 2>&1 &&
  $MESON install -C "$tmp/backend/build" >>"$tmp/log" 2>&1 ||
  { cat "$tmp/log" >&2; fail "the template's meson.build does not work"; }
[ -f "$lib/locality/lp_backend_simple.so" ] || fail "the template was not installed beside the modules"
