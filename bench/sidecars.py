"""python -m bench.sidecars: Redis, the tunnel, tokens, and a fetch of 2 GB; beside the same work without the pattern.

Needs redis-server, redis-benchmark, haproxy, nginx, oauth2-proxy, busybox, curl and wrk.
"""

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.proxies.candidates import OTHERS, answers, process
from bench.proxies.loads import wrk
from bench.results import Results, Sample, table
from components import (
    App,
    EgressTarget,
    EgressTlsTunnelArgs,
    FetchInitArgs,
    JwtAmbassadorArgs,
    Port,
    Rebind,
    RedisCacheSidecarArgs,
    Workload,
    WorkloadArgs,
)
from components.core.fold import compose
from tests.support import kubelet
from tests.support.containers import programs, start
from tests.support.issuer import issuing
from tests.support.nginx_proxy import certificate
from tests.support.programs import need
from tests.support.servers import free_ports

Values = dict[str, float]
WEB = App(name="web", image="web:1", command=("web",), pre_stop_seconds=0)

SERVER = """\
daemon off;
pid server.pid;
error_log stderr;
worker_processes 1;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{tls} ssl;
        ssl_certificate {root}/tls.crt;
        ssl_certificate_key {root}/tls.key;
        root {root};
    }}
}}
"""


@contextmanager
def server(directory: Path, secret: Mapping[str, str], *, plain: int, tls: int) -> Iterator[Path]:
    """nginx with and without TLS, and the directory that it serves."""
    directory.mkdir()
    directory.chmod(0o755)
    for name in ("tls.crt", "tls.key"):
        (directory / name).write_text(secret[name])
    (directory / "512").write_bytes(b"x" * 512)
    (directory / "nginx.conf").write_text(SERVER.format(root=directory, plain=plain, tls=tls))
    with process([need("nginx"), "-e", "stderr", "-p", str(directory), "-c", str(directory / "nginx.conf")], directory, core=OTHERS):
        assert answers(plain), (directory / "output").read_text()
        yield directory


def requests(url: str, seconds: float, *headers: str) -> Values:
    """Requests and percentiles of 32 connections that are kept."""
    said = wrk(url, seconds, connections=32, headers=headers)
    if said["errors"]:
        raise RuntimeError(f"{url}: {said}")
    return {"per_second": said["requests"] / said["seconds"], "p99": said["p99"]}


def redis(*reach: str) -> Values:
    """GETs of 32 clients."""
    command = [need("redis-benchmark"), *reach, "-t", "get", "-n", "200000", "-c", "32", "-q"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.findall(r"GET: ([\d.]+) requests per second", said)
    return {"per_second": float(found[-1])}


def sidecars(stack: ExitStack, directory: Path, app: App, *patterns: Any) -> kubelet.Running:
    """The sidecars of a workload at work."""
    return stack.enter_context(kubelet.started(directory, lambda: Workload("web", WorkloadArgs(app=app, patterns=list(patterns))) and None))


def redis_rows(stack: ExitStack, root: Path) -> list[tuple[str, str, Callable[[], Values]]]:
    """The cache over loopback and over a socket, and a redis-server with nothing but its defaults."""
    number = free_ports(2)
    sidecars(stack, root / "tcp", WEB, RedisCacheSidecarArgs(port=number))
    by_socket = RedisCacheSidecarArgs(socket_directory="/tmp")
    running = sidecars(stack, root / "socket", WEB, by_socket)
    place = f"/proc/{running.processes['redis-cache'].pid}/root{by_socket.socket}"
    (root / "bare").mkdir()
    stack.enter_context(process([need("redis-server"), "--port", str(number + 1), "--save", ""], root / "bare"))
    assert answers(number + 1)
    row = "Redis, GET"
    return [
        (row, "RedisCacheSidecar, loopback", lambda: redis("-p", str(number))),
        (row, "RedisCacheSidecar, socket", lambda: redis("-s", place)),
        (row, "redis-server as it comes, loopback", lambda: redis("-p", str(number + 1))),
    ]


def http_rows(stack: ExitStack, root: Path, seconds: float) -> list[tuple[str, str, Callable[[], Values]]]:
    """Out through the tunnel, and in through the token's check; beside the same server without them."""
    secret, first = certificate(), free_ports(12)
    stack.enter_context(server(root / "server", secret, plain=first, tls=first + 1))
    target = EgressTarget(
        name="server", host="127.0.0.1", port=first + 1, local_port=first + 2, server_name="localhost", ca_pem=secret["ca.crt"]
    )
    sidecars(stack, root / "tunnel", WEB, EgressTlsTunnelArgs(targets=[target], nameservers=["127.0.0.1:53"], health_port=first + 3))
    issuer = stack.enter_context(issuing(first + 4)).issuer
    # the app is the server: its port, moved inwards by one
    port = Port(name="http", number=first + 5, rebind=Rebind(args=("{host}:{port}",)))
    stack.enter_context(server(root / "app", secret, plain=first + 6, tls=first + 7))
    jwt = JwtAmbassadorArgs(issuer=issuer.url, audience="app", health_port=first + 8, validator_port=first + 9, access_log=False)
    app = App(name="web", image="web:1", command=("web",), ports=[port], pre_stop_seconds=0)
    sidecars(stack, root / "jwt", app, jwt)
    token = f"Authorization: Bearer {issuer.token()}"
    return [
        ("HTTP to a TLS server", "EgressTlsTunnel", lambda: requests(f"http://127.0.0.1:{first + 2}/512", seconds)),
        ("HTTP to a TLS server", "TLS by the client itself", lambda: requests(f"https://127.0.0.1:{first + 1}/512", seconds)),
        ("requests with a token", "JwtAmbassador", lambda: requests(f"http://127.0.0.1:{first + 5}/512", seconds, token)),
        ("requests with a token", "no check", lambda: requests(f"http://127.0.0.1:{first + 6}/512", seconds, token)),
    ]


def fetch_rows(stack: ExitStack, root: Path, megabytes: int) -> list[tuple[str, str, Callable[[], Values]]]:
    """A large file, verified, by FetchInit, and by curl and sha256sum."""
    secret, first = certificate(), free_ports(2)
    served = stack.enter_context(server(root / "files", secret, plain=first, tls=first + 1))
    block, digest = b"0123456789abcdef" * 65536, hashlib.sha256()
    with (served / "model.bin").open("wb") as file:
        for _ in range(megabytes):
            file.write(block)
            digest.update(block)
    (root / "ca.crt").write_text(secret["ca.crt"])
    path = programs(root / "programs", "curl", "flock")
    url, limit = f"https://localhost:{first + 1}/model.bin", f"{2 * megabytes}Mi"

    def ours() -> Values:
        args = FetchInitArgs(source=url, sha256=digest.hexdigest(), ca_pem=secret["ca.crt"], size_limit=limit, timeout_seconds=600)
        (init,) = compose(App(name="web", image="web:1"), [args]).spec["initContainers"]
        with tempfile.TemporaryDirectory(dir=root) as volume:
            ended = start(init, path, {"CA_FILE": str(root / "ca.crt")}, cwd=Path(volume)).end(600)
        if ended.code:
            raise RuntimeError(ended.err)
        return {"seconds": ended.seconds}

    def curl() -> Values:
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(dir=root) as volume:
            file = f"{volume}/model.bin"
            subprocess.run([need("curl"), "-sf", "--cacert", str(root / "ca.crt"), "-o", file, url], check=True)
            subprocess.run([need("busybox"), "sha256sum", file], check=True, capture_output=True)
        return {"seconds": time.monotonic() - begin}

    row = f"fetch of {megabytes:,} MB"
    return [(row, "FetchInit", ours), (row, "curl, then sha256sum", curl)]


def main() -> None:
    """Measures, prints tables, and keeps the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.sidecars", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="default: 10")
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement; default: 2")
    parser.add_argument("--megabytes", type=int, default=2000, help="of the file that is fetched; default: 2000")
    parser.add_argument("--json", type=Path, default=Path("build/bench/sidecars.json"), help="default: build/bench/sidecars.json")
    options = parser.parse_args()
    results = Results.begun("Sidecars")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        root = Path(name)
        root.chmod(0o755)
        rows: Sequence[tuple[str, str, Callable[[], Values]]] = [
            *redis_rows(stack, root),
            *http_rows(stack, root, options.seconds),
            *fetch_rows(stack, root, options.megabytes),
        ]
        for number in range(options.rounds):
            for row, candidate, measure in rows if number % 2 else rows[::-1]:
                results.samples.append(Sample(row=row, candidate=candidate, round=number, values=measure()))
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    results.save(options.json)
    print(table(results, "per_second", unit="per second"))
    print(table(results, "p99", unit="p99, ms", scale=1 / 1000))
    print(table(results, "seconds", unit="seconds"))


if __name__ == "__main__":
    main()
