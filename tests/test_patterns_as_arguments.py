"""Patterns written as arguments in the list of a workload: the workload completes them and creates what they own as its own children."""

import re
from collections.abc import Callable
from typing import Any, ClassVar

import pulumi
import pytest

from components.certificates import CertificateAuthority
from components.core.errors import CompositionError
from components.core.fold import compose
from components.offline import manifests
from components.patterns.jwt_ambassador import JwtAmbassador, JwtAmbassadorArgs
from components.patterns.log_tail_sidecar import LogTailSidecar, LogTailSidecarArgs
from components.patterns.metrics_adapter import MetricsAdapterArgs
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.presets.elasticsearch import elasticsearch
from components.testing import Mocks, Recording, Registration, run
from components.workload import Workload, WorkloadArgs
from tests.support.pods import web
from tests.support.rendered import OTHERS, PATTERNS

LOGS = LogTailSidecarArgs(directory="/var/log/web", files=("web.log",))


def shop(*patterns: Any, **arguments: Any) -> Recording:
    return run(lambda: Workload("shop", WorkloadArgs(app=web(), patterns=patterns, **arguments)))


def components(recording: Recording) -> list[str]:
    return [r.type.split(":")[-1] for r in recording.registrations if not r.custom]


@pytest.mark.parametrize("kind", [*PATTERNS, *OTHERS])
def test_arguments_make_the_same_manifests_as_the_component(kind: str) -> None:
    make = {**PATTERNS, **OTHERS}[kind]
    made: list[Any] = []
    run(lambda: made.append(make()))

    def rendered(pattern: Callable[[], Any]) -> str:
        found = manifests(lambda: Workload("search", WorkloadArgs(app=elasticsearch(), patterns=[pattern()])))
        # every run has a key of its own, and its digest is in the names of Secrets
        return re.sub("-[0-9a-f]{8}'", "-digest'", str([m for m in found if m["kind"] != "Secret"]))

    assert rendered(lambda: made[0].args) == rendered(make)


def test_the_workload_completes_them() -> None:
    recording = shop(TlsAmbassadorArgs(), MetricsAdapterArgs(exporter="nginx", scrape="pod_monitor"), namespace="prod")
    assert {"web", "web.prod", "web.prod.svc"} <= set(recording.one("SelfSignedCert").inputs["dnsNames"])
    assert recording.one("Secret").inputs["metadata"]["namespace"] == "prod"
    assert recording.one("PodMonitor").inputs["metadata"]["namespace"] == "prod"


def test_what_they_say_themselves_stays() -> None:
    recording = shop(TlsAmbassadorArgs(service_name="other", dns_names=("web", "web.default", "web.default.svc")))
    assert recording.one("SelfSignedCert").inputs["subject"] == {"commonName": "other"}


def test_an_authority_of_the_workload_signs_for_them() -> None:
    def program() -> None:
        Workload("shop", WorkloadArgs(app=web(), patterns=[TlsAmbassadorArgs()], authority=CertificateAuthority("ca")))

    assert run(program).one("LocallySignedCert").name == "shop-tls-ambassador-certificate"


def test_a_certificate_that_exists_needs_no_authority() -> None:
    def program() -> None:
        tls = TlsAmbassadorArgs(secret_name="web-tls")
        Workload("shop", WorkloadArgs(app=web(), patterns=[tls], authority=CertificateAuthority("ca")))

    recording = run(program)
    assert recording.all("LocallySignedCert") == []
    # nor a component: it owns nothing
    assert components(recording) == ["CertificateAuthority", "Workload"]


def test_the_tree_is_workload_ambassador_certificate_and_nothing_else_is_registered() -> None:
    recording = shop(TlsAmbassadorArgs(), MetricsAdapterArgs(exporter="nginx"), LOGS)
    assert components(recording) == ["Workload", "TlsAmbassador"]
    ambassador, workload = recording.one("TlsAmbassador"), recording.one("Workload")
    assert (ambassador.name, ambassador.parent) == ("shop-tls-ambassador", workload.urn)
    for kind in ("PrivateKey", "SelfSignedCert", "Secret"):
        assert recording.one(kind).parent == ambassador.urn


def test_made_by_hand_they_still_are_components() -> None:
    recording = run(
        lambda: Workload("shop", WorkloadArgs(app=web(), patterns=[TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web"))]))
    )
    assert sorted(components(recording)) == ["TlsAmbassador", "Workload"]
    assert "LogTailSidecar" in components(run(lambda: LogTailSidecar("logs", LOGS)))


def test_nothing_is_registered_when_the_composition_fails() -> None:
    class Counting(Mocks):
        registered: ClassVar[list[str]] = []

        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
            self.registered.append(args.name)
            return super().new_resource(args)

    patterns = [
        TlsAmbassadorArgs(target_ports=("http", "nothing")),
        JwtAmbassadorArgs(target_port="none", issuer="https://a.example.com", audience="b"),
    ]
    with pytest.raises(CompositionError) as error:
        run(lambda: Workload("shop", WorkloadArgs(app=web(), patterns=patterns)), mocks=Counting())
    assert error.value.problems == (
        "TlsAmbassador: there is no port 'nothing' to stand in front of; set target_ports= (known: http)",
        "JwtAmbassador: there is no port 'none' to stand in front of; set target_port= (known: http)",
    )
    assert Counting.registered == []


def test_arguments_that_cannot_be_are_all_in_one_error() -> None:
    jwt = JwtAmbassadorArgs(issuer="http://a", audience="b", name="A")
    with pytest.raises(CompositionError) as error:
        shop(TlsAmbassadorArgs(inner_port=0), MetricsAdapterArgs(exporter="x"), jwt)
    assert error.value.problems == (
        "TlsAmbassador: inner_port 0 is not allowed: a whole number from 1 to 65535",
        "MetricsAdapter: exporter must be one of elasticsearch, redis, nginx or an Exporter, but is the text 'x'",
        "JwtAmbassador 'A': name 'A' is not allowed: a-z, 0-9 and '-', 63 characters at most",
        "JwtAmbassador 'A': issuer 'http://a' is not encrypted, so that its keys can be forged; use https://, or set allow_plaintext=True",
    )


def test_two_of_a_kind_take_names() -> None:
    jwt = {"issuer": "https://issuer.example.com", "audience": "web"}
    first = JwtAmbassadorArgs(name="outer", **jwt)
    second = JwtAmbassadorArgs(name="inner", container_name="inner", health_port=9100, prefix="/inner", **jwt)
    recording = shop(first, second)
    assert [r.name for r in recording.all("JwtAmbassador")] == ["outer", "inner"]


def test_composing_without_a_workload_refuses_what_owns_resources() -> None:
    with pytest.raises(CompositionError) as error:
        compose(web(), [TlsAmbassadorArgs(service_name="web"), LOGS])
    assert error.value.problems == ("TlsAmbassador owns resources; write it in the list of a Workload, or make the component yourself",)
    assert compose(web(), [LOGS, MetricsAdapterArgs(exporter="nginx"), TlsAmbassadorArgs(service_name="web", secret_name="tls")])


# components made by hand that disagree with their workload


ELSEWHERE = (
    "{} makes its resources in namespace '{}', but the workload is in '{}'; set namespace= on it, or write its arguments in the list of "
    "patterns"
)
MAKERS: dict[str, Callable[..., Any]] = {
    "TlsAmbassador 'x'": lambda **given: TlsAmbassador(
        "x", TlsAmbassadorArgs(service_name="web", dns_names=("web.prod", "web.prod.svc"), **given)
    ),
    "JwtAmbassador 'x'": lambda **given: JwtAmbassador("x", JwtAmbassadorArgs(issuer="https://a.example.com", audience="b", **given)),
}


@pytest.mark.parametrize("who", MAKERS)
@pytest.mark.parametrize(("theirs", "ours"), [(None, "prod"), ("dev", "prod")])
@pytest.mark.parametrize("later", ["neither", "theirs", "ours", "both"])
def test_a_component_in_another_namespace_is_an_error_at_the_latest_when_both_are_known(
    who: str, theirs: str | None, ours: str, later: str
) -> None:
    def program() -> None:
        given = {} if theirs is None else {"namespace": pulumi.Output.from_input(theirs) if later in ("theirs", "both") else theirs}
        namespace = pulumi.Output.from_input(ours) if later in ("ours", "both") else ours
        Workload("shop", WorkloadArgs(app=web(), patterns=[MAKERS[who](**given)], namespace=namespace))

    with pytest.raises(CompositionError) as error:
        run(program)
    assert ELSEWHERE.format(who, theirs or "default", ours) in error.value.problems


@pytest.mark.parametrize("who", MAKERS)
def test_a_component_in_the_same_namespace_is_fine_known_or_not(who: str) -> None:
    def program() -> None:
        pattern = MAKERS[who](namespace=pulumi.Output.from_input("prod"))
        Workload("shop", WorkloadArgs(app=web(), patterns=[pattern], namespace="prod"))

    assert run(program).one("Deployment").inputs["metadata"]["namespace"] == "prod"


# what exists stays: a resource that is registered under another URN than before says so


def aliases(registration: Registration) -> list[tuple[str, str]]:
    """The earlier URNs that it names: (URN, "") or (name, URN of the parent)."""
    return [(a.urn, "") if a.urn else (a.spec.name, a.spec.parentUrn or "no parent") for a in registration.request.aliases]


def before(parents: str, kind: str, name: str) -> str:
    return f"urn:pulumi:stack::project::{parents}{kind}::{name}"


TLS, SELF = "pod-patterns:index:TlsAmbassador", "pod-patterns:index:SelfSignedCertificate"


def known(recording: Recording, kind: str) -> set[str]:
    """Every URN that the engine takes for the resource of that kind."""
    registration = recording.one(kind)
    return {registration.urn} | {urn if not parent else f"{parent} > {registration.type}" for urn, parent in aliases(registration)}


def test_keys_and_certificates_of_an_ambassador_made_by_hand_are_not_made_anew() -> None:
    recording = run(lambda: TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web")))
    for kind in ("PrivateKey", "SelfSignedCert", "Secret"):
        assert f"{before('', f'{TLS}${SELF}', 'tls')} > {recording.one(kind).type}" in known(recording, kind)


def test_nor_when_it_moves_into_the_list() -> None:
    recording = shop(TlsAmbassadorArgs(name="tls"))
    # it was beside the workload
    assert "no parent" in str(aliases(recording.one("TlsAmbassador")))
    for kind in ("PrivateKey", "SelfSignedCert", "Secret"):
        assert f"{before('', f'{TLS}${SELF}', 'tls')} > {recording.one(kind).type}" in known(recording, kind)


def test_nor_where_an_authority_signs() -> None:
    def program() -> None:
        Workload("shop", WorkloadArgs(app=web(), patterns=[TlsAmbassadorArgs()], authority=CertificateAuthority("ca")))

    recording, issued = run(program), "pod-patterns:index:IssuedCertificate"
    for kind in ("CertRequest", "LocallySignedCert", "Secret"):
        assert f"{before('', f'{TLS}${issued}', 'shop-tls-ambassador')} > {recording.one(kind).type}" in known(recording, kind)


def test_the_secret_of_the_sessions_stays_too() -> None:
    recording = shop(JwtAmbassadorArgs(name="jwt", issuer="https://issuer.example.com", audience="web"))
    assert "no parent" in str(aliases(recording.one("JwtAmbassador")))
    assert recording.one("Secret").name == "jwt-cookie"
