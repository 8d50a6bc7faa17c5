"""The manifests that are validated and compared with goldens: every pattern alone, all together, and every stack."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from components.carriers import CronJob, DaemonSet, Job
from components.certificates import CertificateAuthority
from components.core.app import App, Port, SecretKey
from components.offline import manifests
from components.patterns.config_reload_sidecar import ConfigReloadSidecar, ConfigReloadSidecarArgs
from components.patterns.egress_tls_tunnel import EgressTarget, EgressTlsTunnel, EgressTlsTunnelArgs
from components.patterns.fetch_init import FetchInit, FetchInitArgs
from components.patterns.jwt_ambassador import JwtAmbassador, JwtAmbassadorArgs
from components.patterns.log_shipper_sidecar import LogShipperSidecar, LogShipperSidecarArgs
from components.patterns.log_tail_sidecar import LogTailSidecar, LogTailSidecarArgs
from components.patterns.metrics_adapter import MetricsAdapter
from components.patterns.migration_init import MigrationInit, MigrationInitArgs
from components.patterns.redis_cache_sidecar import RedisCacheSidecar
from components.patterns.shared.vault import VaultSecret
from components.patterns.sysctl_init import SysctlInit
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.patterns.traffic_redirect_init import TrafficRedirectInit
from components.patterns.vault_agent_sidecar import VaultAgentSidecar, VaultAgentSidecarArgs
from components.patterns.vault_init import VaultInit, VaultInitArgs
from components.patterns.wait_for_init import WaitForInit, WaitForInitArgs
from components.presets.elasticsearch import elasticsearch
from components.presets.elasticsearch_cluster import elasticsearch_cluster
from components.workload import Workload, WorkloadArgs
from tests.support.stack_program import NAME, configuration, run_program

STACKS = sorted(path.name.split(".")[1] for path in (Path(__file__).parent.parent.parent / "stacks").glob("Pulumi.*.yaml"))
SECRET = VaultSecret(path="my-secret", file="my-secret.json", format="json")
PATTERNS: dict[str, Callable[[], Any]] = {
    "sysctl": lambda: SysctlInit("sysctl"),
    "vault": lambda: VaultInit("vault", VaultInitArgs(address="https://vault.vault.svc:8200", role="elasticsearch", secrets=(SECRET,))),
    "logs": lambda: LogTailSidecar("logs"),
    "tls": lambda: TlsAmbassador("tls", TlsAmbassadorArgs(service_name="elasticsearch")),
    "metrics": lambda: MetricsAdapter("metrics"),
}
# the article's other systems
OTHERS: dict[str, Callable[[], Any]] = {
    "wait": lambda: WaitForInit("wait", WaitForInitArgs(tcp=("db.prod.svc:5432",))),
    "fetch": lambda: FetchInit("fetch", FetchInitArgs(source="https://example.com/model.tar.gz", sha256="0" * 64, unpack="tar.gz")),
    "migration": lambda: MigrationInit(
        "migration",
        MigrationInitArgs(image="shop:1", command=("migrate", "up"), database="db.prod.svc:5432", lock="postgresql"),
    ),
    "agent": lambda: VaultAgentSidecar(
        "agent",
        VaultAgentSidecarArgs(
            address="https://vault.vault.svc:8200",
            role="elasticsearch",
            secrets=(SECRET,),
            volume_name="live-secrets",
            mount_path="/live-secrets",
        ),
    ),
    "reload": lambda: ConfigReloadSidecar(
        "reload", ConfigReloadSidecarArgs(config_map="search-config", mount_path="/config", reload_path="/-/reload")
    ),
    "cache": lambda: RedisCacheSidecar("cache"),
    "egress": lambda: EgressTlsTunnel(
        "egress",
        EgressTlsTunnelArgs(
            targets=(
                EgressTarget(
                    name="db", host="db.example.com", port=5432, scheme="postgres", direct_tls=True, env={"DB_ADDRESS": "{host}:{port}"}
                ),
            ),
        ),
    ),
    "shipper": lambda: LogShipperSidecar(
        "shipper",
        LogShipperSidecarArgs(
            endpoint="https://logs.example.com:4318", directory="/var/log/other", files=("a.log",), volume_name="other-logs"
        ),
    ),
    "jwt": lambda: JwtAmbassador(
        "jwt",
        JwtAmbassadorArgs(issuer="https://issuer.example.com", audience="search", cookie_secret=SecretKey(name="cookie", key="secret")),
    ),
}
EVERY_PORT = TlsAmbassadorArgs(service_name="elasticsearch", target_ports=("http", "http-prometheus"))


def workload(*makers: Callable[[], Any], **arguments: Any) -> None:
    Workload("search", WorkloadArgs(app=elasticsearch(), patterns=[make() for make in makers], **arguments))


def web() -> App:
    """An app that cannot be told to move."""
    return App(name="web", image="web:1", ports=(Port(name="http", number=8080),))


def redirected() -> list[Any]:
    """TLS in front of it all the same."""
    return [TrafficRedirectInit("redirect"), TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web"))]


def dated() -> None:
    """Dated log files, on a volume that the app mounts anyway."""
    app = App(name="web", image="web:1", empty_dirs={"/var/log/web": "1Gi"})
    logs = LogTailSidecarArgs(directory="/var/log/web", files=("web-*.log",))
    Workload("web", WorkloadArgs(app=app, patterns=[logs]))


def batch(kind: Job | CronJob) -> None:
    """Work that comes to an end, and a sidecar that ends with it."""
    app = App(name="web", image="web:1", command=("report",), empty_dirs={"/var/log/web": "1Gi"})
    logs = LogTailSidecarArgs(directory="/var/log/web", files=("web.log",))
    Workload("web", WorkloadArgs(app=app, patterns=[logs], kind=kind))


def mutual() -> list[Any]:
    """Mutual TLS with certificates of one authority, in front of tokens."""
    authority = CertificateAuthority("ca")
    tls = TlsAmbassadorArgs(service_name="elasticsearch", authority=authority, client_auth="required", client_names=("billing",))
    return [TlsAmbassador("tls", tls), OTHERS["jwt"]()]


KINDS: dict[str, Callable[[], Any]] = {
    "stateful-set": lambda: Workload("search", elasticsearch_cluster()),
    "daemon-set": lambda: Workload("web", WorkloadArgs(app=web(), kind=DaemonSet())),
    "job": lambda: batch(Job()),
    "cron-job": lambda: batch(CronJob(schedule="30 3 * * *", time_zone="Europe/Berlin")),
}
WHOLE = ("bare", "all", "all-classic", "every", "every-classic", *KINDS, *(f"stack-{name}" for name in STACKS))
"""Those of which tests/golden has every manifest; of the others it has the patches, see patches.py."""
NAMES = (*WHOLE, *PATTERNS, *OTHERS, "redirect", "mutual", "dated-logs")


@cache
def rendered(name: str) -> list[dict[str, Any]]:
    """The manifests of that name, in apply order."""
    if name.startswith("stack-"):
        stack = name.removeprefix("stack-")
        return manifests(run_program, project=NAME, stack=stack, config=configuration(stack))
    everything = {**PATTERNS, "tls": lambda: TlsAmbassador("tls", EVERY_PORT)}.values()
    every = [*everything, *OTHERS.values()]
    programs: dict[str, Callable[[], None]] = {
        "bare": workload,
        "all": partial(workload, *everything),
        "all-classic": partial(workload, *everything, sidecars="classic", kubernetes_version="1.28"),
        "every": partial(workload, *every),
        "every-classic": partial(workload, *every, sidecars="classic", kubernetes_version="1.28"),
        "redirect": lambda: Workload("web", WorkloadArgs(app=web(), patterns=redirected())),
        "mutual": lambda: Workload("search", WorkloadArgs(app=elasticsearch(), patterns=mutual())),
        "dated-logs": dated,
        **KINDS,
        **{pattern: partial(workload, make) for pattern, make in {**PATTERNS, **OTHERS}.items()},
    }
    return manifests(programs[name])
