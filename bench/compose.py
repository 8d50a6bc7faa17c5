"""How long importing, composing and rendering take, as ratios within this run: 1,000 workloads must cost 10 times what 100 do.

python -m bench.compose
"""

import argparse
import gc
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable

from bench.rendering.objects import app
from components.core.fold import compose
from components.core.plug import Pattern
from components.offline import manifests
from components.patterns.log_tail_sidecar import LogTailSidecarArgs
from components.patterns.metrics_adapter import MetricsAdapterArgs
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from components.testing import run
from components.workload import Workload, WorkloadArgs

IMPORTS = 15
KUBERNETES = "import pulumi_kubernetes.core.v1, pulumi_kubernetes.apps.v1"
"""What every program with a Deployment imports."""


def patterns(*, secret_name: str | None = None) -> list[Pattern]:
    """Logs, TLS and metrics."""
    return [
        LogTailSidecarArgs(directory="/var/log/app", files=["app.log"]),
        TlsAmbassadorArgs(secret_name=secret_name),
        MetricsAdapterArgs(exporter="nginx"),
    ]


def seconds(work: Callable[[int], object], count: int, rounds: int) -> float:
    """The median CPU time of the work; over several rounds where a round is short."""
    times = []
    for _ in range(rounds if count < 1000 else 1):
        gc.collect()
        start = time.process_time()
        work(count)
        times.append(time.process_time() - start)
    return statistics.median(times)


def compose_many(count: int) -> None:
    """Composes so many pods, nothing else."""
    for index in range(count):
        compose(app(f"app-{index}"), patterns(secret_name="tls"))


def program(count: int) -> None:
    """Whole workloads: certificates, Secrets, ConfigMaps, Deployments and Services."""
    for index in range(count):
        Workload(f"app-{index}", WorkloadArgs(app=app(f"app-{index}"), patterns=patterns()))


def registrations() -> Counter[bool]:
    """How many components (False) and resources of providers (True) one workload registers."""
    return Counter(registration.custom for registration in run(lambda: program(1)).registrations)


def import_seconds(statement: str, cache: str) -> float:
    """CPU seconds of a new interpreter, which finds compiled modules in that directory."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], check=True, env={**environment, "PYTHONPYCACHEPREFIX": cache})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.compose", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as cache:
        # of the first, modules are compiled
        pairs = [(import_seconds("import components", cache), import_seconds(KUBERNETES, cache)) for _ in range(IMPORTS + 1)][1:]
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    print(f"importing the package: {ratio:.2f} times what importing the Kubernetes SDK alone takes")
    made = registrations()
    print(f"registrations of a workload with logs, TLS and metrics: {made[False]} components, {made[True]} resources\n")
    print(f"{'workloads':>10}  {'compose s':>10}  {'ratio':>6}  {'program s':>10}  {'ratio':>6}")
    before: tuple[float, float] | None = None
    for count in (10, 100, 1000):
        composed = seconds(compose_many, count, rounds)
        rendered = seconds(lambda number: manifests(lambda: program(number)), count, rounds)
        ratios = ("", "") if before is None else (f"{composed / before[0]:.1f}", f"{rendered / before[1]:.1f}")
        print(f"{count:>10}  {composed:>10.3f}  {ratios[0]:>6}  {rendered:>10.2f}  {ratios[1]:>6}")
        before = (composed, rendered)


if __name__ == "__main__":
    main()
