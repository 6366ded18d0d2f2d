#!/bin/sh
# lp-bench finds a wrong kernel, a planted slow-down and bad input; its files can be read back.
set -u
bench=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
fail() { echo "failed: $*"; exit 1; }

"$bench" ops --backend null:wrong=1 --filter linear/odd --quick >"$dir/wrong" && fail "a wrong kernel passed"
grep -q "linear/odd .*WRONG" "$dir/wrong" || fail "no WRONG line"

"$bench" gemm --backend cpu:threads=1 --size 64 --filter gemm/64 --max-time 0.3 \
  --json "$dir/a.json" --csv "$dir/a.csv" --markdown "$dir/a.md" >"$dir/out" || fail "gemm"
grep -q '"case": "gemm/64"' "$dir/a.json" || fail "no case in the JSON file"
grep -q "^gemm/64,cpu:threads=1,ok," "$dir/a.csv" || fail "no row in the CSV file"
grep -q "^|gemm/64 | cpu:threads=1 | ok" "$dir/a.md" || fail "no row in the Markdown file"

"$bench" compare "$dir/a.json" "$dir/a.json" >"$dir/out" || fail "a file differs from itself"
# A factor of 5 stands out on any machine, however busy.
LP_BENCH_SLOW=gemm:5 "$bench" gemm --backend cpu:threads=1 --size 64 --filter gemm/64 \
  --max-time 0.3 --json "$dir/b.json" >"$dir/out" || fail "slowed gemm"
"$bench" compare "$dir/a.json" "$dir/b.json" >"$dir/out" && fail "a slow-down was not found"
grep -q SLOWER "$dir/out" || fail "no SLOWER line"

"$bench" gemm --backend cpu --peer nonesuch --size 64 --filter gemm/64 --quick >"$dir/out" || fail "peer"
grep -q "nonesuch .*unavailable" "$dir/out" || fail "a missing peer is one line"
"$bench" report "$dir/a.json" --out "$dir/r.html" >"$dir/out" || fail "report"
grep -q "gemm/64" "$dir/r.html" || fail "the report lacks the case"

for arguments in "nonesuch" "gemm --size 0" "gemm --size" "compare $dir/none $dir/none" "train resnet"; do
  "$bench" $arguments >"$dir/out" 2>&1
  [ $? -eq 2 ] || fail "$arguments: no exit status 2"
done
echo passed
