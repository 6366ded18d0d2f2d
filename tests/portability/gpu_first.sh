#!/bin/sh
# gpu_first.sh SCRIPT BUILD: the first hour on a card, a few stages of it: what fails is recorded and repeated,
# what passed is not; without a GPU it says so.
set -u
script=$1 build=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() { echo "failed: $*"; cat "$tmp/log"; exit 1; }
first() { python3 "$script" "$build" --quick --out "$tmp/out" "$@" >"$tmp/log" 2>&1; }

OCL_ICD_VENDORS=/nonexistent first && fail "examined a GPU that is not there"
grep -q "there is no GPU here" "$tmp/log" || fail "does not say that there is no GPU"
first --device opencl:99 && fail "examined a device that is not there"
grep -q "no device opencl:99" "$tmp/log" || fail "does not name the device that is not there"
"$build/lp-bench" devices --quick --backend opencl >/dev/null 2>&1 || { echo "no OpenCL device"; exit 77; }

first --device opencl --only limits --limit 0.01 && fail "a stage out of time passed"
grep -q "^not passed: limits$" "$tmp/log" || fail "a stage out of time is not named"
grep -q '"status": "out of time"' "$tmp/out/result.json" || fail "a stage out of time is not recorded"
first --device opencl --only limits || fail "limits"
grep -q '"status": "passed"' "$tmp/out/result.json" || fail "a repeated stage is not recorded"
grep -q '"case": "device/memory"' "$tmp/out/result.json" || fail "the stage's figures are not in the file"
first --device opencl --only limits || fail "a second time"
grep -q "== limits" "$tmp/log" && fail "what passed was repeated"
# Steps beside a prediction fail where none was made, and the stages behind them are run.
first --device opencl --only "steps of lenet" && fail "steps beside no prediction passed"
grep -A2 "^== steps of lenet beside" "$tmp/log" | grep -q "^== steps of lenet, tuned" || fail "stopped at a failure"
grep -q "<h3>lenet locality:cost=linear 8 on opencl</h3>" "$tmp/out/index.html" || fail "no steps on the page"
grep -q "<h2>steps of lenet beside the prediction: failed</h2>" "$tmp/out/index.html" || fail "no failure on the page"
echo '{' >"$tmp/out/result.json"
first --device opencl --only limits && fail "results that cannot be read were lost"
grep -q "result.json: .*; give another --out" "$tmp/log" || fail "results that cannot be read are not named"
echo "1 passed, 0 failed"
