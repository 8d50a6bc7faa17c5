"""What a manifest says of the workload around its pod, and what injection makes of it."""

from typing import Any

import pytest

from components import CompositionError, Injection, LogTailSidecarArgs, Port, Rebind, Target, TlsAmbassadorArgs, extend, inject
from components.injection.references import references
from components.testing import run
from tests.injection.test_transform import Wire, injected, workload

LOGS = LogTailSidecarArgs(directory="/var/log/app", files=["app.log"])
TLS = TlsAmbassadorArgs()
PORTS = [Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}"}))]
NAMES = ["peers", "peers.shop", "peers.shop.svc", "*.peers", "*.peers.shop", "*.peers.shop.svc"]
EXISTING = "let TlsAmbassador take an existing Secret (secret_name=), which nginx reloads"


def manifest(kind: str = "StatefulSet", **spec: Any) -> Wire:
    found = workload(kind)
    return {**found, "spec": {**found["spec"], **spec}}


def into(given: Wire, *patterns: Any, **target: Any) -> list[Any]:
    """What injecting into the manifest leaves, and the injection."""
    found: list[Any] = []

    def program() -> None:
        injection = Injection("ours", Target(name="web", namespace="shop", ports=PORTS, **target), patterns or (TLS,))
        found.extend([*inject([given], [injection]), injection])

    run(program)
    return found


def refused(given: Wire, *patterns: Any, **target: Any) -> tuple[str, ...]:
    with pytest.raises(CompositionError) as error:
        into(given, *patterns, **target)
    return error.value.problems


def test_a_certificate_has_to_cover_the_names_of_a_stateful_set_s_pods() -> None:
    given = manifest(serviceName="peers")
    assert refused(given) == (
        f"the certificate of TlsAmbassador 'ours-tls-ambassador' does not cover {', '.join(NAMES)}; set service_name=, headless_service=, "
        "namespace= or dns_names=",
    )
    into(given, headless_service="peers")
    into(given, TlsAmbassadorArgs(headless_service="peers"))
    # nobody knows what it covers
    into(given, TlsAmbassadorArgs(secret_name="web-tls"))
    # nothing of it is behind TLS
    into(given, LOGS)


@pytest.mark.parametrize("kind", ["StatefulSet", None])
def test_extend_reads_the_names_from_the_manifest(kind: str | None) -> None:
    given = {"metadata": {"name": "web", "namespace": "shop"}, "spec": manifest(serviceName="peers")["spec"]}
    target = Target(name="web", namespace="shop", ports=PORTS)
    recording = run(lambda: extend({**given, **({"kind": kind} if kind else {})}, [TLS], target=target))
    certificate = recording.one("SelfSignedCert").inputs
    assert {*NAMES, "web", "web.shop.svc"} <= {*certificate["dnsNames"]}


def test_a_transform_is_told() -> None:
    recording = injected(manifest(serviceName="peers"), TLS, namespace="shop", headless_service="peers")
    assert {*NAMES} <= {*recording.one("SelfSignedCert").inputs["dnsNames"]}


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            manifest(updateStrategy={"type": "OnDelete"}),
            "updateStrategy OnDelete replaces no pod by itself, so that a renewed certificate reaches none before the old one ends; "
            f"{EXISTING}, or set updateStrategy to RollingUpdate",
        ),
        (
            manifest("DaemonSet", updateStrategy={"type": "OnDelete"}),
            "updateStrategy OnDelete replaces no pod by itself, so that a renewed certificate reaches none before the old one ends; "
            f"{EXISTING}, or set updateStrategy to RollingUpdate",
        ),
        (
            manifest("ReplicaSet"),
            f"a ReplicaSet replaces no pod by itself, so that a renewed certificate reaches none before the old one ends; {EXISTING}",
        ),
        (
            manifest(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2.0}}),
            "partition 2 of its updateStrategy keeps pods of the former version, which could not start again: a renewal removes their "
            f"certificate; set it to 0, or {EXISTING}",
        ),
    ],
    ids=["StatefulSet", "DaemonSet", "ReplicaSet", "partition"],
)
def test_a_renewed_certificate_has_to_reach_the_pods(given: Wire, line: str) -> None:
    assert refused(given) == (line,)
    # it is renewed in place, and nginx reloads it
    into(given, TlsAmbassadorArgs(secret_name="web-tls"))
    into(given, LOGS)


def test_a_deployment_that_is_away_for_each_renewal_is_named() -> None:
    given = manifest("Deployment", strategy={"type": "Recreate"})
    *_, injection = into(given)
    assert references([given], [injection]) == [
        "Deployment 'web': strategy Recreate ends its pods before new ones start, each time the certificate is renewed, too; "
        f"{EXISTING}, where it has to serve meanwhile"
    ]
    *_, injection = into(given, TlsAmbassadorArgs(secret_name="web-tls"))
    assert references([given], [injection]) == []
    rolling = manifest("Deployment", strategy={"type": "RollingUpdate"})
    *_, injection = into(rolling)
    assert references([rolling], [injection]) == []
