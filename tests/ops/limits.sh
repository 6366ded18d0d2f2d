#!/bin/bash
# limits.sh TEST_OPS: what the OpenCL backend makes of a device with other limits: parameters, which
# engine is taken, products in pieces, and the tuner.
set -u
ops=$1 ran=0 bad=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export LOCALITY_CACHE=$tmp/cache LOCALITY_LOG=info
unset LOCALITY_CL_TUNE LOCALITY_CL_MAX_ALLOC
check() { # WHAT: the last command's status decides
  if [ $? -eq 0 ]; then ran=$((ran + 1)); else bad=$((bad + 1)); echo "failed: $*"; tail -5 "$tmp/log"; fi
}
# PARAMETERS CASES: the cases on the device, what is said in $tmp/log, kernels in $tmp/kernels
run() {
  rm -rf "$tmp/kernels"
  mkdir "$tmp/kernels"
  LOCALITY_CL_DUMP=$tmp/kernels "$ops" --backend "opencl:$1" --filter "$2" >"$tmp/log" 2>&1
}
says() { grep -q "$@" "$tmp/log"; }
has() { grep -rqE "$1" "$tmp/kernels"; }

"$ops" --backend opencl --filter sum/odd >"$tmp/log" 2>&1
if [ $? -eq 2 ]; then # no device to test
  echo "0 passed, 0 failed, 1 skipped"
  exit 77
fi

for p in units=0 units=two units=70000 max_alloc= max_alloc=-1 max_alloc=9 local_memory=0 local_memory=1k; do
  ! run "$p" sum/odd && says "opencl: ${p%=*}="
  check "$p is refused by name"
done
LOCALITY_CL_MAX_ALLOC=x run units=1 sum/odd
[ $? -ne 0 ] && says "max_alloc=x"
check "LOCALITY_CL_MAX_ALLOC is read"
! run max_alloc=4096 sum/long && says "largest"
check "a tensor larger than max_alloc is refused with the limit"

# Tiles by units and by local memory, on the default path and when asked for.
case=linear_dx/table\ 16x16
run kernels=gpu,units=2 "$case" && has "define TM (64|32)$" && ! has "define TM 16$"
check "few units: large tiles"
run kernels=gpu,units=512 "$case" && ! has "define TM (64|32)$"
check "many units: small tiles or split sums"
run kernels=gpu,units=2,local_memory=4096 "$case" && has "define TM (32|16)$" && ! has "define TM (128|64)$"
check "little local memory: small tiles"
run kernels=gpu,units=2,local_memory=128 "$case" && has "KERNEL lp_gemm_naive"
check "hardly any local memory: no tiles"
run kernels=gpu,product=tile64,local_memory=4096 "$case" && says "product=tile64 cannot do linear_dx.*does it"
check "a forced engine that does not fit is replaced, and that is said"

# Winograd's convolution where channels are many enough for it, and not where it is switched off.
for direction in "" _dx; do
  run kernels=gpu "conv2d$direction/3x3 deep" && has "KERNEL lp_winograd_[0-9a-f]"
  check "conv2d$direction: many channels by Winograd's method"
  run kernels=gpu,winograd=off "conv2d$direction/3x3 deep" && has "KERNEL lp_gemm_tile" && ! has "KERNEL lp_winograd"
  check "conv2d$direction: winograd=off"
  run kernels=gpu "conv2d$direction/few filters odd" && ! has "KERNEL lp_winograd"
  check "conv2d$direction: few channels directly"
done
run kernels=gpu,product=winograd "conv2d/5x5 many" && says "product=winograd cannot do conv n2.*does it"
check "Winograd's method is for 3 x 3"
run kernels=gpu,product=winograd,max_alloc=100000 "conv2d/3x3 padding 2" && ! says "cannot do conv n"
check "transformed filters within the limit"
run kernels=gpu,product=winograd,max_alloc=100000 "conv2d_dx/3x3 padding 2" && says "cannot do conv_dx.*does it"
check "transformed filters beyond the limit"
! run winograd=maybe sum/odd && says "winograd=maybe"
check "winograd= is on or off"

# Whole, the images written out take 4 to 48 MB.
for direction in "" _dx _dw; do
  run kernels=gpu,product=clblast,max_alloc=2000000 "conv2d$direction/lenet conv1 batch" && ! says "cannot do"
  check "conv2d$direction in pieces"
done
run kernels=gpu,product=clblast,max_alloc=1000000 "conv2d_dx/alexnet conv1 crop" && says "cannot do conv_dx"
check "a piece that is too large: another engine"
run product=panel,units=512,max_alloc=2000000 "conv2d/lenet conv2 batch" && ! says "cannot do"
check "hundreds of units do not need more scratch than there is"
# The image with its border takes 200704 bytes, every tensor less.
run max_alloc=220000,product=direct "conv2d/3x3 padding over" && ! says "cannot do conv n8"
check "direct within the limit"
run max_alloc=180000,product=direct "conv2d/3x3 padding over" && says "cannot do conv n8.*does it"
check "direct beyond the limit"

# The reference of the tuner is as exact as the best of its candidates.
run kernels=gpu,tune=60 "conv2d_dw/lenet conv1 batch" && ! says "wrong numbers" && says "tile32 [0-9.]* ms"
check "no candidate is refused for a sum of 35136 terms"
grep -q "conv_dw n61" "$tmp"/cache/opencl/tuning/*.txt
check "the fastest is kept"
rm -rf "$tmp/cache"
run kernels=gpu,tune=60,local_memory=4096 "linear_dx/table 16x16" && says "tile16 [0-9.]* ms" && ! says "tile64"
check "the tuner leaves out what does not fit"

echo "$ran passed, $bad failed"
exit $((bad > 0))
