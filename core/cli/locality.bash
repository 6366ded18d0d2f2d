# Completion of locality(1) for bash. Options, their choices and presets are those of the program's own
# help.

# What `PROGRAM COMMAND --help` lists.
_locality_help() { # PROGRAM COMMAND options|presets|measures|commands, or an option whose choices are asked
  "$1" ${2:+"$2"} --help 2>/dev/null | awk -v what="$3" '
    /^[^ ]/ { section = $1; next }
    !/^  / || /^   *[^ -]/ && section !~ /^(presets|commands|measures):/ { next }
    what == "measures" { if (section == "measures:") print; next }
    what == "presets" || what == "commands" { if (section == what ":") print $1; next }
    section !~ /^(options:|settings)/ { next }
    {
      name = match($0, /--[a-z0-9-]+/) ? substr($0, RSTART, RLENGTH) : ""
      value = substr($0, RSTART + RLENGTH + 1); sub(/ .*/, "", value)
      if (what == "options") print name
      else if (name == what && value == "BOOL") print "true false"
      else if (name == what && value ~ /\|/) { gsub(/\|/, " ", value); print value }
    }'
}

_locality() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=
  local program=${COMP_WORDS[0]//[\\\"\']/} command=${COMP_WORDS[1]} # as typed: without its quotes
  program=${program/#\~\//$HOME/}

  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_locality_help "$program" '' commands) help --help --version" -- "$cur")
    return
  fi
  case $prev in
    --primary) words=$(_locality_help "$program" experiment measures) ;;
    --metric) words='l2 l1 linf' ;;
    --normalize) words='none fan_in fan_out total' ;;
    --split) words='test train' ;;
    --model) words=$("$program" models 2>/dev/null | sed 1d | cut -d ' ' -f 1) ;;
    --data | -d) words='mnist fashion-mnist idx: cifar10: imagefolder:' ;;
    --backend) words="auto $("$program" devices 2>/dev/null | sed 1d | cut -d ' ' -f 1)" ;;
    --cost | -c) words=$("$program" plugins 2>/dev/null | awk '$1 == "cost" || $1 == "prior" { print $2 }') ;;
    --topology | -t) words=$("$program" plugins 2>/dev/null | awk '$1 == "topology" { print $2 }') ;;
    --labels | --positions | --weights | --prior | --out | -o | --resume | --from | --train | --val | --ground-truth | --synsets)
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      return
      ;;
    --*) words=$(_locality_help "$program" "$command" "$prev") ;;
  esac
  if [ -n "$words" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    return
  fi
  words=$(_locality_help "$program" "$command" options)
  case $command in
    experiment) words+=" $(_locality_help "$program" "$command" presets)" ;;
    devices) words+=" $("$program" devices 2>/dev/null | sed 1d | cut -d ' ' -f 1)" ;;
    network) words+=" $("$program" models 2>/dev/null | sed 1d | cut -d ' ' -f 1)" ;;
    data) words+=' list fetch prepare mnist fashion-mnist' ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur"; [[ $cur == -* ]] || compgen -f -- "$cur")
}
complete -o filenames -F _locality locality
