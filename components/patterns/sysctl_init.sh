set -u
status=0
raise() {
  file=/proc/sys/$(echo "$1" | tr . /)
  if ! now=$(cat "$file"); then
    echo "$1: this kernel has no such setting" >&2; status=1; return
  fi
  case $now in ''|*[!0-9]*)
    echo "$1: is '$now', no whole number that could be raised" >&2; status=1; return
  esac
  if [ "$now" -ge "$2" ]; then
    echo "$1: is $now, at least $2: left alone"; return
  fi
  echo "$2" >"$file"
  after=$(cat "$file")
  if [ "$after" -ge "$2" ]; then
    echo "$1: raised from $now to $after"; return
  fi
  echo "$1: is $after and could not be raised to $2: the kernel allows no more, or the container is not privileged and root" >&2; status=1
}
