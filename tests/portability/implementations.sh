#!/bin/bash
# implementations.sh KIND TEST_OPS TEST_GOLDEN GOLDEN: the real tests on other OpenCL implementations.
#   rusticl    all op cases and golden values on Mesa's llvmpipe
#   gpu        the op cases with the kernels for GPUs, on PoCL
#   oclgrind   a reduced set in the Oclgrind simulator: races, invalid accesses, API misuse
#   valgrind   a reduced set on PoCL: accesses outside buffers, which sanitizers cannot see
# What is not installed is skipped (77).
set -u
kind=$1 ops=$2 golden=$3 folder=$4
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0
skip() { echo "0 passed, 0 failed, 1 skipped"; echo "$*" >&2; exit 77; }
# Every kernel file, small shapes: what the slow tools can do in time.
cases=("relu/odd" "scale/odd" "sum/odd" "ties overlapping" "avgpool2d/2 of odd" "avgpool2d_dx/2 of odd" "log_softmax/10 classes" "log_softmax_dx/10 classes"
  "cross_entropy/3 classes" "cross_entropy/bad labels" "cross_entropy_dx/3 classes" "batchnorm/odd"
  "batchnorm_dx/odd" "dropout/half" "prior/dense" "slice/inside" "concat/inside" "sgd/plain" "adam/plain"
  "sparse_linear/odd" "sparse_linear_dx/odd" "sparse_linear_dw/odd"
  "linear/unequal permuted" "linear_dx/unequal permuted" "linear_dw/unequal permuted" "conv2d/padding over"
  "conv2d_dx/padding over" "conv2d_dw/padding over")

case $kind in
rusticl)
  export RUSTICL_ENABLE=llvmpipe OCL_ICD_VENDORS=/etc/OpenCL/vendors/rusticl.icd
  [ -f "$OCL_ICD_VENDORS" ] || skip "Mesa's OpenCL driver is not installed"
  "$golden" --backend opencl:rusticl "$folder" >"$tmp/log" || bad=1
  grep -v '^passed' "$tmp/log"
  "$ops" --backend opencl:rusticl --filter "${CASES:-}" >"$tmp/log" || bad=1
  grep -v '^passed' "$tmp/log" ;;
gpu)
  "$ops" --backend opencl:Portable,kernels=gpu --filter "${CASES:-}" >"$tmp/log" || bad=1
  grep -v '^passed' "$tmp/log" ;;
oclgrind)
  icd=/usr/lib/oclgrind/liboclgrind-rt-icd.so
  [ -f "$icd" ] || skip "oclgrind is not installed"
  # No OCLGRIND_UNINITIALIZED: 21.10 takes what clEnqueueFillBuffer wrote, and writes to parts of a
  # buffer, for uninitialised. Without OCLGRIND_LOG it reports to standard error; a log file would begin anew with every context.
  export OCL_ICD_VENDORS=$icd OCLGRIND_DATA_RACES=1 OCLGRIND_CHECK_API=1
  export OCLGRIND_BUILD_OPTIONS=-cl-opt-disable LOCALITY_CL_CACHE=off
  unset OCLGRIND_LOG
  n=0
  for family in gpu cpu gpu,product=winograd; do
    for c in "${cases[@]}"; do
      [[ $family != *winograd || $c == conv2d* ]] || continue
      n=$((n + 1))
      "$ops" --backend "opencl:Oclgrind,kernels=$family" --values --filter "$c" >"$tmp/log" 2>"$tmp/oclgrind.$n" || bad=1
      grep -v '^passed' "$tmp/log"
      # Its exit code says nothing: what every process said must be empty.
      if [ -s "$tmp/oclgrind.$n" ]; then
        echo "failed oclgrind $family $c"
        echo "0 passed, 1 failed"
        head -40 "$tmp/oclgrind.$n" >&2
        bad=1
      fi
    done
  done ;;
valgrind)
  command -v valgrind >/dev/null || skip "valgrind is not installed"
  # One process: PoCL's start and its compiler are what takes time under valgrind. Kernels without
  # optimisation are compiled faster, and make every access that is written in them.
  export POCL_EXTRA_BUILD_FLAGS=-cl-opt-disable
  all=$(IFS=,; echo "${cases[*]}")
  valgrind --quiet --error-exitcode=9 --errors-for-leak-kinds=none --leak-check=no \
    --log-file="$tmp/valgrind.%p" "$ops" --backend opencl:Portable --values --filter "$all" >"$tmp/log"
  status=$?
  [ $status -eq 0 ] || [ $status -eq 9 ] || bad=1 # 9: there are errors, judged below
  grep -v '^passed' "$tmp/log"
  # Only what kernels or the backend did, by the innermost frames: drivers and LLVM have their own.
  cat "$tmp"/valgrind.* | grep -A12 'Invalid \(read\|write\)' >"$tmp/invalid"
  if awk '/Invalid (read|write)/ { frames = 4 }
    frames && frames-- && /: (_pocl_kernel_)?(lp|ocl)_|pocl_launcher|_workgroup/ { bad = 1 }
    END { exit !bad }' "$tmp/invalid"; then
    echo "failed valgrind"
    echo "0 passed, 1 failed"
    head -60 "$tmp/invalid" >&2
    bad=1
  fi ;;
*) echo "unknown kind $kind" >&2; exit 2 ;;
esac
exit $bad
