"""LogTailSidecar with wildcards: the rendered command, run by the real shells and programs."""

import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest

from tests.behaviour.test_log_tail import append, pid_namespace, seconds_to_end, tailing
from tests.support.programs import need
from tests.support.waiting import within

PROGRAMS = ("sh", "dd", "head", "ls", "sleep", "wc")


@pytest.fixture
def public():
    """A directory that everybody can list."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture(params=["busybox", "coreutils"])
def tools(request, public):
    """A directory with the programs that the image has."""
    bin_dir = public / "bin"
    bin_dir.mkdir()
    for name in PROGRAMS:
        (bin_dir / name).symlink_to(need("busybox" if request.param == "busybox" else name))
    return bin_dir


def numbered(what, count):
    return [f'{{"what": "{what}", "line": {number}}}' for number in range(count)]


def held(tail):
    """The files that are held open, by the processes that do."""
    found = {}
    for pid in os.listdir("/proc"):
        try:
            file, command = os.readlink(f"/proc/{pid}/fd/3"), Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            continue
        # dd has a file there too, for a moment
        if file.startswith(str(tail.logs)) and "2147483647" in command:
            found[int(pid)] = Path(file).name
    return found


def test_dated_files_are_followed_as_they_appear(tools, tmp_path):
    with tailing(tools, tmp_path, "app-*.log") as tail:
        written = []
        for day in range(5):
            lines = numbered(f"day {day}", 3000)
            append(tail.logs / f"app-2025-01-0{day}.log", lines)
            append(tail.logs / "other.log", ["not meant"])
            written += lines
            time.sleep(0.7)
        tail.wait_for(*written)
        assert tail.lines() == written
        # an old one may still grow
        append(tail.logs / "app-2025-01-00.log", ["late"])
        tail.wait_for("late")


def test_what_is_there_already_is_read_from_its_first_line(tools, tmp_path):
    (tmp_path / "logs").mkdir()
    for name in "abc":
        append(tmp_path / "logs" / f"{name}.log", numbered(name, 500))
    with tailing(tools, tmp_path, "?.log") as tail:
        everything = [line for name in "abc" for line in numbered(name, 500)]
        tail.wait_for(*everything)
        assert tail.lines() == everything


def test_a_renamed_file_is_read_to_its_end_and_once(tools, tmp_path):
    with tailing(tools, tmp_path, "app*.log") as tail:
        file, written = tail.logs / "app.log", []
        for rotation in range(4):
            lines = numbered(f"rotation {rotation}", 3000)
            append(file, lines[:1])
            tail.wait_for(lines[0])
            append(file, lines[1:])
            file.rename(tail.logs / (f"app-{rotation}.log" if rotation % 2 else f"old-{rotation}"))
            written += lines
        append(file, ["last"])
        tail.wait_for(*written, "last")
        assert sorted(tail.lines()) == sorted([*written, "last"])


def test_numbered_files_are_printed_once_however_they_move(tools, tmp_path):
    with tailing(tools, tmp_path, "app.log", "app.log.?") as tail:
        written = []
        for rotation in range(4):
            lines = numbered(f"rotation {rotation}", 1000)
            append(tail.logs / "app.log", lines)
            tail.wait_for(*lines)
            for number in reversed(range(1, 4)):
                if (tail.logs / f"app.log.{number}").exists():
                    (tail.logs / f"app.log.{number}").rename(tail.logs / f"app.log.{number + 1}")
            (tail.logs / "app.log").rename(tail.logs / "app.log.1")
            written += lines
        time.sleep(2.5)
        assert tail.lines() == written


def test_a_deleted_file_is_read_to_its_end_and_let_go(tools, tmp_path):
    with tailing(tools, tmp_path, "app-*.log") as tail:
        append(tail.logs / "app-1.log", ["first"])
        tail.wait_for("first")
        with (tail.logs / "app-1.log").open("a") as file:
            (tail.logs / "app-1.log").unlink()
            # a new file would get its inode, were it not held open
            append(tail.logs / "app-2.log", numbered("new", 100))
            time.sleep(3)
            file.writelines(f"{line}\n" for line in numbered("gone", 100))
        tail.wait_for(*numbered("new", 100), *numbered("gone", 100))
        assert set(held(tail).values()) == {"app-1.log (deleted)", "app-2.log"}
        within(20, lambda: set(held(tail).values()) == {"app-2.log"})
        append(tail.logs / "app-3.log", ["third"])
        tail.wait_for("third")
        assert len(tail.lines()) == 202


def test_lines_of_files_that_grow_together_do_not_mix(tools, tmp_path):
    with tailing(tools, tmp_path, "app-*.log") as tail:
        written = {name: [f"{name} {number} {name * 300}" for number in range(4000)] for name in "xyz"}

        def write(name):
            with (tail.logs / f"app-{name}.log").open("w", buffering=1000) as file:
                for number, line in enumerate(written[name]):
                    file.write(f"{line}\n")
                    if number % 100 == 0:
                        time.sleep(0.05)

        writers = [threading.Thread(target=write, args=(name,)) for name in written]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        everything = [line for lines in written.values() for line in lines]
        tail.wait_for(*everything)
        seen = tail.lines()
        assert len(seen) == len(everything)
        assert {name: [line for line in seen if line[0] == name] for name in written} == written


def test_a_line_that_is_written_in_pieces_stays_whole(tools, tmp_path):
    with tailing(tools, tmp_path, "*.log") as tail:
        with (tail.logs / "a.log").open("w", buffering=1) as file:
            file.write("begun\none ")
            tail.wait_for("begun")
            append(tail.logs / "b.log", ["between"])
            tail.wait_for("between")
            file.write("line\n")
        tail.wait_for("one line")
        assert tail.lines() == ["begun", "between", "one line"]


def test_a_truncated_file_is_followed_further(tools, tmp_path):
    with tailing(tools, tmp_path, "*.log") as tail:
        append(tail.logs / "a.log", numbered("before", 100))
        tail.wait_for(*numbered("before", 100))
        os.truncate(tail.logs / "a.log", 0)
        append(tail.logs / "a.log", ["after"])
        tail.wait_for("after")


def test_compressed_files_and_directories_are_passed_over(tools, tmp_path):
    with tailing(tools, tmp_path, "app*") as tail:
        append(tail.logs / "app.log.gz", ["compressed"])
        (tail.logs / "app.d").mkdir()
        append(tail.logs / "app.d" / "app.log", ["deeper"])
        (tail.logs / "app.current").symlink_to("app.log")
        append(tail.logs / "app.log", ["first"])
        tail.wait_for("first")
        time.sleep(1.5)
        assert tail.lines() == ["first"]


def test_what_matches_nothing_is_named_once(tools, tmp_path):
    with tailing(tools, tmp_path, "app-*.log", "apq-*.log", patience=1) as tail:
        append(tail.logs / "app-1.log", ["first"])
        named = f"{tail.logs}/apq-*.log does not exist yet; check files and directory"
        tail.wait_for("first", named)
        time.sleep(1.5)
        assert sorted(tail.lines()) == sorted(["first", named])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may take another user's place")
def test_a_file_that_may_not_be_read_is_told_of_once(tools, public):
    setpriv = (need("setpriv"), "--reuid=1000", "--regid=1000", "--clear-groups", "--inh-caps=-all")
    with tailing(tools, public, "*.log", prefix=setpriv) as tail:
        (tail.logs / "a.log").touch(mode=0o600)
        append(tail.logs / "b.log", ["first"])
        named = f"{tail.logs}/a.log cannot be read: Permission denied"
        tail.wait_for("first", named)
        time.sleep(2.5)
        assert sorted(tail.lines()) == sorted(["first", named])


def test_what_holds_a_file_may_crash(tools, tmp_path):
    with tailing(tools, tmp_path, "*.log") as tail:
        append(tail.logs / "a.log", ["first"])
        tail.wait_for("first")
        (holder,) = held(tail)
        os.kill(holder, signal.SIGKILL)
        within(10, lambda: held(tail) and holder not in held(tail))
        append(tail.logs / "a.log", ["second"])
        tail.wait_for("second")


def test_as_process_1_it_ends_soon_after_sigterm_and_the_last_lines_have_arrived(tools, tmp_path):
    with tailing(tools, tmp_path, "*.log", prefix=pid_namespace()) as tail:
        append(tail.logs / "a.log", ["first"])
        tail.wait_for("first")
        append(tail.logs / "a.log", ["last"])
        with (tail.logs / "a.log").open("a") as file:
            file.write("without an end")
        append(tail.logs / "new.log", ["new"])
        assert seconds_to_end(tail) < 3
        # each file has a process of its own: the order between files is nobody's
        lines = tail.lines()
        assert sorted(lines) == ["first", "last", "new", "without an end"]
        assert [line for line in lines if line != "new"] == ["first", "last", "without an end"]
        assert tail.process.returncode == 0
