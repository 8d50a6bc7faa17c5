"""A container's command run by the real programs of this machine, as a container runtime would: root filesystem read-only,
/tmp in memory and small, an ordinary user without capabilities, the files where the pod mounts them."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.programs import missing, need

_UNSHARE = ("unshare", "--user", "--map-user=101", "--map-group=101", "--keep-caps", "--mount")
_PATH = "/programs:/usr/sbin:/usr/bin:/sbin:/bin"

# nothing but these directories is there, and what can be written is /tmp
_ENTER = """\
set -eu
root=$1 files=$2 volumes=$3
shift 3
mount -t tmpfs -o mode=0755 root "$root"
for name in bin dev lib lib64 proc sbin usr; do
  if [ -L "/$name" ]; then
    cp -P "/$name" "$root/"
  elif [ -d "/$name" ]; then
    mkdir "$root/$name"
    mount --rbind "/$name" "$root/$name"
  fi
done
mount -o remount,bind,ro,nosuid,nodev "$root/usr"
cp -r "$files/." "$root/"
mkdir "$root/tmp"
mount -t tmpfs -o mode=1777,size=1m tmp "$root/tmp"
while [ "$volumes" -gt 0 ]; do
  mkdir -p "$root$1"
  mount --bind "$2" "$root$1"
  mount -o remount,bind,ro,nosuid,nodev "$root$1"
  shift 2
  volumes=$((volumes - 1))
done
mount -o remount,bind,ro "$root"
exec chroot "$root" setpriv --ambient-caps=-all --inh-caps=-all --bounding-set=-all --no-new-privs "$@"
"""


@contextmanager
def sandbox(
    directory: Path,
    command: Sequence[str],
    *,
    files: Mapping[str, str],
    programs: Mapping[str, bytes],
    volumes: Mapping[str, Path] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """The command at work, killed in the end. Its output goes to `stdout` and `stderr` in the directory.

    `files` has contents by absolute path, `programs` executables that the command calls by name and /usr may lack,
    `volumes` directories by the path where they are mounted, whose files may change.
    The process that is yielded is the command itself; `/proc/<pid>/root` is its filesystem.
    """
    need("unshare")
    if subprocess.run([*_UNSHARE, "true"], check=False, capture_output=True).returncode:
        missing("this machine lets nobody make a user namespace (in a container: run it privileged)")
    root, inside = directory / "root", directory / "files"
    mounts = [str(word) for volume in (volumes or {}).items() for word in volume]
    root.mkdir()
    for path, content in files.items():
        place = inside / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    (inside / "programs").mkdir(parents=True)
    for name, program in programs.items():
        (inside / "programs" / name).write_bytes(program)
        (inside / "programs" / name).chmod(0o755)
    with open(directory / "stdout", "ab") as stdout, open(directory / "stderr", "ab") as stderr:
        process = subprocess.Popen(
            [*_UNSHARE, "/bin/sh", "-c", _ENTER, "sh", str(root), str(inside), str(len(mounts) // 2), *mounts, *command],
            env={"PATH": _PATH},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        # its children too, which would live on without it
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def in_container(process: subprocess.Popen[bytes], command: Sequence[str]) -> list[str]:
    """The command as the kubelet runs one in the container of `sandbox`: a probe, or what a container does before it stops."""
    entered = ["nsenter", "--target", str(process.pid), "--user", "--mount", "--root", "--preserve-credentials"]
    return [*entered, "env", f"PATH={_PATH}", *command]
