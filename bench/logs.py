"""python -m bench.logs: lines per second and lines lost while a log file is rotated, for what people follow logs with.

A writer writes numbered lines of 100 bytes as fast as it is told to, and rotates: by `rename` (the app opens a new file, as log4j does) or
by `copytruncate` (logrotate copies the file and empties it, and whatever is written between the two is lost before anybody can read it).
The reader's stdout goes to a file, as a container runtime has it; what the shipper sends is received and written to one. Needs busybox,
tail of coreutils, and the collector of the behaviour tests.
"""

import argparse
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

from bench.results import Results, Sample, table
from components import App, LogTailSidecarArgs
from components.core.fold import compose
from tests.support.programs import need
from tests.support.servers import free_ports
from tests.support.shipper import shipping

LINE = 100
"""Bytes of a line."""
FAST, SLOW = 1_000_000, 100_000
"""Lines a second: 100 MB, and 10 MB, which every reader keeps up with."""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What follows the file."""

    name: str
    follow: Callable[[Path], AbstractContextManager[None]]
    """Follows it, and has the lines written to that file, until the end."""
    most: float = math.inf
    """Lines a second that it is asked to read."""


def readers(log: Path) -> list[Reader]:
    """All of them; ours is the container's own command."""
    args = LogTailSidecarArgs(directory="/var/log/app", files=[log.name], sidecar_mount_path=str(log.parent))
    spec = compose(App(name="app", image="app:1"), [args]).spec
    (sidecar,) = (c for c in spec["initContainers"] if c["name"] == "logs")
    busybox = need("busybox")
    shell = ["env", f"PATH={log.parent.parent}/bin", "sh"]
    commands: dict[str, list[str]] = {
        "LogTailSidecar (BusyBox)": [*shell, *sidecar["command"][1:]],
        "tail -F (BusyBox)": [busybox, "tail", "-n", "+1", "-F", str(log)],
        "tail -f (BusyBox)": [busybox, "tail", "-n", "+1", "-f", str(log)],
        "tail -F (coreutils)": [need("tail"), "-n", "+1", "-F", str(log)],
    }
    tails = [Reader(name=name, follow=partial(following, command)) for name, command in commands.items()]
    return [*tails, Reader(name="LogShipperSidecar", follow=partial(shipped, log), most=SLOW)]


@contextmanager
def following(command: Sequence[str], output: Path) -> Iterator[None]:
    """A program that prints the lines."""
    with output.open("wb") as stdout:
        process = subprocess.Popen(command, stdout=stdout, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def shipped(log: Path, output: Path) -> Iterator[None]:
    """The shipper, and what receives its lines."""
    output.unlink(missing_ok=True)
    number = free_ports(1)
    sink = [sys.executable, "-m", "bench.sink", str(number), str(output)]
    with following(sink, output.with_suffix(".sink")), tempfile.TemporaryDirectory(dir=log.parent.parent) as own:
        (Path(own) / "logs").symlink_to(log.parent)
        with shipping(Path(own), number, files=[log.name]) as shipper:
            shipper.start()
            yield


def write(log: Path, lines: int, *, rate: float, interval: float, way: str) -> int:
    """Writes the lines at so many a second, and rotates each time when so many seconds have gone by; how often it did."""
    block, rotations, text = 1000, 0, b" " + b"x" * (LINE - 14) + b"\n"
    file = log.open("ab", buffering=0)
    begin = time.monotonic()
    for first in range(0, lines, block):
        if time.monotonic() > begin + (rotations + 1) * interval:
            rotations += 1
            old = log.with_name(f"{log.name}.1")
            if way == "rename":
                log.rename(old)
                file.close()
                file = log.open("ab", buffering=0)
            else:
                shutil.copyfile(log, old)
                os.truncate(log, 0)
        file.write(text.join(b"%012d" % number for number in range(first, min(first + block, lines))) + text)
        ahead = begin + first / rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
    file.close()
    return rotations


def counted(output: Path, lines: int) -> tuple[int, int]:
    """How many different lines have arrived, and how many of them twice or torn."""
    seen, others = bytearray(lines), 0
    with output.open("rb") as arrived:
        for line in arrived:
            number = int(line[:12]) if len(line) == LINE and line[:12].isdigit() else -1
            if number < 0 or seen[number]:
                others += 1
            else:
                seen[number] = 1
    return sum(seen), others


def measured(reader: Reader, directory: Path, lines: int, *, rate: float, interval: float, way: str) -> dict[str, float]:
    """One run."""
    log, output = directory / "logs" / "app.log", directory / "output"
    for old in log.parent.glob("*"):
        old.unlink()
    log.touch()
    with reader.follow(output):
        time.sleep(1.5)
        begin = time.monotonic()
        rotations = write(log, lines, rate=rate, interval=interval, way=way)
        wrote = time.monotonic() - begin
        size, still = -1, time.monotonic()
        # to the end of what the reader has to say
        while time.monotonic() < still + 4:
            now = output.stat().st_size if output.exists() else 0
            if now != size:
                size, still = now, time.monotonic()
            time.sleep(0.05)
        took = still - begin
    arrived, others = counted(output, lines)
    return {
        "lines": arrived / took,
        "lost": float(lines - arrived),
        "others": float(others),
        "written": lines / wrote,
        "rotations": float(rotations),
    }


def main() -> None:
    """Measures, prints tables, and keeps the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.logs", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--seconds", type=float, default=10, help="how long the writer writes at 100 and at 10 MB/s; default: 10")
    parser.add_argument("--interval", type=float, default=3, help="seconds between two rotations; default: 3")
    parser.add_argument("--json", type=Path, default=Path("build/bench/logs.json"), help="default: build/bench/logs.json")
    options = parser.parse_args()
    results = Results.begun("Following a log")
    results.notes |= {"seconds": options.seconds, "seconds between rotations": options.interval, "bytes of a line": LINE}
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for folder in ("logs", "bin"):
            (directory / folder).mkdir()
        for program in ("sh", "tail", "sleep"):
            (directory / "bin" / program).symlink_to(need("busybox"))
        for number in range(options.rounds):
            for rate, way in product((FAST, SLOW), ("rename", "copytruncate")):
                for reader in readers(directory / "logs" / "app.log"):
                    if rate > reader.most:
                        continue
                    values = measured(reader, directory, round(rate * options.seconds), rate=rate, interval=options.interval, way=way)
                    row = f"{way}, {rate * LINE // 1_000_000} MB/s"
                    results.samples.append(Sample(row=row, candidate=reader.name, round=number, values=values))
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    results.save(options.json)
    print(table(results, "lines", unit="lines per second"))
    print(table(results, "written", unit="lines per second as written"))
    print(table(results, "rotations", unit="rotations"))
    print(table(results, "lost", unit="lines lost"))
    print(table(results, "others", unit="lines torn or printed twice"))


if __name__ == "__main__":
    main()
