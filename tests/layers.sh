#!/bin/sh
# The include rules of core/DESIGN.md: arrows never point up, core names no backend or plugin, and
# modules see the public headers only.
cd "$(dirname "$0")/.." || exit 2
failed=0
fail() { echo "layers: $1" >&2; failed=1; }

# Public headers that the files of each folder must not include: what stands above them.
check() { # folder, forbidden headers
  for h in $2; do
    for f in $(grep -rl "#include <locality/$h.h>" "core/$1" 2>/dev/null); do fail "$f includes $h.h, which is above core/$1"; done
  done
}
above_train="experiment report"
above_nn="train analysis $above_train"
above_exec="nn data $above_nn"
above_prior="exec $above_exec"
check base "graph registry io run $above_prior prior"
check io "graph registry run prior $above_prior"
check run "graph registry prior $above_prior"
check graph "registry run prior $above_prior"
check registry "$above_exec"
check prior "$above_prior"
check exec "$above_exec"
check nn "$above_nn"
check data "graph registry prior exec nn $above_nn"
check train "analysis $above_train"
check analysis "train exec experiment report"
check report "train exec experiment"
check experiment ""

# A folder's own headers stay in the folder; base's text helpers and io's YAML serve all, and exec
# reads the graph's structures, by design.
for f in $(grep -rlE '#include "\.\./' core --include='*.c' --include='*.h'); do
  dir=$(echo "$f" | cut -d/ -f2)
  for inc in $(grep -oE '#include "(\.\./)+[a-z_/]+\.h"' "$f" | sed -E 's/.*"(.*)"/\1/'); do
    target=$(realpath --relative-to=. "$(dirname "$f")/$inc" 2>/dev/null | cut -d/ -f2)
    [ "$target" = "$dir" ] || [ "$target" = base ] || [ "${inc##*../}" = io/yaml.h ] || [ "$dir:$target" = exec:graph ] || fail "$f includes $inc of core/$target"
  done
done

for f in $(grep -rlE '#include ["<](backends|plugins)/|"\.\./\.\./(backends|plugins)' core); do
  fail "$f includes a backend or a plugin"
done
for f in $(grep -rlE '"(\.\./)*core/|"\.\./\.\./core' backends plugins); do fail "$f includes core's internals"; done
for f in $(grep -rhoE '#include <locality/[a-z]+\.h>' backends plugins | sort -u | sed -E 's/.*locality\/(.*)\.h>/\1/'); do
  case "$f" in backend | op | plugin | status | tensor) ;; *) fail "a module includes locality/$f.h" ;; esac
done
exit $failed
