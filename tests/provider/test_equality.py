"""What the provider registers is what a Python program registers, resource by resource."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components import (
    App,
    CertificateAuthority,
    CertificateAuthorityArgs,
    Claim,
    LogTailSidecarArgs,
    MetricsAdapterArgs,
    NetworkPolicyArgs,
    Peer,
    Port,
    Rebind,
    ServiceArgs,
    StatefulSet,
    SysctlInitArgs,
    TlsAmbassadorArgs,
    VaultInitArgs,
    VaultSecret,
    WaitForInitArgs,
    Workload,
    WorkloadArgs,
)
from components.core.app import ConfigMapKey, LogFiles
from components.offline.mocks import Mocks
from components.offline.recording import Registration
from components.offline.run import run

from ..support.provider import ROOT, Engine, reference

REBIND = {"env": {"PODINFO_HOST": "{host}", "PODINFO_PORT": "{port}"}}
PODINFO = {
    "name": "web",
    "image": "ghcr.io/stefanprodan/podinfo:6.14.1",
    # every number is a float on the way
    "uid": 100.0,
    "ports": [{"name": "http", "number": 9898.0, "rebind": REBIND}],
}


def podinfo(**more: Any) -> App:
    ports = [Port(name="http", number=9898, rebind=Rebind(env=REBIND["env"]))]
    return App(name="web", image="ghcr.io/stefanprodan/podinfo:6.14.1", uid=100, ports=ports, **more)


def now() -> datetime:
    return datetime(2026, 11, 1, tzinfo=UTC)


# options that have other defaults where the provider is the caller, and where the program is
_OPTIONS = ("custom", "remote", "provider", "version", "ignoreChanges", "additionalSecretOutputs", "deleteBeforeReplace", "retainOnDelete")


def seen(registrations: Iterable[Registration]) -> dict[str, Any]:
    """What an engine sees of the resources, by URN, apart from the outputs of components, whose names are not those of Python."""
    return {
        r.urn: {
            "parent": r.parent,
            "inputs": r.inputs,
            "secrets": r.secrets,
            "dependencies": r.dependencies,
            "outputs": r.outputs if r.custom else {},
            **{option: getattr(r.request, option) for option in _OPTIONS},
        }
        for r in registrations
    }


def assert_equal(engine: Engine, program: Callable[[], Any], construct: Callable[[], Any], keys: Path) -> None:
    for preview in (False, True):
        expected = run(program, keys=keys, now=now, preview=preview)
        engine.begin(Mocks(keys=keys, now=now), preview=preview)
        construct()
        assert seen(engine.registrations.values()) == seen(expected.registrations)


def test_a_workload_with_a_port_of_its_own(engine: Engine, tmp_path: Path) -> None:
    assert_equal(
        engine,
        lambda: Workload("web", WorkloadArgs(app=podinfo())),
        lambda: engine.construct("Workload", "web", {"app": PODINFO}),
        tmp_path / "keys",
    )


def test_many_patterns_and_arguments(engine: Engine, tmp_path: Path) -> None:
    app = podinfo(
        env={"A": "1", "NODE": {"valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}, "Z": "2"},
        empty_dirs={"/tmp": "64Mi"},
        readiness_probe={"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5},
        log_files=LogFiles(directory="/var/log/web", files=("web.log",)),
    )
    args = WorkloadArgs(
        app=app,
        patterns=[
            WaitForInitArgs(dns=["kubernetes.default.svc.cluster.local"]),
            SysctlInitArgs(sysctls={"net.core.somaxconn": 1024}, name="sysctl"),
            VaultInitArgs(
                address="https://vault.vault.svc:8200",
                role="web",
                ca_config_map=ConfigMapKey(name="vault-ca", key="ca.crt"),
                secrets=[VaultSecret(path="web", file="web.json", format="json")],
            ),
            LogTailSidecarArgs(),
            TlsAmbassadorArgs(validity_hours=4000),
            MetricsAdapterArgs(exporter="nginx", target_port="http"),
        ],
        namespace="shop",
        replicas=3,
        service=ServiceArgs(labels={"team": "web"}),
        network_policy=NetworkPolicyArgs(clients=[Peer(pod_labels={"app": "gateway"})], scrapers=[]),
        labels={"team": "web"},
        pod_spec={"nodeSelector": {"disk": "ssd"}, "priority": 5},
    )
    inputs = {
        "app": {
            **PODINFO,
            "env": {"Z": "2", "A": "1", "NODE": {"valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}},
            "emptyDirs": {"/tmp": "64Mi"},
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5.0},
            "logFiles": {"directory": "/var/log/web", "files": ["web.log"]},
        },
        "patterns": [
            {"waitForInit": {"dns": ["kubernetes.default.svc.cluster.local"]}},
            {"sysctlInit": {"sysctls": {"net.core.somaxconn": 1024.0}, "name": "sysctl"}},
            {
                "vaultInit": {
                    "address": "https://vault.vault.svc:8200",
                    "role": "web",
                    "caConfigMap": {"name": "vault-ca", "key": "ca.crt"},
                    "secrets": [{"path": "web", "file": "web.json", "format": "json"}],
                }
            },
            {"logTailSidecar": {}},
            {"tlsAmbassador": {"validityHours": 4000.0}},
            {"metricsAdapter": {"exporter": "nginx", "targetPort": "http"}},
        ],
        "namespace": "shop",
        "replicas": 3.0,
        "service": {"labels": {"team": "web"}},
        "networkPolicy": {"clients": [{"podLabels": {"app": "gateway"}}], "scrapers": []},
        "labels": {"team": "web"},
        "podSpec": {"nodeSelector": {"disk": "ssd"}, "priority": 5.0},
    }
    assert_equal(engine, lambda: Workload("web", args), lambda: engine.construct("Workload", "web", inputs), tmp_path / "keys")


def test_a_stateful_set_with_claims(engine: Engine, tmp_path: Path) -> None:
    claims = [Claim(name="data", size="10Gi", mount_path="/data")]
    args = WorkloadArgs(app=podinfo(), kind=StatefulSet(claims=claims), patterns=[TlsAmbassadorArgs()])
    inputs = {
        "app": PODINFO,
        "kind": {"statefulSet": {"claims": [{"name": "data", "size": "10Gi", "mountPath": "/data"}]}},
        "patterns": [{"tlsAmbassador": {}}],
    }
    assert_equal(engine, lambda: Workload("web", args), lambda: engine.construct("Workload", "web", inputs), tmp_path / "keys")


def test_an_authority_that_is_a_component_of_the_provider(engine: Engine, tmp_path: Path) -> None:
    def program() -> None:
        authority = CertificateAuthority("ca", CertificateAuthorityArgs(common_name="shop CA"))
        patterns = [TlsAmbassadorArgs(client_auth="required", client_names=["gateway"])]
        Workload("web", WorkloadArgs(app=podinfo(), authority=authority, patterns=patterns))

    def construct() -> None:
        authority = engine.construct("CertificateAuthority", "ca", {"commonName": "shop CA"})
        inputs = {
            "app": PODINFO,
            "authority": reference(authority["urn"]),
            "patterns": [{"tlsAmbassador": {"clientAuth": "required", "clientNames": ["gateway"]}}],
        }
        engine.construct("Workload", "web", inputs)

    assert_equal(engine, program, construct, tmp_path / "keys")


def test_nothing_in_place_of_a_default(engine: Engine, tmp_path: Path) -> None:
    args = WorkloadArgs(app=podinfo(gid=None), replicas=None)
    for inputs in (
        {"app": {**PODINFO, "gid": None, "command": None}, "replicas": None, "serviceName": None},
        {"app": {**PODINFO, "gid": 1000.0, "unset": ["gid"]}, "replicas": 1.0, "unset": ["replicas"]},
    ):
        assert_equal(
            engine,
            lambda: Workload("web", args),
            lambda inputs=inputs: engine.construct("Workload", "web", inputs),  # type: ignore[misc]
            tmp_path / "keys",
        )


def test_its_outputs_have_the_names_of_the_schema(engine: Engine) -> None:
    schema = json.loads((ROOT / "provider" / "schema.json").read_text(encoding="utf-8"))["resources"]
    for component, inputs in {"Workload": {"app": PODINFO, "patterns": [{"tlsAmbassador": {}}]}, "CertificateAuthority": {}}.items():
        answer = engine.construct(component, component.lower(), inputs)
        urn, secrets = answer.pop("urn"), answer.pop("secrets")
        assert sorted(answer) == sorted(schema[f"pod-patterns:index:{component}"]["properties"])
        # and those that programs find later, which read the component from the state
        assert engine.registrations[urn].outputs == answer
        assert secrets == []
