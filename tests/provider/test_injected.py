"""A chart, and manifests, with patterns in workloads of theirs: what makes them is another provider, here the mocks."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components import CertificateAuthority, LogTailSidecarArgs, Port, Target, TlsAmbassadorArgs
from components.core.app import LogFiles, Rebind
from components.declared.injected import InjectedArgs, InjectedChartArgs, InjectedYamlArgs
from components.declared.injections import InjectionItem
from components.offline.mocks import Mocks
from components.offline.run import run
from components.provider.injected import Injected, InjectedChart, InjectedYaml

from ..support.provider import Engine, Refused, output, reference
from .test_equality import seen

LABELS = {"app": "orders"}
ORDERS = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "orders", "namespace": "shop"},
    "spec": {
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {"containers": [{"name": "orders", "image": "podinfo:6.14.1", "ports": [{"name": "http", "containerPort": 9898}]}]},
        },
    },
}
CACHE = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "cache", "namespace": "shop"},
    "spec": {"template": {"metadata": {}, "spec": {"containers": [{"name": "cache", "image": "redis:8"}]}}},
}
INJECTIONS: list[dict[str, Any]] = [
    {
        "name": "orders",
        "target": {
            "name": "orders",
            "kind": "Deployment",
            "namespace": "shop",
            "uid": 100.0,
            "ports": [{"name": "http", "number": 9898.0, "rebind": {"env": {"PODINFO_HOST": "{host}"}}}],
        },
        "patterns": [{"tlsAmbassador": {"validityHours": 4000.0}}],
    },
    {
        "name": "cache",
        "target": {"name": "cache", "namespace": "shop", "uid": 999.0, "logFiles": {"directory": "/var/log/redis", "files": ["redis.log"]}},
        "patterns": [{"logTailSidecar": {}}],
        "kubernetesVersion": "1.31",
    },
]
ITEMS = (
    InjectionItem(
        name="orders",
        target=Target(
            name="orders",
            kind="Deployment",
            namespace="shop",
            uid=100,
            ports=[Port(name="http", number=9898, rebind=Rebind(env={"PODINFO_HOST": "{host}"}))],
        ),
        patterns=[TlsAmbassadorArgs(validity_hours=4000)],
    ),
    InjectionItem(
        name="cache",
        target=Target(name="cache", namespace="shop", uid=999, log_files=LogFiles(directory="/var/log/redis", files=["redis.log"])),
        patterns=[LogTailSidecarArgs()],
        kubernetes_version="1.31",
    ),
)


class Made(Mocks):
    """Makes the same of every chart and all manifests."""

    def children(self, args: pulumi.runtime.MockResourceArgs) -> Iterable[tuple[str, str, dict[str, Any]]]:
        for manifest in (ORDERS, CACHE):
            kind = f"kubernetes:apps/v1:{manifest['kind']}"
            yield kind, f"{args.name}:shop/{manifest['metadata']['name']}", manifest  # type: ignore[index]


def now() -> datetime:
    return datetime(2026, 11, 1, tzinfo=UTC)


CASES = [
    (
        InjectedChart,
        InjectedChartArgs(
            chart="orders", version="1.2.3", repository="https://charts.example.com", namespace="shop", values={"n": 3}, injections=ITEMS
        ),
        {
            "chart": "orders",
            "version": "1.2.3",
            "repository": "https://charts.example.com",
            "namespace": "shop",
            "values": {"n": 3.0},
            "injections": INJECTIONS,
        },
    ),
    (
        InjectedYaml,
        InjectedYamlArgs(files=["orders.yaml"], objs=[ORDERS], injections=ITEMS),
        {"files": ["orders.yaml"], "objs": [ORDERS], "injections": INJECTIONS},
    ),
    (InjectedYaml, InjectedYamlArgs(yaml="kind: List", injections=ITEMS), {"yaml": "kind: List", "injections": INJECTIONS}),
]


@pytest.mark.parametrize(("cls", "args", "inputs"), CASES)
@pytest.mark.parametrize("preview", [False, True])
def test_what_is_registered_is_what_a_python_program_registers(
    engine: Engine, tmp_path: Path, cls: type[Injected], args: InjectedArgs, inputs: dict[str, Any], preview: bool
) -> None:
    expected = run(lambda: cls("shop", args), mocks=Made(keys=tmp_path / "keys", now=now), preview=preview)
    engine.begin(Made(keys=tmp_path / "keys", now=now), preview=preview)
    answer = engine.construct(cls.kind, "shop", inputs)
    assert seen(engine.registrations.values()) == seen(expected.registrations)
    workloads = {"orders": "Deployment 'orders' in namespace 'shop'", "cache": "StatefulSet 'cache' in namespace 'shop'"}
    assert answer == {"urn": f"urn:pulumi:stack::project::pod-patterns:index:{cls.kind}::shop", "secrets": [], "workloads": workloads}
    assert engine.registrations[answer["urn"]].outputs == {"workloads": workloads}
    deployment = next(r for r in engine.registrations.values() if r.type == "kubernetes:apps/v1:Deployment")
    assert [c["name"] for c in deployment.inputs["spec"]["template"]["spec"]["initContainers"]] == ["nginx-proxy"]


def test_an_authority_and_outputs_of_other_resources(engine: Engine) -> None:
    engine.begin(Made())
    authority = engine.construct("CertificateAuthority", "ca", {})["urn"]
    urn = "urn:pulumi:stack::project::random:index/randomId:RandomId::version"
    inputs = {"chart": "orders", "version": output("1.2.3", urn), "authority": reference(authority), "injections": INJECTIONS}
    engine.construct("InjectedChart", "shop", inputs)
    (chart,) = (r for r in engine.registrations.values() if r.type == "kubernetes:helm.sh/v4:Chart")
    assert urn in chart.dependencies
    (signed,) = (r for r in engine.registrations.values() if r.type.endswith(":LocallySignedCert"))
    assert f"urn:pulumi:stack::project::{CertificateAuthority.__name__}" not in signed.dependencies
    assert any("pod-patterns:index:CertificateAuthority$tls" in dependency for dependency in signed.dependencies)


def test_a_workload_that_is_not_met(engine: Engine) -> None:
    with pytest.raises(Refused) as caught:
        engine.construct("InjectedYaml", "shop", {"yaml": "", "injections": INJECTIONS[1:]})
    assert caught.value.message == (
        "injection 'cache': 1 problem\n  - meets no workload, but has to meet workload 'cache' in namespace 'shop' alone; name what it "
        "makes in target=, and pass its transform to it"
    )


def test_a_conflict_in_a_transform_is_reported_by_its_text(engine: Engine) -> None:
    engine.begin(Made())
    injections = [{**INJECTIONS[0], "patterns": [{"tlsAmbassador": {"containerName": "orders"}}]}]
    with pytest.raises(Refused) as caught:
        engine.construct("InjectedYaml", "shop", {"yaml": "", "injections": injections})
    text = (
        "injection 'orders' into Deployment 'orders': 1 conflict\n"
        "  - container name 'orders' of TlsAmbassador 'orders-tls-ambassador' is already taken by the app; set containerName="
    )
    assert caught.value.message == text
    assert engine.logs == [text]
