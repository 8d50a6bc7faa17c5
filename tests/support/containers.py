"""A composed container's command, run as it is rendered by this machine's programs, in an environment that holds nothing else."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.programs import need


@dataclass(frozen=True)
class Ended:
    """How a container ended."""

    code: int
    out: str
    err: str
    seconds: float


class Running:
    """A container at work: a session of its own, which ends as a whole when its first process does."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path | None) -> None:
        # files, because a pipe stays open as long as any process has it
        self._out, self._err = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._begun = time.monotonic()
        self.process = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._err, start_new_session=True
        )

    def printed(self, text: str, timeout: float = 20) -> None:
        """Waits until the text is on the standard output."""
        deadline = time.monotonic() + timeout
        while text not in self._read(self._out):
            assert time.monotonic() < deadline, f"{text!r} is not in {self._read(self._out)!r}"
            time.sleep(0.05)

    def kill(self) -> None:
        """Ends every process at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self, timeout: float = 60) -> Ended:
        """Waits for the end, so long at most; what should end at once is given a longer time of its own."""
        try:
            self.process.wait(timeout)
        finally:
            self.kill()
        return Ended(self.process.returncode, self._read(self._out), self._read(self._err), time.monotonic() - self._begun)

    @staticmethod
    def _read(file: Any) -> str:
        # the offset is shared with the process that writes, so it must not be moved
        size = os.fstat(file.fileno()).st_size
        return os.pread(file.fileno(), size, 0).decode()


def programs(directory: Path, *others: str | Path) -> Path:
    """A directory with every applet of BusyBox, and other programs by name or path, to be the PATH of a container."""
    directory.mkdir()
    busybox = need("busybox")
    for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        (directory / applet).symlink_to(busybox)
    for other in others:
        path = other if isinstance(other, Path) else Path(need(other))
        (directory / path.name).unlink(missing_ok=True)
        (directory / path.name).symlink_to(path)
    return directory


def start(
    container: Mapping[str, Any], path: Path, env: Mapping[str, str] | None = None, *, cwd: Path | None = None, shell: str = "busybox"
) -> Running:
    """Starts a container whose command is a script for a shell: BusyBox's, or another of this machine's.

    `env` is what the Secrets hold, and what a test changes.
    """
    command = [*container["command"], *container.get("args", ())]
    assert command[0] == "/bin/sh"
    plain = {variable["name"]: variable["value"] for variable in container.get("env", ()) if "value" in variable}
    # not /bin/sh, which is this machine's choice
    first = str(path / "sh") if shell == "busybox" else need(shell)
    return Running([first, *command[1:]], {"PATH": str(path), **plain, **(env or {})}, cwd)
