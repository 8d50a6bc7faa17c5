"""What patterns cost on the node: the time until Ready that each adds, and the memory and CPU of its containers when nobody asks for
anything. `make costs` prints a table; ARGS='--rounds 1' for a short one."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest

from components import (
    EgressTarget,
    EgressTlsTunnelArgs,
    LogShipperSidecarArgs,
    LogTailSidecarArgs,
    MetricsAdapterArgs,
    RedisCacheSidecarArgs,
    TlsAmbassadorArgs,
    WaitForInitArgs,
)
from components.workload import Workload, WorkloadArgs
from tests.support.clients import Authority

from .cluster import Namespace, eventually
from .deploy import deploy
from .light import gone, idle_memory, ready, scripts, web

PATTERNS: dict[str, list[Any]] = {
    "none": [],
    "LogTailSidecar": [LogTailSidecarArgs()],
    "LogShipperSidecar": [LogShipperSidecarArgs(endpoint="http://127.0.0.1:4318")],
    "TlsAmbassador": [TlsAmbassadorArgs()],
    "MetricsAdapter": [MetricsAdapterArgs()],
    "EgressTlsTunnel": [
        EgressTlsTunnelArgs(targets=[EgressTarget(name="db", host="db.example.com", port=6380, local_port=9000, ca_pem=Authority().pem)])
    ],
    "RedisCacheSidecar": [RedisCacheSidecarArgs()],
    "WaitForInit": [WaitForInitArgs(dns=["localhost"])],
    "logs, TLS and metrics": [LogTailSidecarArgs(), TlsAmbassadorArgs(), MetricsAdapterArgs()],
}


def test_costs(namespace: Namespace, rounds: int, figure: Callable[[str], None]) -> None:
    scripts(namespace)
    took: dict[str, list[float]] = {name: [] for name in PATTERNS}
    memory: dict[str, dict[str, list[int]]] = {name: {} for name in PATTERNS}
    for _ in range(rounds):
        for name, patterns in PATTERNS.items():
            args = WorkloadArgs(app=web(), namespace=namespace.name, patterns=patterns)
            deployment = deploy(namespace, lambda args=args: Workload("web", args) and None, wait=False)
            began = time.monotonic()
            eventually(lambda: ready(namespace.get("pod", namespace.pod("web"))), "Ready", timeout=120, poll=0.1)
            took[name].append(time.monotonic() - began)
            pod = namespace.get("pod", namespace.pod("web"))
            # the kubelet looks every ten seconds or so
            time.sleep(20)
            for container, used in idle_memory(pod).items():
                if container != "web":
                    memory[name].setdefault(container, []).append(used)
            deployment.undo()
            gone(namespace, [pod["metadata"]["name"]])
    base = statistics.median(took["none"])
    for name, seconds in took.items():
        parts = {container: statistics.median(used) / 2**20 for container, used in memory[name].items()}
        figure(
            f"{name}: Ready after {statistics.median(seconds):.1f} s ({statistics.median(seconds) - base:+.1f}); "
            + (", ".join(f"{container} {used:.1f} MiB" for container, used in parts.items()) or "no container that stays")
            + (f"; together {sum(parts.values()):.1f} MiB" if len(parts) > 1 else "")
        )
    three = sum(statistics.median(used) for used in memory["logs, TLS and metrics"].values())
    assert three <= 36 * 2**20


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--rounds"))
