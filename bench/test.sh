#!/bin/sh
# lp-bench finds a wrong kernel, a planted slow-down and bad input; its files can be read back.
set -u
bench=$1 manual=$(dirname "$0")/lp-bench.1
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

# Three passes of one row, within its interval.
awk '/"median"/ { rows++ } /"low"/ { low = $2 + 0 } /"high"/ { high = $2 + 0 }
  /"passes"/ { in_passes = 1; next } in_passes && /]/ { in_passes = 0 }
  in_passes { n++; value = $1 + 0; if (value < low || value > high) bad = 1 }
  END { exit !(rows == 1 && n == 3 && !bad) }' "$dir/a.json" || fail "the passes of a row"

"$bench" compare "$dir/a.json" "$dir/a.json" >"$dir/out" || fail "a file differs from itself"
# A factor of 5 stands out on any machine; on a busy or noisy one there may be no verdict.
LP_BENCH_SLOW=gemm:5 "$bench" gemm --backend cpu:threads=1 --size 64 --filter gemm/64 \
  --max-time 0.3 --json "$dir/b.json" >"$dir/out" || fail "slowed gemm"
"$bench" compare "$dir/a.json" "$dir/b.json" >"$dir/out"
status=$?
if grep -q "SLOWER" "$dir/out"; then
  [ $status -eq 1 ] || fail "no exit status 1 for a slow-down"
else
  grep -qE "unsure: |measured on a noisy machine" "$dir/out" || fail "a slow-down was not found"
fi

# One case with median $2, quartiles and interval as wide as $3 on either side, others' share $4.
result() {
  awk -v file="$1" -v m="$2" -v w="$3" -v others="$4" 'BEGIN {
    printf "{\"results\": [{\"case\": \"c\", \"backend\": \"b\", \"others\": %s, \"seconds\": " \
           "{\"median\": %g, \"q1\": %g, \"q3\": %g, \"low\": %g, \"high\": %g, \"n\": 9}}]}\n",
           others, m, m - w, m + w, m - w / 4, m + w / 4 >file }'
}
# expect STATUS WORDS MEDIAN WIDTH OTHERS: against a median of 1 +- 0.02 on a quiet machine.
result "$dir/old" 1 0.02 0
expect() {
  result "$dir/new" "$3" "$4" "$5"
  "$bench" compare "$dir/old" "$dir/new" >"$dir/out"
  [ $? -eq "$1" ] || fail "compare $*: exit status is not $1"
  grep -q "^c .* $2\$" "$dir/out" || fail "compare $*: does not say $2"
}
expect 1 SLOWER 1.1 0.02 0.01
expect 0 faster 0.9 0.02 null
expect 0 "no change" 1.02 0.01 0    # within the margin
expect 0 "no change" 1.1 0.09 0     # the halves of the samples overlap
expect 0 "unsure: the machine was busy" 1.1 0.02 0.2

# case_of FILE MEDIAN MEDIAN MEDIAN: one case on three backends.
case_of() {
  awk -v file="$1" -v a="$2" -v b="$3" -v c="$4" 'function row(name, m) {
      return sprintf("{\"case\": \"c\", \"backend\": \"%s\", \"seconds\": {\"median\": %g, \"q1\": %g, " \
             "\"q3\": %g, \"low\": %g, \"high\": %g}}", name, m, m - 0.01, m + 0.01, m - 0.01, m + 0.01) }
    BEGIN { print "{\"results\": [" row("one", a) "," row("two", b) "," row("three", c) "]}" >file }'
}
case_of "$dir/old" 1 1 1
case_of "$dir/new" 1.2 1.2 1
"$bench" compare "$dir/old" "$dir/new" >"$dir/out" && fail "two of three slower: exit status 0"
[ "$(grep -c " SLOWER$" "$dir/out")" -eq 2 ] || fail "two of three slower"
case_of "$dir/new" 1.2 1.2 1.2
"$bench" compare "$dir/old" "$dir/new" >"$dir/out" || fail "a slower machine is an error"
[ "$(grep -c "unsure: the whole case changed as much" "$dir/out")" -eq 3 ] || fail "a slower machine"

"$bench" gemm --backend cpu --peer nonesuch --size 64 --filter gemm/64 --quick >"$dir/out" || fail "peer"
grep -q "nonesuch .*unavailable" "$dir/out" || fail "a missing peer is one line"
"$bench" report "$dir/a.json" --out "$dir/r.html" >"$dir/out" || fail "report"
grep -q "gemm/64" "$dir/r.html" || fail "the report lacks the case"

"$bench" --help >"$dir/help" || fail "--help"
for option in $(grep -o -e '--[a-z][a-z-]*' "$dir/help" | sort -u); do
  grep -q "^\.It Fl -${option#--}\( \|\$\)" "$manual" || fail "$option is not in the manual"
done
for peer in openblas blis onednn clblast torch; do
  grep -q "$peer" "$dir/help" || fail "$peer is not in --help"
done

# One line each, whether it is installed or not; nothing that is found may be wrong.
"$bench" gemm --backend cpu:threads=1 --peer openblas,clblast --size 33 --filter gemm/33 \
  --quick --max-time 0.1 >"$dir/out" || fail "products by peers"
[ "$(grep -c "^gemm/33 .*\(openblas\|clblast\) " "$dir/out")" -eq 2 ] || fail "a line for each peer"
"$bench" gemm --backend cpu:threads=1 --peer "clblast:tuned=$dir/none" --size 33 --filter gemm/33 \
  --quick --max-time 0.1 >"$dir/out" || fail "a peer without its files"
grep -q "^gemm/33 .*clblast:tuned .*unavailable" "$dir/out" || fail "missing files of the tuners"
"$bench" conv --backend cpu:threads=1 --peer onednn --batch 2 --filter "lenet conv2" --quick \
  --max-time 0.1 >"$dir/out" || fail "convolutions by a peer"
[ "$(grep -c "^conv2d.* onednn " "$dir/out")" -eq 3 ] || fail "a line for oneDNN"
"$bench" train lenet mlp --backend cpu:threads=1 --batch 2 --quick --max-time 0.1 --threads 1 \
  --peer torch >"$dir/out" || fail "train"
[ "$(grep -c "^train/.* torch " "$dir/out")" -eq 4 ] || fail "a line for torch"
grep -q "^train/mlp local batch 2 *cpu:threads=1 *[0-9]" "$dir/out" || fail "no time of the network"
# A stand-in for PyTorch: 2 ms a step, by a network of so many parameters.
stand_in() {
  mkdir -p "$dir/bin"
  cat >"$dir/bin/python3" <<END
#!/bin/sh
echo '{"peer": "torch", "version": "0", "threads": 1, "parameters": $1}'
while read -r steps; do echo "\$steps" | awk '{ print 0.002 * \$1 }'; done
END
  chmod +x "$dir/bin/python3"
  PATH="$dir/bin:$PATH" "$bench" train lenet --layer plain --backend cpu:threads=1 --batch 2 \
    --quick --max-time 0.1 --peer torch >"$dir/out"
}
stand_in 24057 || fail "a stand-in for torch"
grep -q "^train/lenet plain batch 2 *torch *2.000 ms" "$dir/out" || fail "no time by the script"
grep -q "torch / cpu:threads=1: [0-9]" "$dir/out" || fail "no ratio to the script"
# A python3 without it, before that on the PATH, is passed over.
mkdir -p "$dir/without"
printf '#!/bin/sh\necho %s\n' "'{\"peer\": \"torch\", \"error\": \"no torch here\"}'" >"$dir/without/python3"
chmod +x "$dir/without/python3"
PATH="$dir/without:$dir/bin:$PATH" "$bench" train lenet --layer plain --backend cpu:threads=1 \
  --batch 2 --quick --max-time 0.1 --peer torch >"$dir/out" || fail "a second python3"
grep -q "^train/lenet plain batch 2 *torch *2.000 ms" "$dir/out" || fail "the second python3 was not asked"
stand_in 24056 && fail "a script of another network passed"
grep -q "torch *WRONG: another network" "$dir/out" || fail "no WRONG line of the script"

"$bench" train lenet --backend null:wrong=1 --layer plain --batch 2 >"$dir/out" && fail "wrong network"
grep -q "^train/lenet plain .*WRONG" "$dir/out" || fail "no WRONG line of the network"
"$bench" train alexnet --layer locality:cost=linear --list --backend cpu >"$dir/out"
grep -q "^train/alexnet local batch 16$" "$dir/out" || fail "alexnet"
"$bench" train resnet18-32 --list --backend cpu >"$dir/out"
grep -q "^train/resnet18-32 plain batch 64$" "$dir/out" || fail "resnet18-32"

# An interrupt keeps what there is. (A signal that was ignored at the start stays ignored in a
# background job of the shell: env resets it where it can.)
env --default-signal=INT "$bench" gemm --backend cpu:threads=1 --size 32 --filter gemm/32 \
  --precision 1e-9 --max-time 60 --json "$dir/i.json" >"$dir/out" 2>&1 &
job=$!
sleep 2
kill -INT "$job"
wait "$job"
[ $? -eq 130 ] || fail "no exit status 130 after an interrupt"
grep -q '"incomplete": true' "$dir/i.json" || fail "an interrupted file is not marked"
grep -q '"median"' "$dir/i.json" || fail "an interrupt loses what was measured"

# A pass that dies is said, and what earlier ones measured is kept.
"$bench" gemm --backend cpu:threads=1 --size 32 --filter gemm/32 --precision 1e-9 --max-time 60 \
  --json "$dir/k.json" >"$dir/out" 2>&1 &
job=$!
sleep 1
if children=$(cat /proc/$job/task/$job/children 2>/dev/null) && [ -n "$children" ]; then
  kill -KILL $children
  wait "$job"
  [ $? -eq 1 ] || fail "no exit status 1 after a pass was killed"
  grep -q "pass 1 ended by signal 9" "$dir/out" || fail "a killed pass is not said"
  grep -q '"incomplete": true' "$dir/k.json" || fail "a file without a pass is not marked"
else # /proc does not list children here
  kill -INT "$job"
  wait "$job"
fi

# A stand-in for a library that runs kernels of 2004, with the threads that we have.
if command -v cc >/dev/null && grep -q ' avx' /proc/cpuinfo; then
  mkdir -p "$dir/antique"
  cat >"$dir/antique/x.c" <<'END'
#include <stdio.h>
const char *openblas_get_corename(void) { return "Prescott"; }
void openblas_set_num_threads(int n) { fprintf(stderr, "THREADS=%d\n", n); }
void cblas_sgemm(void) {}
END
  cc -shared -fPIC "$dir/antique/x.c" -o "$dir/antique/libopenblas.so.0" || fail "cc"
  # Where LAPACK stands on OpenBLAS it would meet this library: the reference one goes before it.
  reference=/usr/lib/$(cc -print-multiarch)
  # Each setting once: in this process, and in passes of their own.
  for passes in 1 2; do
    LD_LIBRARY_PATH="$dir/antique:$reference/blas:$reference/lapack:${LD_LIBRARY_PATH:-}" OPENBLAS_CORETYPE=Prescott "$bench" gemm --quick \
      --backend cpu:threads=1 --peer openblas --size 16 --filter gemm/16 --passes $passes \
      --json "$dir/antique/f.json" >"$dir/out" 2>"$dir/err"
    grep -q "^openblas runs Prescott, 1 thread$" "$dir/out" || fail "kernels of the peer, $passes passes"
    grep -q "^warning: openblas: OPENBLAS_CORETYPE=Prescott holds it at SSE" "$dir/out" || fail "no warning"
    grep -q '"kernels": "Prescott, 1 thread"' "$dir/antique/f.json" || fail "no kernels in JSON"
    grep -q '"warning": "OPENBLAS_CORETYPE' "$dir/antique/f.json" || fail "no warning in JSON"
    grep -q "^THREADS=1$" "$dir/err" || fail "the peer has other threads than we"
  done
fi

# Steps of a training step, beside a prediction of 1 ms for each; one for another plan is not shown.
"$bench" steps lenet --quick --batch 2 --backend cpu:threads=1 --json "$dir/s.json" >"$dir/out" || fail "steps"
grep -q '"network": "lenet locality:cost=linear 2"' "$dir/s.json" || fail "steps: no network in JSON"
n=$(grep -c '"step":' "$dir/s.json")
[ "$n" -gt 10 ] && [ "$(grep -c '"predicted_seconds": null' "$dir/s.json")" -eq $((n + 1)) ] || fail "steps in JSON"
awk '/"limits"/ { in_limits = 1 } in_limits && /"gflops":/ { peak = $2 + 0 } in_limits && /"gbps":/ { bandwidth = $2 + 0 }
  /"flops":/ { flops = $2 + 0 } /"bytes":/ { bytes = $2 + 0 }
  /"least_seconds":/ && flops { least = flops / peak; if (bytes / bandwidth > least) least = bytes / bandwidth
    least *= 1e-9; if ($2 < 0.999 * least || $2 > 1.001 * least) bad = 1; seen++; flops = 0 }
  END { exit bad || seen < 10 }' "$dir/s.json" || fail "steps: what the limits allow"
ms=$(seq "$n" | sed 's/.*/1,/' | tr -d '\n')
echo "{\"steps\": {\"lenet locality:cost=linear 2\": [${ms%,}]}}" >"$dir/p.json"
"$bench" steps lenet --quick --batch 2 --backend cpu:threads=1 --predicted "$dir/p.json" >"$dir/out" || fail "predicted"
grep -q "; predicted $n.000 ms;" "$dir/out" || fail "steps: the prediction is not shown"
echo '{"steps": {"lenet locality:cost=linear 2": [1]}}' >"$dir/p.json"
"$bench" steps lenet --quick --batch 2 --backend cpu:threads=1 --predicted "$dir/p.json" >"$dir/out" 2>"$dir/err" ||
  fail "steps with a prediction of another plan"
grep -q "has 1 steps there, $n here" "$dir/err" || fail "a prediction of another plan is not named"

# What cannot be done is said at once.
"$bench" gemm --backend cpu,cuda --size 16 --filter gemm/16 >"$dir/out" 2>&1
[ $? -eq 2 ] || fail "--backend cuda: no exit status 2"
grep -q "gemm/16" "$dir/out" && fail "measured for a device that is not there"
"$bench" gemm --backend cpu --filter nonesuch >"$dir/out" 2>&1 && fail "--filter nonesuch passed"
for form in json csv markdown; do
  "$bench" gemm --backend cpu --size 16 --filter gemm/16 --quick --$form "$dir/no/such" >"$dir/out" 2>&1 &&
    fail "--$form into no folder passed"
  grep -q "gemm/16" "$dir/out" && fail "--$form: measured before the file was tried"
done
if [ -w /dev/full ]; then
  for arguments in "gemm --list" "--help" "compare $dir/k.json $dir/k.json"; do
    "$bench" $arguments >/dev/full 2>"$dir/err" && fail "$arguments: lost output is no error"
  done
fi

for arguments in "nonesuch" "gemm --size 0" "gemm --size" "compare $dir/none $dir/none" "train resnet" "steps resnet" \
  "steps --predicted $dir/none"; do
  "$bench" $arguments >"$dir/out" 2>&1
  [ $? -eq 2 ] || fail "$arguments: no exit status 2"
done
echo passed
