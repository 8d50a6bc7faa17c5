"""An hour of everything that happens to a workload in its life, under load: `make soak`, or ARGS='--minutes 5'.

In turns: a rollout, a renewed certificate, an authority that is announced and then signs, a pod that is deleted; and beside them a workload
whose pod nothing replaces, while its certificate is replaced in its Secret. No request may fail, and the proxy that lives through it all
may not grow.
"""

import itertools
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pulumi
import pytest

from components.certificates import CertificateAuthority, CertificateAuthorityArgs
from components.patterns.log_tail_sidecar import LogTailSidecarArgs
from components.patterns.metrics_adapter import MetricsAdapterArgs
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from components.workload import Workload, WorkloadArgs
from tests.support.nginx_proxy import certificate

from .cluster import Namespace, eventually
from .deploy import Deployment, deploy
from .light import LoadClient, gone, memory, ready, scripts, statuses, web

Figure = Callable[[str], None]
URLS = ("https://web:8080/", "https://steady:8080/")
# bounded: at most 4 clients of 50 requests a second for each of the two, and four minutes a turn
LOAD = ("--keep-alive", "2", "--new", "2", "--rate", "50", "--most", "60000", "--seconds", "240")
GROWTH = 4 * 2**20
"""Bytes that the living proxy may grow by; what it reads of files counts too."""


@dataclass
class State:
    """What the program says; each turn changes a part of it."""

    version: int = 1
    names: tuple[str, ...] = ()
    authorities: int = 1
    """How many authorities there have been; older ones are trusted."""
    signing: int = 0
    """Which of them signs."""


def program(namespace: Namespace, state: State) -> Callable[[], None]:
    """Two workloads: `web` with logs, TLS and metrics in two pods, and `steady`, whose certificate somebody else keeps."""

    def build() -> None:
        authorities: list[CertificateAuthority] = []
        for number in range(state.authorities):
            before = (authorities[-1].trust_bundle_pem,) if authorities else ()
            args = CertificateAuthorityArgs(common_name=f"authority {number}", previous_ca_pems=before)
            authorities.append(CertificateAuthority(f"authority-{number}", args))
        app = web(env={"HOST": "0.0.0.0", "PORT": "8080", "VERSION": str(state.version)})
        tls = TlsAmbassadorArgs(authority=authorities[state.signing], dns_names=state.names, access_log=False)
        patterns = [LogTailSidecarArgs(), tls, MetricsAdapterArgs()]
        Workload("web", WorkloadArgs(app=app, namespace=namespace.name, replicas=2, patterns=patterns))
        kept = TlsAmbassadorArgs(secret_name="steady-tls", access_log=False)
        Workload("steady", WorkloadArgs(app=replace(web(), name="steady"), namespace=namespace.name, patterns=[kept]))
        pulumi.export("trusted", authorities[-1].trust_bundle_pem)

    return build


def secret(namespace: Namespace, files: Mapping[str, str]) -> None:
    """The Secret that somebody else keeps has this certificate now."""
    metadata = {"name": "steady-tls"}
    namespace.apply({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": metadata, "stringData": dict(files)})


@dataclass
class Soak:
    """The workloads, and their client."""

    namespace: Namespace
    state: State
    deployment: Deployment
    client: LoadClient
    steady: dict[str, str]
    """The certificate of `steady`."""

    def trust(self) -> None:
        """The client trusts what both of them have now."""
        self.client.trust(self.deployment.outputs["trusted"] + self.steady["ca.crt"])

    def up(self, **changes: Any) -> None:
        """The program with a change, to the end of the old pods."""
        before = [pod["metadata"]["name"] for pod in self.namespace.pods("web")]
        self.state = replace(self.state, **changes)
        self.deployment.up(program(self.namespace, self.state))
        now = {pod["metadata"]["name"] for pod in self.namespace.pods("web")}
        gone(self.namespace, [name for name in before if name not in now])

    def rollout(self) -> None:
        """A new version of the app."""
        self.up(version=self.state.version + 1)

    def renewal(self) -> None:
        """A new certificate by the same authority."""
        self.up(names=(f"web-{self.state.version}-{time.monotonic_ns()}.example.com",))

    def rotation(self) -> None:
        """Another authority, announced before it signs."""
        self.up(authorities=self.state.authorities + 1)
        self.trust()
        time.sleep(2)
        self.up(signing=self.state.authorities - 1)

    def death(self) -> None:
        """One of the two pods is deleted."""
        name = self.namespace.pods("web")[0]["metadata"]["name"]
        self.namespace.kubectl("delete", "pod", name, "--wait=false")
        gone(self.namespace, [name])
        eventually(lambda: len([p for p in self.namespace.pods("web") if ready(p)]) == 2, "two pods are ready")

    def replacement(self) -> None:
        """The certificate of `steady` is replaced in its Secret."""
        made = certificate("steady")
        self.client.trust(self.deployment.outputs["trusted"] + self.steady["ca.crt"] + made["ca.crt"])
        self.steady = made
        taken = self.taken()
        secret(self.namespace, made)
        eventually(lambda: self.taken() > taken, "the new certificate is taken", timeout=180)
        # to the end of the old worker
        time.sleep(6)

    def taken(self) -> int:
        """How often `steady` has taken a new certificate."""
        return self.namespace.logs(self.namespace.pod("steady"), "nginx-proxy").count("nginx reloaded them")

    def turns(self) -> Iterator[Callable[[], None]]:
        """What happens, for ever."""
        return itertools.cycle((self.rollout, self.replacement, self.renewal, self.death, self.replacement, self.rotation))


@pytest.fixture
def soak(namespace: Namespace) -> Soak:
    scripts(namespace)
    first = certificate("steady")
    secret(namespace, first)
    deployment = deploy(namespace, program(namespace, State()))
    made = Soak(namespace, State(), deployment, LoadClient(namespace), first)
    made.trust()
    return made


def test_nothing_fails_and_nothing_grows(soak: Soak, minutes: float, figure: Figure) -> None:
    end, turns = time.monotonic() + minutes * 60, soak.turns()
    steady = soak.namespace.pod("steady")
    totals: Counter[str] = Counter()
    slowest, used = 0.0, []
    while time.monotonic() < end:
        turn = next(turns)
        with ExitStack() as loads:
            results = [loads.enter_context(soak.client.load(url, *LOAD)) for url in URLS]
            time.sleep(2)
            turn()
            time.sleep(2)
        for url, result in zip(URLS, results, strict=True):
            totals.update({"requests": result["requests"], "failures": result["failures"], turn.__name__: 1})
            slowest = max(slowest, result["slowest"])
            assert result["failures"] == 0, f"{turn.__name__}, {url}: {result}"
            assert result["requests"] > 100, f"{turn.__name__}, {url}: {result}"
        used.append(memory(soak.namespace, steady, "nginx-proxy", "usage"))
    third = max(1, len(used) // 3)
    first, last = statistics.median(used[:third]), statistics.median(used[-third:])
    counts = ", ".join(f"{count // 2} × {name}" for name, count in totals.items() if name not in ("requests", "failures"))
    figure(
        f"{minutes:g} minutes: {totals['requests']:,} requests, {totals['failures']} failed, slowest {slowest} s; {counts}; "
        f"the proxy that lived through it: {first / 2**20:.1f} MiB at first, {last / 2**20:.1f} MiB at last"
    )
    assert last < first + GROWTH
    (same,) = soak.namespace.pods("steady")
    assert same["metadata"]["name"] == steady
    assert {container["restartCount"] for container in statuses(same).values()} == {0}
