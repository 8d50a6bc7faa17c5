"""How long composing and rendering take, as ratios within this run: 1,000 workloads must cost 10 times what 100 do.

python -m bench.compose
"""

import gc
import statistics
import time
from collections.abc import Callable

from components.core.app import App, Port, Rebind
from components.core.fold import compose
from components.core.plug import Pattern
from components.offline import manifests
from components.patterns.log_tail_sidecar import LogTailSidecar, LogTailSidecarArgs
from components.patterns.metrics_adapter import MetricsAdapter, MetricsAdapterArgs
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.testing import run
from components.workload import Workload, WorkloadArgs

ROUNDS = 3


def app(name: str) -> App:
    """A small app with one port."""
    return App(
        name=name, image="example/app:1", ports=(Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}", "PORT": "{port}"})),)
    )


def patterns(name: str) -> list[Pattern]:
    """TLS, metrics and logs for it."""
    return [
        LogTailSidecar(f"{name}-logs", LogTailSidecarArgs(directory="/var/log/app", files=("app.log",))),
        TlsAmbassador(f"{name}-tls", TlsAmbassadorArgs(service_name=name)),
        MetricsAdapter(f"{name}-metrics", MetricsAdapterArgs(exporter="nginx")),
    ]


def seconds(work: Callable[[int], object], count: int) -> float:
    """The median CPU time of the work; over several rounds where a round is short."""
    times = []
    for _ in range(ROUNDS if count < 1000 else 1):
        gc.collect()
        start = time.process_time()
        work(count)
        times.append(time.process_time() - start)
    return statistics.median(times)


def compose_many(count: int) -> float:
    """CPU seconds to compose so many pods, nothing else."""
    spent = 0.0

    def program() -> None:
        nonlocal spent
        shared = patterns("app")
        start = time.process_time()
        for index in range(count):
            compose(app(f"app-{index}"), shared)
        spent = time.process_time() - start

    run(program)
    return spent


def render_many(count: int) -> None:
    """Whole programs: certificates, Secrets, ConfigMaps, Deployments and Services of so many workloads."""

    def program() -> None:
        for index in range(count):
            name = f"app-{index}"
            Workload(name, WorkloadArgs(app=app(name), patterns=patterns(name)))

    manifests(program)


def main() -> None:
    """Prints a table."""
    print(f"{'workloads':>10}  {'compose s':>10}  {'ratio':>6}  {'program s':>10}  {'ratio':>6}")
    before: tuple[float, float] | None = None
    for count in (10, 100, 1000):
        composed, rendered = compose_many(count), seconds(render_many, count)
        ratios = ("", "") if before is None else (f"{composed / before[0]:.1f}", f"{rendered / before[1]:.1f}")
        print(f"{count:>10}  {composed:>10.3f}  {ratios[0]:>6}  {rendered:>10.2f}  {ratios[1]:>6}")
        before = (composed, rendered)


if __name__ == "__main__":
    main()
