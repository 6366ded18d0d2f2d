#!/bin/sh
# cpu:winograd=off is right too, and is another way: errors differ from those of Winograd's. So it is
# also seen that the cases meant for Winograd's are computed by it.
set -u
fail() { echo "failed: $*"; exit 1; }
errors() { # DEVICE
  out=$("$test_ops" --backend "$1" --filter "x$size many channels") || fail "$1: $out"
  echo "$out" | awk '/^passed/ { print $3, $4, $5, $6, $7 }'
}
test_ops=$1 locality=$2
for size in 3 5; do
  with=$(errors cpu) && without=$(errors cpu:winograd=off) || fail "$with$without"
  [ -n "$with" ] && [ "$with" != "$without" ] || fail "${size}x$size: the same errors by both ways"
done
# In bf16 they go that way unrounded, so within the tolerance of f32, but for AMX.
if [ "$("$locality" devices | grep -c "bf16 amx")" -eq 0 ]; then
  for size in 3 5; do
    cases="x$size many channels"
    half=$("$test_ops" --backend cpu:precision=bf16 --filter "$cases") || fail "bf16: $half"
    "$test_ops" --backend cpu:precision=bf16,winograd=off --filter "$cases" >/dev/null &&
      fail "bf16 does not round"
  done
fi
"$test_ops" --backend cpu:winograd=maybe --filter "5x5 many channels" >/dev/null 2>&1 &&
  fail "winograd=maybe was accepted"
echo passed
