"""LogTailSidecar: the rendered command, run by the real shells and tails."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from components.core.app import App
from components.patterns.log_tail_sidecar import LogTailSidecar, LogTailSidecarArgs
from tests.support.composing import composed, container
from tests.support.programs import need


@pytest.fixture(params=["busybox", "coreutils"])
def tools(request, tmp_path):
    """A directory with the programs that the image has: sh, tail, sleep."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    for name in ("sh", "tail", "sleep"):
        (bin_dir / name).symlink_to(need("busybox" if request.param == "busybox" else name))
    return bin_dir


class Tail:
    """A running sidecar: the directory it reads, and what it has written."""

    def __init__(self, process, logs, output):
        self.process, self.logs, self.output = process, logs, output

    def lines(self):
        return self.output.read_text().splitlines()

    def crash(self):
        """Kills the program that reads the files."""
        (tail,) = (pid for pid in _below(self.process.pid) if "-F" in Path(f"/proc/{pid}/cmdline").read_text().split("\0"))
        os.kill(tail, signal.SIGKILL)

    def wait_for(self, *lines):
        """Waits until every one of the lines has arrived."""
        end = time.monotonic() + 30
        while missing := set(lines) - set(self.lines()):
            assert time.monotonic() < end, f"never arrived: {sorted(missing)[:3]}"
            assert self.process.poll() is None, "tail has ended"
            time.sleep(0.05)


def _below(pid):
    """Every process that a process started, and those that they did."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)
        yield from _below(child)


@contextlib.contextmanager
def tailing(tools, tmp_path, *files, prefix=(), patience=60):
    """Runs the rendered command with these programs over files in a directory of its own; patience: seconds until a file is missed."""
    logs = tmp_path / "logs"
    logs.mkdir(exist_ok=True)
    args = LogTailSidecarArgs(directory="/var/log/app", files=files, sidecar_mount_path=str(logs))
    pod = composed(App(name="app", image="app:1"), lambda: LogTailSidecar("logs", args))
    _, *words = container(pod, "logs")["command"]
    output = tmp_path / "output"
    with output.open("w") as stdout:
        # as in `kubectl logs`, where both are one
        process = subprocess.Popen(
            [*prefix, str(tools / "sh"), *words],
            stdout=stdout,
            stderr=stdout,
            env={"PATH": str(tools), "MISSING_AFTER_SECONDS": str(patience)},
            start_new_session=True,
        )
    try:
        yield Tail(process, logs, output)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def pid_namespace():
    """What starts a program as process 1, as a container does."""
    prefix = (need("unshare"), "--fork", "--pid", "--mount-proc", "--kill-child")
    if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may not make a PID namespace; as root it is run")
    return prefix


def seconds_to_end(tail):
    """How long process 1 of a namespace of its own takes to end after SIGTERM."""
    (shell,) = Path(f"/proc/{tail.process.pid}/task/{tail.process.pid}/children").read_text().split()
    started = time.monotonic()
    os.kill(int(shell), signal.SIGTERM)
    tail.process.wait(timeout=20)
    return time.monotonic() - started


def append(file, lines):
    with file.open("a") as stream:
        stream.writelines(f"{line}\n" for line in lines)


def test_a_renamed_log_loses_no_line(tools, tmp_path):
    with tailing(tools, tmp_path, "app.json") as tail:
        file, written = tail.logs / "app.json", []
        for rotation in range(4):
            lines = [f'{{"rotation": {rotation}, "line": {number}}}' for number in range(5000)]
            append(file, lines[:1])
            # the tail follows the new file by now
            tail.wait_for(lines[0])
            append(file, lines[1:])
            file.rename(tail.logs / f"app-{rotation}.json")
            written += lines
        file.touch()
        tail.wait_for(*written)
        assert tail.lines() == written


def test_a_file_that_is_never_there_is_named_once(tools, tmp_path):
    with tailing(tools, tmp_path, "app.json", "apq.json", patience=1) as tail:
        append(tail.logs / "app.json", ["first"])
        named = f"{tail.logs}/apq.json does not exist yet; check files and directory"
        tail.wait_for("first", named)
        append(tail.logs / "app.json", ["second"])
        tail.wait_for("second")
        assert sorted(tail.lines()) == sorted(["first", named, "second"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may take another user's place")
def test_a_file_that_may_not_be_read_is_told_of(tools, tmp_path):
    tmp_path.chmod(0o755)
    setpriv = (need("setpriv"), "--reuid=1000", "--regid=1000", "--clear-groups", "--inh-caps=-all")
    with tailing(tools, tmp_path, "app.json", prefix=setpriv) as tail:
        (tail.logs / "app.json").touch(mode=0o600)
        end = time.monotonic() + 20
        while not any("ermission denied" in line for line in tail.lines()):
            assert time.monotonic() < end, tail.lines()
            time.sleep(0.1)


def test_a_truncated_log_is_followed_further(tools, tmp_path):
    with tailing(tools, tmp_path, "app.json") as tail:
        file = tail.logs / "app.json"
        append(file, [f"before {number}" for number in range(100)])
        tail.wait_for("before 99")
        os.truncate(file, 0)
        append(file, ["after 0"])
        tail.wait_for("after 0")


def test_a_file_that_appears_late_is_read_from_its_first_line(tools, tmp_path):
    with tailing(tools, tmp_path, "app.json") as tail:
        # longer than the pause between two looks
        time.sleep(1.5)
        append(tail.logs / "app.json", ["first", "second"])
        tail.wait_for("first", "second")


def test_a_file_that_is_there_already_is_read_from_its_first_line(tools, tmp_path):
    with tailing(tools, tmp_path, "a.json", "b.json") as tail:
        append(tail.logs / "a.json", [f"a {number}" for number in range(100)])
        append(tail.logs / "b.json", [f"b {number}" for number in range(100)])
        everything = [f"{name} {number}" for name in "ab" for number in range(100)]
        tail.wait_for(*everything)
        append(tail.logs / "a.json", ["a 100"])
        tail.wait_for("a 100")
        # no headings between the files: they would break a reader of JSON lines
        assert sorted(tail.lines()) == sorted([*everything, "a 100"])


def test_as_process_1_it_ends_soon_after_sigterm_and_the_last_lines_have_arrived(tools, tmp_path):
    with tailing(tools, tmp_path, "app.json", prefix=pid_namespace()) as tail:
        append(tail.logs / "app.json", ["first"])
        tail.wait_for("first")
        append(tail.logs / "app.json", ["last"])
        assert seconds_to_end(tail) < 5
        assert tail.lines() == ["first", "last"]
        assert tail.process.returncode == 0


def test_a_tail_that_crashes_is_started_again_and_reads_from_the_beginning(tools, tmp_path):
    with tailing(tools, tmp_path, "app.json") as tail:
        append(tail.logs / "app.json", ["first"])
        tail.wait_for("first")
        tail.crash()
        append(tail.logs / "app.json", ["second"])
        tail.wait_for("second")
        # a shell may say `Killed` too
        told = [line for line in tail.lines() if "Killed" not in line]
        assert told == ["first", "tail exited with status 137; restarting it", "first", "second"]


# BusyBox' shell has a tail in it
@pytest.mark.parametrize("tools", ["coreutils"], indirect=True)
def test_a_tail_that_cannot_be_started_ends_the_container(tools, tmp_path):
    (tools / "tail").unlink()
    with tailing(tools, tmp_path, "app.json") as tail:
        assert tail.process.wait(timeout=20) in (126, 127)
