# Completion of locality(1) for bash.

_locality() {
  local commands='experiment train eval prior plugins devices analyze report data tune models network'
  local common='--json --quiet --help'
  local training='--model --data --crop-area --sheet --set --seed --epochs --batch --accumulate --optimizer --lr --momentum --alpha --beta1
    --beta2 --eps --decay --decay-kind --decay-bias --decay-norm --schedule --step-epochs --gamma --dropout
    --dropout2d --backend --precision'
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words=

  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands help --help --version" -- "$cur")
    return
  fi
  case $prev in
    --optimizer) words='sgd rmsprop adam adamw' ;;
    --decay-kind) words='auto l2 l1 decoupled' ;;
    --precision) words='f32 bf16' ;;
    --schedule) words='constant step cosine' ;;
    --decay-bias | --decay-norm) words='true false' ;;
    --primary) words='variance variance_torus moran_i geary_c participation_ratio centroid_offset neighbour_correlation accuracy loss' ;;
    --metric) words='l2 l1 linf' ;;
    --normalize) words='none fan_in fan_out total' ;;
    --split) words='test train' ;;
    --model) words=$(locality models 2>/dev/null | sed 1d | cut -d ' ' -f 1) ;;
    --data | -d) words='mnist fashion-mnist idx: cifar10: imagefolder:' ;;
    --backend) words="auto $(locality devices 2>/dev/null | sed 1d | cut -d ' ' -f 1)" ;;
    --cost | -c) words=$(locality plugins 2>/dev/null | awk '$1 == "cost" || $1 == "prior" { print $2 }') ;;
    --topology | -t) words=$(locality plugins 2>/dev/null | awk '$1 == "topology" { print $2 }') ;;
    --out | -o | --resume | --from | --train | --val | --ground-truth | --synsets)
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      return
      ;;
  esac
  if [ -n "$words" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    return
  fi
  case $command in
    experiment)
      words="--out --resume --add-arms --dry-run --tune --no-report --title --arms --sweep --reference --site --seeds
        --images --primary --significance --margin --jobs --checkpoint-seconds $training
        mnist mnist-ablation mnist-size mnist-rmsprop fashion-mnist
        imagenet imagenet-rmsprop tiny-imagenet cifar10"
      ;;
    train) words="--out --profile --tune --layer $training" ;;
    tune) words="--seconds --layer $training" ;;
    devices) words="--self-test $(locality devices 2>/dev/null | sed 1d | cut -d ' ' -f 1)" ;;
    analyze) words=--reference ;;
    eval) words='--data --split --backend' ;;
    network) words="--set --channels --classes --text $(locality models 2>/dev/null | sed 1d | cut -d ' ' -f 1)" ;;
    prior) words='--cost --topology --metric --normalize --sheet --sheet-in --unit --matrix --out' ;;
    data) words='list fetch prepare mnist fashion-mnist --from --train --val --ground-truth --synsets' ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words $common" -- "$cur"; [[ $cur == -* ]] || compgen -f -- "$cur")
}
complete -o filenames -F _locality locality
