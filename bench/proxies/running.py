"""Running: a candidate at work, and what it takes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.nginx_proxy import certificate

from .candidates import Candidate, answers


@dataclass(kw_only=True)
class Running:
    """One that is running."""

    candidate: Candidate
    pid: int

    def processes(self) -> list[int]:
        """It and all that came of it."""
        found, new = [], [self.pid]
        while new:
            pid = new.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                with suppress(OSError):
                    new += map(int, task.read_text().split())
        return found

    def cpu_seconds(self) -> float:
        """What it has taken so far, of the user and of the system."""
        ticks = 0
        for pid in self.processes():
            with suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """Bytes that are its own; what its processes share counts once, by parts."""
        total = 0
        for pid in self.processes():
            with suppress(OSError):
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
        return total


@contextmanager
def started(candidate: Candidate, directory: Path) -> Iterator[Running]:
    """The candidate at work."""
    directory.mkdir()
    directory.chmod(0o755)
    made = certificate()
    for name in ("tls.crt", "tls.key"):
        (directory / name).write_text(made[name])
    (directory / "tls.pem").write_text(made["tls.key"] + made["tls.crt"])
    with candidate.start(directory) as pid:
        if not answers(candidate.listen):
            raise RuntimeError(
                f"{candidate.name} does not listen: "
                + "".join(p.read_text() for p in directory.glob("[os]*") if p.name in ("output", "stderr"))
            )
        yield Running(candidate=candidate, pid=pid)
