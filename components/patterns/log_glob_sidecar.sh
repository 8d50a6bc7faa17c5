#!/bin/sh
# LogTailSidecar, with wildcards: prints every log file that matches, from its first line on, a whole line at a time.
#
# Arguments: paths of the files, with `*` and `?` in their names; none need exist yet.
# Environment:
#   MISSING_AFTER_SECONDS  seconds after which a path without a file is named; 60 if unset
# Programs: dd, head, ls, sleep, wc.
#
# tail knows no wildcards, and the lines of several tails would mix. So the files are read in turn, once a second. A file is known by its
# inode, whatever its name is by now: a process (`sleep`) holds it open, so that its last lines are read after it was renamed or deleted,
# and no other file gets its inode. Ten seconds after the last of them it is let go.

trap 'ending=1' TERM
ending='' holders='' listed=' ' denied=' '

# part HOLDER FROM TO: those bytes of its file.
part() { dd if="$1" bs=65536 iflag=skip_bytes,count_bytes skip="$2" count=$(($3 - $2)) 2>/dev/null; }

# follow HOLDER SIZE: prints the new lines of its file; in the end, the beginning of one too.
follow() {
  id=${1#/proc/} id=${id%%/*}
  eval "at=\$at_$id idle=\$((idle_$id + 1))"
  [ "$2" -ge "$at" ] || at=0 # truncated
  if [ "$2" -gt "$at" ]; then
    lines=$(part "$1" "$at" "$2" | wc -l)
    to=$((at + $(part "$1" "$at" "$2" | head -n "$lines" | wc -c)))
    if [ "$ending" ] && [ "$to" -lt "$2" ]; then
      part "$1" "$at" "$2" && at=$2
      echo
    elif [ "$to" -gt "$at" ]; then
      part "$1" "$at" "$to" && at=$to idle=0
    fi
  fi
  eval "at_$id=$at idle_$id=$idle"
}

# hold FILE: has it held open.
hold() {
  if [ -r "$1" ]; then
    # opened before the process begins, which would do it a moment later: in the end there is no other time to look
    holder=''
    { sleep 2147483647 & holder=$!; } 2>/dev/null 3<"$1"
    # it has gone meanwhile
    [ "$holder" ] || return 0
    holders="$holders /proc/$holder/fd/3"
    eval "at_$holder=0 idle_$holder=0"
  else
    case $denied in *" $1 "*) ;; *) echo "$1 cannot be read: Permission denied" >&2 ;; esac
    denied="$denied$1 "
  fi
}

# look PATHS: prints what is new in the files that are held, and has those held that are new.
look() {
  # shellcheck disable=SC2086 # a list
  files=$(LC_ALL=C ls -dinL $holders 2>/dev/null)
  holders='' held=' '
  while read -r inode _ _ _ _ size _ _ _ file; do
    case $file in /proc/*) follow "$file" "$size" ;; *) continue ;; esac
    case $listed in
      *" $inode "*) eval "idle_$id=0" ;;
      *) [ "$idle" -lt 10 ] || { kill "$id"; continue; } ;;
    esac
    holders="$holders $file" held="$held$inode "
  done <<END
$files
END
  # shellcheck disable=SC2048,SC2086 # the wildcards
  files=$(LC_ALL=C ls -dinL $* 2>/dev/null)
  listed=' '
  while read -r inode kind _ _ _ _ _ _ _ file; do
    case $kind:$file in -*.gz | -*.bz2 | -*.xz | -*.zip | -*.zst | -*.lz4) continue ;; -*) ;; *) continue ;; esac
    case $held$listed in *" $inode "*) ;; *) hold "$file" ;; esac
    listed="$listed$inode "
  done <<END
$files
END
}

(
  sleep "${MISSING_AFTER_SECONDS:-60}"
  for path; do
    for file in $path; do [ -e "$file" ] || echo "$path does not exist yet; check files and directory" >&2; done
  done
) &

until [ "$ending" ]; do
  look "$@"
  sleep 1 &
  wait $!
done
# the app has ended: once for what is new, and once for the files that are
look "$@"
look "$@"
exit 0
