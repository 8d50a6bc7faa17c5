"""What is wrong, as the user of another language sees it: each problem once, in the text or at its property path."""

from typing import Any

import grpc
import pytest

from components.offline.recording import SIGNATURE, UNKNOWN

from ..support.provider import Engine, Refused, output, reference, secret
from .test_equality import PODINFO

PATTERNS = (
    "configReloadSidecar, egressTlsTunnel, fetchInit, jwtAmbassador, logShipperSidecar, logTailSidecar, metricsAdapter, migrationInit, "
    "redisCacheSidecar, sysctlInit, tlsAmbassador, trafficRedirectInit, vaultAgentSidecar, vaultInit, waitForInit"
)
TLS = {"tlsAmbassador": {}}


def refused(engine: Engine, component: str, inputs: dict[str, Any], *, preview: bool = False) -> tuple[str, dict[str, str]]:
    """What the component is refused with; nothing was registered."""
    engine.begin(preview=preview)
    with pytest.raises(Refused) as caught:
        engine.construct(component, "web", inputs)
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    assert engine.registrations == {}
    return caught.value.message, caught.value.properties


def test_every_problem_of_the_arguments_is_reported_once(engine: Engine) -> None:
    inputs = {
        "app": {**PODINFO, "ports": [{"name": "http", "number": 8080.5}]},
        "patterns": [{"tlsAmbasador": {}}, {"metricsAdapter": {"port": "x"}}, {}, {"sysctlInit": {}, "vaultInit": {}}, 3.0],
        "serviceNam": "shop",
        "replicas": "3",
    }
    known = (
        "annotations, app, authority, imageRegistry, ipFamilies, kind, kubernetesVersion, labels, namespace, networkPolicy, patterns, "
        "podAnnotations, podLabels, podSpec, replicas, rolloutTimeoutSeconds, service, serviceName, serviceType, sidecars, strategy"
    )
    assert refused(engine, "Workload", inputs) == (
        "workload 'web': 8 problems\n"
        f"  - patterns[0].tlsAmbasador: unknown key, did you mean 'tlsAmbassador'? known: {PATTERNS}\n"
        f"  - patterns[2] is empty; set exactly one of {PATTERNS}\n"
        f"  - patterns[3] has sysctlInit and vaultInit; set exactly one of {PATTERNS}",
        {
            "app.ports[0].number": "must be a whole number, but is the number 8080.5",
            "serviceNam": f"unknown key, did you mean 'serviceName'? known: {known}",
            "replicas": "must be a whole number, but is the text '3'",
            "patterns[1].metricsAdapter.port": "must be a whole number, but is the text 'x'",
            "patterns[4]": f"must be an object with one of {PATTERNS}, but is the number 3",
        },
    )


def test_rules_between_arguments_name_them_as_the_user_writes_them(engine: Engine) -> None:
    inputs = {"app": PODINFO, "patterns": [{"tlsAmbassador": {"validityHours": 10.0, "earlyRenewalHours": 20.0}}]}
    assert refused(engine, "Workload", inputs) == (
        "workload 'web': 1 problem\n"
        "  - patterns[0].tlsAmbassador: earlyRenewalHours 20 is not less than validityHours 10: every `pulumi up` would issue a new "
        "certificate",
        {},
    )


def test_conflicts_of_the_composition(engine: Engine) -> None:
    inputs = {"app": {**PODINFO, "single": True}, "replicas": 3.0, "patterns": [{"metricsAdapter": {"port": 9898.0}}]}
    assert refused(engine, "Workload", inputs) == (
        "workload 'web': 2 conflicts\n  - port 9898 of MetricsAdapter is already taken by the app; set port=",
        {
            "replicas": "is 3, but each pod of 'web' is a whole of its own (App.single), so that clients of the Service would meet now "
            "one, now another; set replicas=1, or App.single=False if its pods know each other"
        },
    )


@pytest.mark.parametrize(
    ("inputs", "line"),
    [
        ({"app": {**PODINFO, "name": output(UNKNOWN)}}, "app.name {unknown}"),
        ({"app": output(UNKNOWN)}, "app {unknown}"),
        ({"app": {**PODINFO, "ports": output(UNKNOWN)}}, "app.ports {unknown}"),
        ({"app": {**PODINFO, "env": output(UNKNOWN)}}, "app.env {unknown}"),
        ({"app": PODINFO, "patterns": output(UNKNOWN)}, "patterns {unknown}"),
        ({"app": PODINFO, "patterns": [output(UNKNOWN)]}, "patterns[0] {unknown}"),
        ({"app": PODINFO, "patterns": [{"tlsAmbassador": output(UNKNOWN)}]}, "patterns[0].tlsAmbassador {unknown}"),
        (
            {"app": PODINFO, "patterns": [{"tlsAmbassador": {"validityHours": UNKNOWN}}]},
            "patterns[0].tlsAmbassador.validityHours {unknown}",
        ),
        ({"app": PODINFO, "kind": output(UNKNOWN)}, "kind {unknown}"),
        ({"app": PODINFO, "unset": output(UNKNOWN)}, "unset {unknown}"),
        ({"app": PODINFO, "serviceName": secret("shop")}, "serviceName {secret}"),
        ({"app": PODINFO, "replicas": output(3.0, is_secret=True)}, "replicas {secret}"),
        ({"app": secret({"name": "web", "image": "nginx:1"})}, "app.name {secret}"),
    ],
)
def test_what_must_be_known_when_the_pod_is_composed(engine: Engine, inputs: dict[str, Any], line: str) -> None:
    said = line.format(
        unknown="must be known in every preview, because the pod is composed then, but is an output that is known only later; write a "
        "plain value",
        secret="must be a plain value, because it can be read in the pod, but is a secret; write a plain value",
    )
    assert refused(engine, "Workload", inputs, preview=True) == (f"workload 'web': 1 problem\n  - {said}", {})


def test_an_output_whose_value_is_known_is_looked_at_at_once(engine: Engine) -> None:
    image = output("no image!", "urn:pulumi:stack::project::docker:index:Image::web")
    assert refused(engine, "Workload", {"app": {**PODINFO, "image": image}}) == (
        "workload 'web': 1 problem\n  - app.image 'no image!' is not allowed: an image reference such as registry.example.com/app:1.2",
        {},
    )


def test_a_secret_is_in_no_message(engine: Engine) -> None:
    for inputs in (
        {"app": {**PODINFO, "env": {"PASSWORD": secret("s3cret")}}},
        {"app": {**PODINFO, "args": [output("s3cret", is_secret=True)]}},
        {"app": {**PODINFO, "image": secret("s3cret!")}, "patterns": [{"sysctlInit": {"sysctls": secret({"a.b": "s3cret"})}}]},
        {"app": PODINFO, "serviceName": secret("s3cret")},
    ):
        engine.begin()
        with pytest.raises(Refused) as caught:
            engine.construct("Workload", "web", inputs)
        assert "s3cret" not in f"{caught.value.message}{caught.value.properties}{engine.logs}"


def test_a_secret_in_plain_text_of_the_pod(engine: Engine) -> None:
    engine.begin()
    with pytest.raises(Refused) as caught:
        engine.construct("Workload", "web", {"app": {**PODINFO, "env": {"PASSWORD": secret("s3cret")}}})
    assert (caught.value.message, caught.value.properties) == (
        "workload 'web': 1 secret leak\n  - env 'PASSWORD' of container 'web' has a secret Output as plain value; put it in a Secret, and "
        "mount that or use valueFrom.secretKeyRef",
        {},
    )


def test_an_authority_of_another_process(engine: Engine) -> None:
    urn = "urn:pulumi:stack::project::pod-patterns:index:CertificateAuthority::elsewhere"
    assert refused(engine, "Workload", {"app": PODINFO, "authority": reference(urn)}) == (
        f"workload 'web': 1 problem\n  - authority is a component of another provider process ({urn}); give both components the same "
        "`provider`, or none",
        {},
    )


def test_what_is_missing_or_of_another_kind(engine: Engine) -> None:
    assert refused(engine, "Workload", {"app": None, "authority": "ca", "unset": ["replica", 3.0]}) == (
        "workload 'web': 4 problems",
        {
            "app": "missing",
            "unset[0]": "unknown value 'replica', did you mean 'replicas'? known: replicas",
            "unset[1]": "must be a text, but is the number 3; put it in quotes",
            "authority": "must be a CertificateAuthority, but is the text 'ca'",
        },
    )
    assert refused(engine, "CertificateAuthority", {"validityHours": 5.0, "previousCaPems": ["x"]}) == (
        "CertificateAuthority 'web': 2 problems",
        {
            "previousCaPems[0]": "is not allowed: certificates in PEM, and nothing else",
            "earlyRenewalHours": "17520 is not less than validityHours 5: every `pulumi up` would issue a new certificate",
        },
    )
    assert refused(engine, "InjectedChart", {}) == ("InjectedChart 'web': 2 problems", {"chart": "missing", "injections": "missing"})
    assert refused(engine, "Deployment", {}) == (
        "pod-patterns:index:Deployment: 1 problem\n"
        "  - there is no such component; known: pod-patterns:index:Workload, pod-patterns:index:CertificateAuthority, "
        "pod-patterns:index:InjectedChart, pod-patterns:index:InjectedYaml",
        {},
    )


def test_an_asset_in_place_of_a_text(engine: Engine) -> None:
    asset = {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": "kind: List"}
    injections = [{"name": "a", "target": {"name": "web"}, "patterns": [{"sysctlInit": {}}]}]
    assert refused(engine, "InjectedYaml", {"yaml": asset, "injections": injections}) == (
        "InjectedYaml 'web': 1 problem",
        {"yaml": "must be a text, but is a StringAsset"},
    )


def test_injections(engine: Engine) -> None:
    target = {"name": "web", "kind": "Deployment"}
    injections = [
        {"name": "a", "target": target, "patterns": [TLS]},
        {"name": "b", "target": {"nam": "web"}, "patterns": [{"foo": {}}]},
        {"name": "c", "target": {**target, "namespace": "shop"}, "patterns": [TLS], "kubernetesVersion": 1.3},
    ]
    known = (
        "container, gid, headlessService, kind, logFiles, loopbackPorts, name, namespace, place, ports, serviceName, sysctlAlternatives, "
        "template, uid"
    )
    assert refused(engine, "InjectedYaml", {"yaml": "", "injections": injections}) == (
        f"InjectedYaml 'web': 5 problems\n  - injections[1].patterns[0].foo: unknown key; known: {PATTERNS}",
        {
            "injections[0].target.namespace": "missing; certificates are made for it, and their Secrets in it",
            "injections[1].target.nam": f"unknown key, did you mean 'name'? known: {known}",
            "injections[1].target.name": "missing",
            "injections[2].kubernetesVersion": "must be a text, but is the number 1.3; put it in quotes",
        },
    )
    assert refused(engine, "InjectedYaml", {"yaml": "", "injections": []}) == (
        "InjectedYaml 'web': 1 problem\n  - injections: empty; write at least one, with name, target and patterns",
        {},
    )
