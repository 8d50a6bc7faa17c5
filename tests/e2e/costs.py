"""What patterns cost on the node: the time until Ready that each adds, and the memory and CPU of its containers when nobody asks for
anything. `make costs` prints a table; ARGS='--rounds 1' for a short one."""

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from components import (
    ConfigReloadSidecarArgs,
    EgressTarget,
    EgressTlsTunnelArgs,
    JwtAmbassadorArgs,
    LogShipperSidecarArgs,
    LogTailSidecarArgs,
    MetricsAdapterArgs,
    MigrationInitArgs,
    RedisCacheSidecarArgs,
    SysctlInitArgs,
    TlsAmbassadorArgs,
    VaultAgentSidecarArgs,
    VaultInitArgs,
    VaultSecret,
    WaitForInitArgs,
)
from components.workload import Workload, WorkloadArgs
from tests.support.clients import Authority

from .cluster import Namespace, eventually
from .deploy import deploy
from .issuer import issuing
from .light import gone, idle_use, ready, scripts, web
from .vault import ADDRESS, ROLE, Vault

NONE, THREE = "none", "LogTailSidecar, TlsAmbassador and MetricsAdapter"
LOOKS, SECONDS = 6, 15
"""How often the kubelet is asked what it found, and how long before each time; it looks every ten seconds or so."""
AT_ONCE = 5
"""How many pods run at a time while memory is measured: a small node has room for no more."""


def patterns(issuer: str) -> dict[str, list[Any]]:
    """What is measured, by the names of the lines."""
    secret = VaultSecret(path="my-secret", file="password", field="password")
    vault: dict[str, Any] = {"address": ADDRESS, "role": ROLE, "secrets": [secret], "allow_plaintext": True}
    target = EgressTarget(name="db", host="db.example.com", port=6380, local_port=9000, ca_pem=Authority().pem)
    return {
        NONE: [],
        "TlsAmbassador": [TlsAmbassadorArgs()],
        "JwtAmbassador": [JwtAmbassadorArgs(issuer=issuer, audience="app", allow_plaintext=True)],
        "EgressTlsTunnel": [EgressTlsTunnelArgs(targets=[target])],
        "MetricsAdapter": [MetricsAdapterArgs()],
        "LogTailSidecar": [LogTailSidecarArgs()],
        "LogShipperSidecar": [LogShipperSidecarArgs(endpoint="http://127.0.0.1:4318")],
        "VaultAgentSidecar": [VaultAgentSidecarArgs(**vault)],
        "RedisCacheSidecar": [RedisCacheSidecarArgs()],
        "ConfigReloadSidecar": [ConfigReloadSidecarArgs(config_map="load", mount_path="/etc/web", reload_command=["true"])],
        "SysctlInit": [SysctlInitArgs()],
        "WaitForInit": [WaitForInitArgs(dns=["localhost"])],
        "VaultInit": [VaultInitArgs(**vault)],
        "MigrationInit": [MigrationInitArgs(image="busybox:1.37", command=["true"], uid=1000)],
        THREE: [LogTailSidecarArgs(), TlsAmbassadorArgs(), MetricsAdapterArgs()],
    }


def test_costs(namespace: Namespace, rounds: int, figure: Callable[[str], None]) -> None:
    scripts(namespace)
    Vault(namespace, {"my-secret": {"password": "s"}})
    measured = patterns(issuing(namespace).url)
    took = times(namespace, measured, rounds)
    used = idle(namespace, measured)
    base = statistics.median(took[NONE])
    lines = ["| patterns | Ready after | more than without | memory | CPU |", "|---|---:|---:|---|---:|"]
    for name, seconds in took.items():
        until_ready, containers = statistics.median(seconds), used[name]
        parts = ", ".join(f"{container} {size / 2**20:.1f}" for container, (size, _) in containers.items())
        whole = f"{memory(containers) / 2**20:.1f} MiB" + (f" ({parts})" if len(containers) > 1 else "")
        cpu = f"{sum(cores for _, cores in containers.values()) / 1e6:.1f}m"
        lines.append(f"| {name} | {until_ready:.1f} s | {until_ready - base:+.1f} s | {whole if parts else ''} | {cpu if parts else ''} |")
    figure("\n" + "\n".join(lines))
    assert memory(used[THREE]) <= 25 * 2**20


def times(namespace: Namespace, measured: dict[str, list[Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds until the pod is Ready, one after the other, in each round anew."""
    took: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(rounds):
        for name, added in measured.items():
            deployment = deploy(namespace, partial(workloads, namespace, [added]), wait=False)
            began = time.monotonic()
            eventually(lambda: ready(namespace.get("pod", namespace.pod("web-0"))), "Ready", timeout=120, poll=0.1)
            took[name].append(time.monotonic() - began)
            pod = namespace.pod("web-0")
            deployment.undo()
            gone(namespace, [pod])
    return took


def idle(namespace: Namespace, measured: dict[str, list[Any]]) -> dict[str, dict[str, tuple[float, float]]]:
    """Bytes, and billionths of a core, of the containers that are not the app's, when nobody asks for anything."""
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for some in batched(measured, AT_ONCE):
        deployment = deploy(namespace, partial(workloads, namespace, [measured[name] for name in some]))
        time.sleep(60)
        uses: dict[str, dict[str, list[tuple[int, int]]]] = {name: {} for name in some}
        pods = {name: namespace.get("pod", namespace.pod(f"web-{number}")) for number, name in enumerate(some)}
        for _ in range(LOOKS):
            time.sleep(SECONDS)
            for number, name in enumerate(some):
                for container, use in idle_use(pods[name]).items():
                    if container != f"web-{number}":
                        uses[name].setdefault(container, []).append(use)
        found |= {name: {container: middle(seen) for container, seen in containers.items()} for name, containers in uses.items()}
        deployment.undo()
        gone(namespace, [pod["metadata"]["name"] for pod in pods.values()])
    return found


def workloads(namespace: Namespace, measured: list[list[Any]]) -> None:
    """In a program: a workload with each of these patterns."""
    for number, added in enumerate(measured):
        app = web(name=f"web-{number}", pre_stop_seconds=0, stop_seconds=1)
        Workload(app.name, WorkloadArgs(app=app, namespace=namespace.name, patterns=added))


def batched(names: dict[str, list[Any]], size: int) -> Iterator[list[str]]:
    """The names, so many at a time."""
    remaining = list(names)
    while remaining:
        yield remaining[:size]
        del remaining[:size]


def middle(uses: list[tuple[int, int]]) -> tuple[float, float]:
    """The medians."""
    return statistics.median(size for size, _ in uses), statistics.median(cores for _, cores in uses)


def memory(containers: dict[str, tuple[float, float]]) -> float:
    """Of all of them."""
    return sum(size for size, _ in containers.values())


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--rounds"))
