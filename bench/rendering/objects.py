"""What is rendered: workloads with five patterns; and the objects of one, for those who write them flat."""

from typing import Any

from components import (
    App,
    LogTailSidecarArgs,
    MetricsAdapterArgs,
    Port,
    Rebind,
    TlsAmbassadorArgs,
    VaultInitArgs,
    VaultSecret,
    WaitForInitArgs,
)
from components.core.plug import Pattern
from components.offline import manifests
from components.offline.order import ordered
from components.workload import Workload, WorkloadArgs

NAME = "app-0"
"""The name of the workload in `objects`, wherever it is."""


def app(name: str) -> App:
    """A small app with one port."""
    rebind = Rebind(env={"HOST": "{host}", "PORT": "{port}"})
    return App(name=name, image="example/app:1", ports=[Port(name="http", number=8080, rebind=rebind)])


def patterns() -> list[Pattern]:
    """Waiting, secrets, logs, TLS and metrics."""
    secret = VaultSecret(path="app", file="password", field="password")
    return [
        WaitForInitArgs(tcp=["db.prod.svc:5432"]),
        VaultInitArgs(address="https://vault.vault.svc:8200", role="app", secrets=[secret]),
        LogTailSidecarArgs(directory="/var/log/app", files=["app.log"]),
        TlsAmbassadorArgs(),
        MetricsAdapterArgs(exporter="nginx"),
    ]


def program(count: int) -> None:
    """So many workloads, with their certificates."""
    for index in range(count):
        Workload(f"app-{index}", WorkloadArgs(app=app(f"app-{index}"), patterns=patterns()))


def objects() -> list[dict[str, Any]]:
    """The objects of one workload, a certificate made before."""
    return [ordered(manifest) for manifest in manifests(lambda: program(1))]
