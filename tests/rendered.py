"""The manifests that are compared with goldens and validated: every pattern alone, all together, and every stack."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from components.apps import elasticsearch
from components.log_tail_sidecar import LogTailSidecar
from components.metrics_adapter import MetricsAdapter
from components.offline import manifests
from components.sysctl_init import SysctlInit
from components.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.vault_init import VaultInit, VaultInitArgs, VaultSecret
from components.workload import Workload, WorkloadArgs
from tools.render import run_program
from tools.stack import NAME, load

STACKS = sorted(path.name.split(".")[1] for path in (Path(__file__).parent.parent / "stacks").glob("Pulumi.*.yaml"))
SECRET = VaultSecret(path="my-secret", file="my-secret.json", format="json")
PATTERNS: dict[str, Callable[[], Any]] = {
    "sysctl": lambda: SysctlInit("sysctl"),
    "vault": lambda: VaultInit("vault", VaultInitArgs(address="https://vault.vault.svc:8200", role="elasticsearch", secrets=(SECRET,))),
    "logs": lambda: LogTailSidecar("logs"),
    "tls": lambda: TlsAmbassador("tls", TlsAmbassadorArgs(service_name="elasticsearch")),
    "metrics": lambda: MetricsAdapter("metrics"),
}
EVERY_PORT = TlsAmbassadorArgs(service_name="elasticsearch", ports=("http", "http-prometheus"))


def workload(*makers: Callable[[], Any], **arguments: Any) -> None:
    Workload("search", WorkloadArgs(app=elasticsearch(), patterns=[make() for make in makers], **arguments))


NAMES = ("bare", *PATTERNS, "all", "all-classic", *(f"stack-{name}" for name in STACKS))


@cache
def rendered(name: str) -> list[dict[str, Any]]:
    """The manifests of that name, in apply order."""
    if name.startswith("stack-"):
        stack = load(name.removeprefix("stack-"))
        return manifests(run_program, project=NAME, stack=stack.name, config=stack.config)
    everything = {**PATTERNS, "tls": lambda: TlsAmbassador("tls", EVERY_PORT)}.values()
    programs: dict[str, Callable[[], None]] = {
        "bare": workload,
        "all": partial(workload, *everything),
        "all-classic": partial(workload, *everything, sidecars="classic", kubernetes_version="1.28"),
        **{pattern: partial(workload, make) for pattern, make in PATTERNS.items()},
    }
    return manifests(programs[name])
