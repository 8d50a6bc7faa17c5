"""python -m bench.idle: the memory that connections take which nobody uses, one TLS proxy after the other, in front of the same server.

Each connection has made one request. Needs what `bench.proxies` needs, and as many open files as there are connections (ulimit -n); a
connection takes two of a tcp proxy, so there may be fewer.
"""

import argparse
import math
import resource
import socket
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.proxies.candidates import Candidate, candidates
from bench.proxies.running import started
from bench.proxies.server import server
from bench.results import Results, Sample, table
from components import TlsAmbassadorArgs

LEFT_OUT = ("the article's nginx", "bare nginx http", "TlsAmbassador http, no access log")
"""They take as much as TlsAmbassador, or do not let so many in."""
OTHER_FILES = 100
"""How many a proxy has open beside those of connections, at most."""
REQUEST = b"GET /512 HTTP/1.1\r\nHost: localhost\r\n\r\n"


def count(connections: int, carries: str) -> int:
    """As many of these connections as a process has files for. A tcp proxy has one to the app for each, an HTTP proxy a few for all."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - OTHER_FILES
    return min(connections, files // 2 if carries == "tcp" else files)


def limited(connections: int, *, http2: bool) -> dict[str, Any]:
    """Arguments of the ambassador for so many connections: the least memory limit that composition accepts for them."""
    bytes_each = TlsAmbassadorArgs(service_name="web").connection_bytes(http2=http2)
    # tcp has one connection to the app for each of a client; HTTP none for one that is idle
    most = connections + 64 if http2 else 2 * connections + 64
    limit = f"{math.ceil(16 + most * bytes_each / 2**20)}Mi"
    return {"max_connections": most, "resources": {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": limit}}}


def asked(connections: int, only: str) -> list[Candidate]:
    """The proxies with room for so many; not those of gRPC."""
    made = candidates(connections + 10, http=limited(connections, http2=True), tcp=limited(connections, http2=False))
    return [c for c in made if c.carries != "grpc" and only in c.name and c.name not in LEFT_OUT]


@contextmanager
def connected(port: int, wanted: int) -> Iterator[int]:
    """So many clients, each after one request; how many were answered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    answered = 0
    with ExitStack() as stack:
        for _ in range(wanted):
            try:
                plain = socket.create_connection(("127.0.0.1", port), timeout=20)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client = stack.enter_context(context.wrap_socket(plain))
                client.sendall(REQUEST)
                answered += client.recv(65536).startswith(b"HTTP/1.1 200")
            except OSError as error:
                print(f"connection {answered + 1} of {wanted}: {error}", file=sys.stderr)
                break
        yield answered


def main() -> None:
    """Measures, prints tables, and keeps the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.idle", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--connections", type=int, default=10_000, help="default: 10,000")
    parser.add_argument("--only", default="", help="candidates whose name has this in it")
    parser.add_argument("--json", type=Path, default=Path("build/bench/idle.json"), help="default: build/bench/idle.json")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    results = Results.begun("Idle connections")
    results.notes["connections"] = options.connections
    limits = {kind: limited(options.connections, http2=kind == "http")["resources"]["limits"]["memory"] for kind in ("http", "tcp")}
    results.notes["groups"] = {candidate.name: candidate.carries for candidate in asked(options.connections, "")}
    results.notes["memory limit of TlsAmbassador"] = limits
    for number in range(options.rounds):
        for index, candidate in enumerate(asked(options.connections, options.only)):
            wanted = count(options.connections, candidate.carries)
            with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
                root = Path(name)
                root.chmod(0o755)
                stack.enter_context(server(root / "server", [candidate]))
                running = stack.enter_context(started(candidate, root / f"candidate-{index}"))
                time.sleep(1)
                before = running.memory()
                with connected(candidate.listen, wanted) as answered:
                    each = (running.memory() - before) / max(1, answered)
                values = {"kib": each / 1024, "mib": (before + each * answered) / 2**20, "connections": float(answered)}
                row = f"{wanted:,} idle connections"
                results.samples.append(Sample(row=row, candidate=candidate.name, round=number, values=values))
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    results.save(options.json)
    print(f"memory limits of TlsAmbassador: {limits}\n")
    print(table(results, "kib", unit="KiB for each"))
    print(table(results, "mib", unit="MiB of the whole proxy"))
    print(table(results, "connections", unit="connections"))


if __name__ == "__main__":
    main()
