"""python -m bench.proxies: requests, latency and CPU of TLS proxies, interleaved, each on one core.

Needs nginx, haproxy, hitch, stunnel4, wrk, h2load, openssl and taskset (Debian: nginx libnginx-mod-stream haproxy hitch stunnel4 wrk
nghttp2-client openssl util-linux), ghostunnel, caddy and grpc-interop-server (`make bench-tools`).
"""

import argparse
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench.results import Results, Sample, table

from .candidates import candidates
from .loads import Load, loads
from .running import Running, started
from .server import server


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
