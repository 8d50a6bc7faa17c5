"""Load: what the clients do, for so many seconds; and what they count."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.programs import need

from .candidates import OTHERS, Candidate

CLIENT = Path(__file__).parent / "handshakes.py"
REPORT = Path(__file__).parent / "report.lua"
MESSAGE = Path(__file__).parent / "message.grpc"
"""What a gRPC client sends: 5 bytes of framing, and a SimpleRequest of grpc.testing that has, and asks for, a payload of 480 bytes."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """One way to ask."""

    name: str
    """What the tables call it."""
    unit: str
    """What is counted: requests or connections."""
    ask: Callable[[Candidate, float], dict[str, Any]]
    """Asks for so many seconds; how many were answered, in how many seconds, percentiles of the latency in µs where known."""
    fits: Callable[[Candidate], bool] = lambda candidate: candidate.carries != "grpc"
    """Whether a candidate can be asked that way."""


def _output(*command: str, env: dict[str, str] | None = None, seconds: float) -> str:
    done = subprocess.run(
        ["taskset", "-c", str(OTHERS), *command],
        env={"PATH": "/usr/bin:/bin", **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 60,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


def wrk(url: str, seconds: float, *, connections: int, headers: Sequence[str] = (), body: int = 0) -> dict[str, Any]:
    """Requests on connections that are kept: how many, in how many seconds, errors, and percentiles of the latency in µs."""
    said = _output(
        *(need("wrk"), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}", "--timeout", "20", "-s", str(REPORT)),
        *(word for header in headers for word in ("-H", header)),
        url,
        env={"BODY_BYTES": str(body)} if body else None,
        seconds=seconds,
    )
    return dict(json.loads(said.splitlines()[-1]))


def _wrk(path: str, *, connections: int, body: int = 0) -> Callable[[Candidate, float], dict[str, Any]]:
    return lambda candidate, seconds: wrk(f"https://127.0.0.1:{candidate.listen}{path}", seconds, connections=connections, body=body)


def _h2load(path: str, *options: str) -> Callable[[Candidate, float], dict[str, Any]]:
    def ask(candidate: Candidate, seconds: float) -> dict[str, Any]:
        with tempfile.NamedTemporaryFile("r") as log:
            said = _output(
                *(need("h2load"), "-c16", "-m8", "-t1", f"--duration={max(1, round(seconds))}", f"--log-file={log.name}", *options),
                f"https://127.0.0.1:{candidate.listen}{path}",
                seconds=seconds,
            )
            # start, status, and what it took, in µs
            took = sorted(int(line.split()[2]) for line in log)
        succeeded = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", said)
        ended = re.search(r"finished in ([\d.]+)s", said)
        if succeeded is None or ended is None or not took:
            raise RuntimeError(f"h2load said: {said}")
        return {
            "requests": int(succeeded[1]),
            "seconds": float(ended[1]),
            "errors": int(succeeded[2]) + int(succeeded[3]),
            **{name: float(took[int(len(took) * part)]) for name, part in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))},
        }

    return ask


def _handshakes(way: str) -> Callable[[Candidate, float], dict[str, Any]]:
    """A connection for each request, one after the other."""

    def ask(candidate: Candidate, seconds: float) -> dict[str, Any]:
        said = _output(sys.executable, str(CLIENT), str(candidate.listen), str(seconds), way, seconds=seconds)
        return dict(json.loads(said))

    return ask


def loads() -> list[Load]:
    """All of them."""
    return [
        Load(name="0.5 kB, keep-alive", unit="requests", ask=_wrk("/512", connections=32)),
        Load(name="16 kB, keep-alive", unit="requests", ask=_wrk("/16384", connections=32)),
        Load(name="1 MB, keep-alive", unit="requests", ask=_wrk("/1048576", connections=8)),
        Load(name="20 MB bodies", unit="requests", ask=_wrk("/put/body", connections=2, body=20_000_000)),
        Load(name="new connections", unit="connections", ask=_handshakes("new")),
        Load(name="resumed connections", unit="connections", ask=_handshakes("resumed")),
        Load(name="HTTP/2, 0.5 kB", unit="requests", ask=_h2load("/512"), fits=lambda candidate: candidate.http2),
        Load(name="HTTP/2, 16 kB", unit="requests", ask=_h2load("/16384"), fits=lambda candidate: candidate.http2),
        Load(
            name="gRPC, 0.5 kB",
            unit="requests",
            ask=_h2load("/grpc.testing.TestService/UnaryCall", f"--data={MESSAGE}", "-Hcontent-type: application/grpc", "-Hte: trailers"),
            fits=lambda candidate: candidate.carries == "grpc",
        ),
    ]
