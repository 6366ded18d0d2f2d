#!/bin/sh
# The include rules of core/DESIGN.md: arrows never point up, core names no backend or plugin, and
# modules see the public headers only. One pass, for machines with much else to do. And that the manual
# has every variable of the environment.
cd "$(dirname "$0")/.." || exit 2
grep -rnoE '#include ["<][A-Za-z0-9_./-]+[">]' core backends plugins | awk -F: '
function fail(what) { print "layers: " what > "/dev/stderr"; failed = 1 }
# Public headers that the files of a folder must not include: what stands above them.
function above(folder, headers, h, n, i) {
  n = split(headers, h, " ")
  for (i = 1; i <= n; i++) forbidden[folder, h[i]] = 1
}
# "core/run/../io/yaml.h" is core/io/yaml.h.
function target(path, part, kept, n, k, i) {
  n = split(path, part, "/")
  for (i = 1; i <= n; i++) {
    if (part[i] == "..") k--
    else if (part[i] != "." && part[i] != "") kept[++k] = part[i]
  }
  return k < 1 ? "" : kept[1] "/" kept[2]
}
BEGIN {
  shown["exec graph"]; shown["host registry"]; shown["host measure"]; shown["cli check"]
  train = "experiment prune report"; settings = "train " train; nn = "settings train analysis measure " train; exec_ = "nn data " nn; prior = "exec " exec_
  above("base", "graph registry io run prior " prior)
  above("io", "graph registry run prior " prior)
  above("run", "graph registry " prior)
  above("graph", "registry run prior " prior)
  above("registry", "prior " prior)
  above("prior", prior)
  above("host", prior)
  above("exec", exec_)
  above("check", exec_)
  above("nn", nn)
  above("data", "graph registry prior exec nn " nn)
  above("settings", "graph registry io run prior exec nn data analysis measure " settings)
  above("train", "analysis measure " train)
  above("analysis", "settings train exec experiment report")
  above("measure", "run settings train nn data exec experiment report")
  above("report", "settings train exec experiment prune")
}
{
  file = $1; header = $3
  sub(/^#include ["<]/, "", header); sub(/[">]$/, "", header)
  split(file, at, "/")
  public = header ~ /^locality\/[a-z0-9_]+\.h$/ ? substr(header, 10, length(header) - 11) : ""
  if (at[1] != "core") {
    if (header ~ /^(\.\.\/)*core\// || header ~ /\.\.\/\.\.\/core/) fail(file " includes the internals of core")
    if (public != "" && public !~ /^(backend|op|plugin|status|tensor)$/) fail(file ": a module includes locality/" public ".h")
    next
  }
  if (public != "" && (at[2], public) in forbidden) fail(file " includes " public ".h, which is above core/" at[2])
  if (header ~ /^(\.\.\/\.\.\/)?(backends|plugins)\//) fail(file " includes a backend or a plugin")
  # A folder keeps its own headers, but base has helpers and io YAML and JSON for all, exec reads the structures
  # of the graph, host hands out the registry and cli runs the checks, by design. "room/x.h" is found in
  # core, too.
  if ($3 !~ /^#include "/ || file !~ /\.[ch]$/) next
  dir = file; sub(/\/[^\/]*$/, "", dir)
  where = target(dir "/" header); sub(/^core\//, "", where)
  if (header !~ /^\.\.\// && header ~ /\//) {
    where = header; sub(/\/.*/, "", where)
    if (system("test -f " dir "/" header) == 0) where = at[2]
  }
  if (where != at[2] && where != "base" && header !~ /(^|\/)io\/(json|yaml)\.h$/ && !((at[2] " " where) in shown))
    fail(file " includes " header " of core/" where)
}
END { exit failed }'
failed=$?
for f in $(grep -rhoE '"LOCALITY_[A-Z_]+"' core backends plugins --include='*.[ch]' | tr -d '"' | sort -u); do
  grep -qE "^\.It Ev (.*[ ,])?$f( |$)" core/cli/locality.1 && continue
  echo "layers: core/cli/locality.1 has no $f" >&2
  failed=1
done
exit $failed
