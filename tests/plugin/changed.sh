#!/bin/sh
# A plugin that changed under one name and version: eval and --resume say so instead of giving other
# results. Usage: changed.sh LOCALITY STEEP_0 STEEP_1 STEEP_2 (modules).
locality=$(realpath "$1") && set -- "$(realpath "$2")" "$(realpath "$3")" "$(realpath "$4")"
fail() { echo "changed: $1" >&2; exit 1; }
tmp=$(mktemp -d) || exit 1
pid=
trap '[ -z "$pid" ] || kill "$pid"; rm -rf "$tmp"' EXIT
mkdir "$tmp/modules" "$tmp/d"
export LOCALITY_PLUGIN_PATH="$tmp/modules"
use() { # state, module files
  shift "$(($1 + 1))"
  cp "$1" "$tmp/modules/new" && mv "$tmp/modules/new" "$tmp/modules/steep.so"
}

# 200 training and 50 test images of noise, in ten classes.
idx() { # prefix, images, images in octal
  { printf "\0\0\10\3\0\0\0\\$3\0\0\0\34\0\0\0\34"; head -c $(($2 * 784)) /dev/urandom; } >"$tmp/d/$1-images-idx3-ubyte"
  { printf "\0\0\10\1\0\0\0\\$3"; for i in $(seq $(($2 / 10))); do printf '\0\1\2\3\4\5\6\7\10\11'; done; } >"$tmp/d/$1-labels-idx1-ubyte"
}
idx train 200 310
idx t10k 50 62
cd "$tmp" || exit 1

refused() { # words that the one line must hold, then the command
  words=$1; shift
  "$@" >out 2>err && fail "not refused: $*"
  [ "$(grep -c . err)" = 1 ] || fail "not one line: $(cat err)"
  for w in $words; do grep -qF -- "$w" err || fail "'$w' is not in: $(cat err)"; done
}

# A model file: the cost's module, then the topology's; to other values, and to none at all.
for layer in locality:cost=steep locality:cost=linear,topology=slope; do
  use 1 "$@"
  "$locality" train --layer $layer --data idx:d --epochs 1 --backend cpu -q -o m.safetensors >/dev/null || fail "train"
  "$locality" eval m.safetensors --backend cpu >first || fail "eval"
  for state in 2 0; do
    use $state "$@"
    refused "m.safetensors layer lp steep.so" "$locality" eval m.safetensors --backend cpu
  done
  # Files of 0.1 do not tell their priors: they load as before.
  sed 's/"priors"/"priorz"/' m.safetensors >old.safetensors
  "$locality" eval old.safetensors --backend cpu >/dev/null || fail "a file of 0.1 is refused"
  use 1 "$@"
  "$locality" eval m.safetensors --backend cpu | cmp -s - first || fail "another result with the same module"
done

# A run folder.
count() { cat run/metrics.jsonl 2>/dev/null | grep -c '"event":"epoch"'; }
wait_for() { # lines of metrics.jsonl that tell of an epoch
  for i in $(seq 600); do
    [ "$(count)" -ge "$1" ] && return
    kill -0 $pid 2>/dev/null || break
    sleep 0.1
  done
  fail "the run does not go on: $(cat err)"
}
stop() { kill -INT $pid; wait $pid; pid=; }
"$locality" experiment mnist --data idx:d --arms control,steep --epochs 10000 --seeds 1 --jobs 2 --backend cpu:threads=1 -q --out run >out 2>err &
pid=$!
wait_for 4
stop
grep -q '"constants": {}' run/manifest.json || fail "the control has priors"
[ "$(grep -cE '"lp": "[0-9a-f]{64}"' run/manifest.json)" = 1 ] || fail "the manifest does not tell the priors"
cp run/metrics.jsonl before
use 2 "$@"
refused "arm steep layer lp cost steep.so" "$locality" experiment --resume run -q
cmp -s run/metrics.jsonl before || fail "a refused resume changed the folder"
use 1 "$@"
n=$(count)
"$locality" experiment --resume run -q >out 2>err &
pid=$!
wait_for $((n + 2))
stop
echo "changed: ok"
