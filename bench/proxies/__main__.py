"""python -m bench.proxies: requests, latency and CPU of TLS proxies, interleaved, each on one core.

Needs nginx, haproxy, hitch, stunnel4, wrk, h2load, openssl and taskset (Debian: nginx libnginx-mod-stream haproxy hitch stunnel4 wrk
nghttp2-client openssl util-linux), ghostunnel, caddy and grpc-interop-server (`make bench-tools`).
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.results import Results, Sample, table
from tests.support.nginx_proxy import certificate
from tests.support.programs import need

from .candidates import OTHERS, Candidate, Running, answers, candidates, process
from .loads import Load, loads

SERVER = """\
daemon off;
user root;
pid server.pid;
error_log stderr;
worker_processes 1;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    sendfile on;
    client_body_temp_path {root}/bodies;
    keepalive_requests 1000000;
    client_max_body_size 0;
    server {{
{listens}
        root {root};
        # reads the whole body before it answers, as applications do
        location /put/ {{
            dav_methods PUT;
            create_full_put_path on;
        }}
    }}
}}
"""


@contextmanager
def server(directory: Path, asked: Sequence[Candidate]) -> Iterator[None]:
    """The server behind all of them: nginx, and that of gRPC's interoperability tests."""
    directory.mkdir()
    directory.chmod(0o755)
    for size in (512, 16384, 1048576):
        (directory / str(size)).write_bytes(b"x" * size)
    ports = [candidate.server for candidate in asked if candidate.carries != "grpc"]
    listens = "\n".join(f"        listen 127.0.0.1:{port} backlog=4096;" for port in ports)
    (directory / "nginx.conf").write_text(SERVER.format(listens=listens, root=directory))
    command = [need("nginx"), "-e", "stderr", "-p", str(directory), "-c", str(directory / "nginx.conf")]
    with ExitStack() as stack:
        if ports:
            stack.enter_context(process(command, directory, core=OTHERS))
        for port in (candidate.server for candidate in asked if candidate.carries == "grpc"):
            stack.enter_context(process([need("grpc-interop-server"), f"--port={port}"], directory, core=OTHERS, env={"GOMAXPROCS": "1"}))
        for candidate in asked:
            assert answers(candidate.server), (directory / "output").read_text()
        yield


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


def measured(running: Running, load: Load, seconds: float, number: int) -> Sample:
    """One round of one of them."""
    before = running.cpu_seconds()
    found = load.ask(running.candidate, seconds)
    spent = running.cpu_seconds() - before
    count = max(1, found["requests"])
    values = {"per_second": found["requests"] / found["seconds"], "cpu_us": spent / count * 1e6, "errors": float(found["errors"])}
    values |= {name: found[name] for name in ("p50", "p99", "p999", "resumed") if name in found}
    return Sample(row=load.name, candidate=running.candidate.name, round=number, values=values)


def main() -> None:
    """Measures, prints tables, and keeps the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.proxies", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="default: 10")
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement; default: 2")
    parser.add_argument("--only", help="candidates whose name has this in it")
    parser.add_argument("--load", help="loads whose name has this in it")
    parser.add_argument("--json", type=Path, default=Path("build/bench/proxies.json"), help="default: build/bench/proxies.json")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asked = [candidate for candidate in candidates() if options.only is None or options.only in candidate.name]
    ways = [load for load in loads() if options.load is None or options.load in load.name]
    results = Results.begun("TLS in front of a server")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        root = Path(name)
        root.chmod(0o755)
        stack.enter_context(server(root / "server", asked))
        running = [stack.enter_context(started(candidate, root / f"candidate-{index}")) for index, candidate in enumerate(asked)]
        time.sleep(1)
        results.notes["groups"] = {candidate.name: candidate.carries for candidate in asked}
        results.notes["memory_idle"] = {one.candidate.name: one.memory() for one in running}
        for number in range(options.rounds):
            for load in ways:
                # another one first each time
                turn = number % len(running)
                for one in (*running[turn:], *running[:turn]):
                    if load.fits(one.candidate):
                        results.samples.append(measured(one, load, options.seconds, number))
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    results.save(options.json)
    print(table(results, "per_second", unit="per second"))
    print(table(results, "cpu_us", unit="CPU µs each"))
    print(table(results, "p99", unit="p99, ms", scale=1 / 1000))
    wrong = [sample for sample in results.samples if sample.values["errors"]]
    for sample in wrong:
        print(f"errors: {sample.candidate}, {sample.row}: {sample.values['errors']:.0f}", file=sys.stderr)


if __name__ == "__main__":
    main()
