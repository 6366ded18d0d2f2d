#!/bin/sh
# template.sh BUILD PREFIX LIBDIR TEMPLATE TESTS: installs the build into a temporary folder, builds the
# plugin template against that package as a stranger would, and finds it through
# LOCALITY_PLUGIN_PATH only. CC, PKG_CONFIG and MESON name the tools.
set -eu
build=$1 prefix=$2 libdir=$3 template=$4 tests=$5
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() { echo "template.sh: $*" >&2; exit 1; }

DESTDIR=$tmp/root $MESON install -C "$build" --no-rebuild --quiet
lib=$tmp/root$prefix/$libdir
mkdir "$tmp/pc" # the package description with the prefix moved to the temporary folder
sed "s|^prefix=.*|prefix=$tmp/root$prefix|" "$lib/pkgconfig/locality.pc" >"$tmp/pc/locality.pc"
export PKG_CONFIG_PATH="$tmp/pc"
unset LOCALITY_PLUGIN_PATH

# As the README says, in a folder of its own.
mkdir "$tmp/plugin"
cp "$template/plateau.c" "$template/meson.build" "$tmp/plugin"
cd "$tmp/plugin"
# shellcheck disable=SC2046  # flags are words
$CC -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden -o lp_cost_plateau.so plateau.c \
  $($PKG_CONFIG --cflags locality)
# shellcheck disable=SC2046
$CC -o "$tmp/use_cost" "$tests/use_cost.c" $($PKG_CONFIG --cflags locality) \
  $($PKG_CONFIG --libs locality) -Wl,-rpath,"$lib"
use() { "$tmp/use_cost" "$@" 2>"$tmp/stderr"; }

got=$(LOCALITY_PLUGIN_PATH=$tmp/plugin use plateau:r=2) || fail "plateau was not found: $got"
want="1.0000 1.0000 1.0000 0.5000 0.3333 plateau:r=2 $(realpath "$tmp/plugin")/lp_cost_plateau.so"
[ "$got" = "$want" ] || fail "got \"$got\", expected \"$want\""

# The installed modules are found beside the library, though the prefix has moved.
got=$(use linear) || fail "linear was not found: $got"
want="1.0000 0.5000 0.3333 0.2500 0.2000 linear $(realpath "$lib")/locality/lp_cost_linear.so"
[ "$got" = "$want" ] || fail "got \"$got\", expected \"$want\""

# A penalty in the same way.
mkdir "$tmp/penalty"
cp "$template-penalty/quiet.c" "$template-penalty/meson.build" "$tmp/penalty"
# shellcheck disable=SC2046
(cd "$tmp/penalty" && $CC -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden \
  -o lp_penalty_quiet.so quiet.c $($PKG_CONFIG --cflags locality))
# shellcheck disable=SC2046
$CC -o "$tmp/use_penalty" "$tests/use_penalty.c" $($PKG_CONFIG --cflags locality) \
  $($PKG_CONFIG --libs locality) -Wl,-rpath,"$lib"
got=$(LOCALITY_PLUGIN_PATH=$tmp/penalty "$tmp/use_penalty" quiet:floor=1.5,weight=3 2>"$tmp/stderr") ||
  fail "quiet was not found: $(cat "$tmp/stderr")"
want="1.1250 quiet:weight=3,schedule=constant,first=1,last=0,every=10,gamma=0.1,floor=1.5"
want="$want $(realpath "$tmp/penalty")/lp_penalty_quiet.so"
[ "$got" = "$want" ] || fail "got \"$got\", expected \"$want\""

# A measure, on two images of two units: 0 where both are alike, 1 where one is silent.
mkdir "$tmp/measure"
cp "$template-measure/sparse.c" "$template-measure/meson.build" "$tmp/measure"
# shellcheck disable=SC2046
(cd "$tmp/measure" && $CC -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden \
  -o lp_measure_sparseness.so sparse.c $($PKG_CONFIG --cflags locality))
printf '2,2\n0,3\n' >"$tmp/acts.csv"
got=$(LOCALITY_PLUGIN_PATH=$tmp/measure "$tmp/root$prefix/bin/locality" analyze "$tmp/acts.csv" \
  --sheet 1x2 --only sparseness --csv | tail -n 1)
[ "$got" = "sparseness:floor=0,,0.5,,,,," ] || fail "sparseness is \"$got\""

# Never in the current directory, be it by default or by a relative name.
for path in '' . : ./ ../plugin; do
  if got=$(LOCALITY_PLUGIN_PATH=$path use plateau); then
    fail "plateau was found through LOCALITY_PLUGIN_PATH=\"$path\": $got"
  fi
done

# The same with the templates' own meson.build, installed this time.
for dir in plugin penalty measure; do
  $MESON setup "$tmp/$dir/build" "$tmp/$dir" >"$tmp/log" 2>&1 &&
    $MESON compile -C "$tmp/$dir/build" >>"$tmp/log" 2>&1 &&
    $MESON install -C "$tmp/$dir/build" >>"$tmp/log" 2>&1 ||
    { cat "$tmp/log" >&2; fail "the template's meson.build does not work"; }
done
"$tmp/use_penalty" quiet >"$tmp/log" 2>&1 || fail "the installed quiet was not found: $(cat "$tmp/log")"
got=$(use plateau:r=0) || fail "the installed plateau was not found: $got"
case $got in
  *"$libdir/locality/lp_cost_plateau.so") ;;
  *) fail "plateau was not installed beside the library's modules: $got" ;;
esac
