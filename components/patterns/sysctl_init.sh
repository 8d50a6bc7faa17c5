#!/bin/sh
# SysctlInit: raises kernel settings of the node.
#
# Arguments: NAME=VALUE for each setting, e.g. vm.max_map_count=262144; values are whole numbers.
# Programs: cat, tr.
#
# It only raises: a node may have a higher value already, and 1048576 is what Elastic recommends now. It reads back what it wrote, because
# the kernel may round a value, and because a write to a read-only /proc/sys fails only here.

set -u
status=0

complain() {
  echo "$1" >&2
  status=1
}

# raise NAME VALUE
raise() {
  file=/proc/sys/$(echo "$1" | tr . /)
  if ! now=$(cat "$file"); then
    complain "$1: this kernel has no such setting"
    return
  fi
  case $now in
    '' | *[!0-9]*)
      complain "$1: the current value '$now' is not a whole number, so it cannot be raised"
      return
      ;;
  esac
  if [ "$now" -ge "$2" ]; then
    echo "$1: is $now, which is at least $2; left unchanged"
    return
  fi
  echo "$2" >"$file"
  after=$(cat "$file")
  if [ "$after" -ge "$2" ]; then
    echo "$1: raised from $now to $after"
  else
    complain "$1: is $after and could not be raised to $2: the kernel allows no higher value, or the container is not privileged and root"
  fi
}

for setting; do
  raise "${setting%%=*}" "${setting#*=}"
done
exit $status
