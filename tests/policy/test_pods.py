"""The policies that look at one object, and what passes them all."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf.empty_pb2 import Empty

from components import CertificateAuthority, TlsAmbassadorArgs, Workload, WorkloadArgs, elasticsearch
from components.testing import Mocks, run
from components.version import VERSION
from tests.policy.objects import SERVICE, WEB, changed, secret, web
from tests.support.policy_pack import Pack
from tests.support.rendered import rendered

PROJECT = Path(__file__).resolve().parent.parent.parent
OPEN = {"pod-security": {"exempt": ["update-sysctl", "traffic-redirect"]}}
"""What the two patterns need that say so."""


# what passes


@pytest.mark.parametrize("name", ["bare", "all", "all-classic", "stateful-set", "daemon-set", "job", "cron-job", "redirect", "stack-prod"])
def test_what_this_package_makes_passes(pack: Pack, name: str) -> None:
    assert pack.violations(rendered(name), OPEN) == []


def test_what_others_made_passes_too(pack: Pack) -> None:
    assert pack.violations([WEB, SERVICE]) == []


def secured() -> None:
    Workload("search", WorkloadArgs(app=elasticsearch(), patterns=[TlsAmbassadorArgs()], authority=CertificateAuthority("ca")))


@pytest.mark.parametrize("preview", [False, True])
def test_a_program_passes_with_its_secrets_and_in_a_preview_with_what_is_unknown(pack: Pack, preview: bool) -> None:
    assert pack.violations(run(secured, preview=preview)) == []


def test_the_certificate_of_a_program_is_read_though_it_is_a_secret(pack: Pack) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=360)
    recording = run(secured, mocks=Mocks(now=lambda: long_ago))
    name = recording.one("Secret").outputs["metadata"]["name"]
    ends = long_ago + timedelta(hours=8760)
    assert pack.violations(recording) == [
        (
            "certificates",
            f"Secret {name!r}: the certificate of 'CN=elasticsearch' in tls.crt ends {ends:%Y-%m-%d}, in less than 14 days; renew it, "
            "and let whatever renews it run before that",
        )
    ]
    assert pack.violations(recording, {"certificates": {"days": 3}}) == []


# what does not

POD = [
    (
        web("securityContext.privileged", True),
        "pod-security",
        "Deployment 'web': container 'web': privileged, which the restricted Pod Security Standard does not admit; change it, or name the "
        "container in exempt",
    ),
    (
        changed(WEB, "spec.template.spec.hostNetwork", True),
        "pod-security",
        "Deployment 'web': hostNetwork, which the restricted Pod Security Standard does not admit; change it",
    ),
    (
        web("resources.limits", None),
        "memory-limits",
        "Deployment 'web': container 'web': resources.limits.memory is missing; set it",
    ),
    (
        web("resources.requests.memory", "64Mi"),
        "memory-limits",
        "Deployment 'web': container 'web': resources.requests.memory 64Mi is more than its limit 32Mi; raise limits.memory",
    ),
    (
        web("image", "registry.example.com:5000/web"),
        "images",
        "Deployment 'web': container 'web': image 'registry.example.com:5000/web' is another one after every release of it; name a "
        "version or "
        "a digest",
    ),
    (
        web("image", "web:latest"),
        "images",
        "Deployment 'web': container 'web': image 'web:latest' is another one after every release of it; name a version or a digest",
    ),
    (
        web("image", "Web:1"),
        "images",
        "Deployment 'web': container 'web': image 'Web:1' is not allowed: an image reference such as registry.example.com/app:1.2",
    ),
    (
        changed(WEB, "spec.selector.matchLabels.tier", "front"),
        "selectors",
        "Deployment 'web': spec.selector asks for tier=front, but the pod template has tier=; write the same in both",
    ),
]


@pytest.mark.parametrize(("manifest", "policy", "message"), POD, ids=lambda value: value if isinstance(value, str) else "")
def test_a_broken_pod_is_named(pack: Pack, manifest: dict[str, Any], policy: str, message: str) -> None:
    assert pack.violations([manifest]) == [(policy, message)]


def test_a_digest_is_a_version(pack: Pack) -> None:
    assert pack.violations([web("image", f"web@sha256:{'0' * 64}")]) == []


def test_a_pod_may_have_one_limit_for_all_its_containers(pack: Pack) -> None:
    whole = {"limits": {"memory": "64Mi"}}
    assert pack.violations([changed(web("resources", None), "spec.template.spec.resources", whole)]) == []


def test_baseline_is_less(pack: Pack) -> None:
    assert pack.violations([web("securityContext", None)], {"pod-security": {"level": "baseline"}}) == []


def pairs() -> tuple[dict[str, str], dict[str, str]]:
    """What two TLS Secrets hold."""

    def program() -> None:
        for name in ("one", "two"):
            Workload(name, WorkloadArgs(app=elasticsearch(name=name), patterns=[TlsAmbassadorArgs()]))

    first, other = (secret.inputs["stringData"] for secret in run(program).all("Secret"))
    return first, other


def test_a_key_of_another_certificate_and_text_that_is_no_certificate(pack: Pack) -> None:
    first, other = pairs()
    assert pack.violations([secret(tls_crt=first["tls.crt"], tls_key=first["tls.key"])]) == []
    assert pack.violations([secret(tls_crt=first["tls.crt"], tls_key=other["tls.key"])]) == [
        (
            "certificates",
            "Secret 'own': tls.key is not the key of the certificate in tls.crt; whoever loads both fails; put both of one pair there",
        )
    ]
    assert pack.violations([secret(tls_crt="-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")]) == [
        ("certificates", "Secret 'own': tls.crt cannot be read as certificates; write them in PEM")
    ]


# the folder


def test_what_is_no_object_is_left_alone(pack: Pack) -> None:
    release = {"apiVersion": "helm.sh/v3", "kind": "Release", "metadata": {"name": "r"}, "spec": {"template": "x"}}
    assert pack.violations([release, {**SERVICE, "spec": {"type": "ExternalName", "externalName": "example.com"}}]) == []


def test_the_pack_has_the_version_of_the_library_and_its_page_says_every_policy_and_setting(pack: Pack) -> None:
    project = yaml.safe_load((PROJECT / "policy" / "PulumiPolicy.yaml").read_text(encoding="utf-8"))
    assert project["version"] == VERSION
    page = (PROJECT / "policy" / "README.md").read_text(encoding="utf-8")
    said = {name: set(re.findall(r"`(\w+)`", rest)) for name, rest in re.findall(r"^\| `([\w-]+)` \|.*\|(.*)\|$", page, re.MULTILINE)}
    assert {p.name: set(p.configSchema.properties) for p in pack.stub.GetAnalyzerInfo(Empty()).policies} == said
