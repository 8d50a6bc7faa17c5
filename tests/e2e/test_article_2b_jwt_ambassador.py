"""Article, section 2b: an ambassador that validates tokens on every request."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import pulumi
import pytest

from components.patterns.jwt_ambassador import JwtAmbassador, JwtAmbassadorArgs
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.workload import Workload, WorkloadArgs
from tests.support.issuer import Issuer

from .client import Client
from .cluster import Namespace, eventually
from .deploy import deploy
from .issuer import issuing, publish
from .light import scripts, web

UNAUTHORIZED, FORBIDDEN = "401", "403"


@dataclass(frozen=True)
class Protected:
    """An app behind TLS and tokens, its issuer, and a client that verifies it."""

    namespace: Namespace
    issuer: Issuer
    client: Client
    ca: str

    def get(self, token: str | None = None, path: str = "/", method: str = "GET") -> tuple[str, str]:
        """The status of the answer, and its body."""
        header = [] if token is None else ["-H", f"Authorization: Bearer {token}"]
        done = self.client.curl("--cacert", self.ca, "-X", method, *header, "-w", "\n%{http_code}", f"https://web:8080{path}")
        assert done.code == 0, done.text
        body, _, status = done.out.rpartition("\n")
        return status, body


@pytest.fixture(scope="module")
def protected(module_namespace: Namespace) -> Protected:
    namespace = module_namespace
    scripts(namespace)
    issuer = issuing(namespace)
    args = JwtAmbassadorArgs(
        issuer=issuer.url,
        audience="app",
        allowed_groups=("readers",),
        allow_plaintext=True,
        namespace=namespace.name,
        public_routes=("GET /big",),
    )

    def program() -> None:
        tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="web", namespace=namespace.name))
        app = web(pre_stop_seconds=0)
        workload = Workload("web", WorkloadArgs(app=app, patterns=[tls, JwtAmbassador("jwt", args)], namespace=namespace.name))
        pulumi.export("ca_pem", workload.ca_pem)
        pulumi.export("level", workload.pod_security_level)

    deployment = deploy(namespace, program)
    assert deployment.outputs["level"] == "restricted"
    client = Client(namespace)
    return Protected(namespace, issuer, client, client.file("ca.pem", deployment.outputs["ca_pem"]))


def test_a_valid_token_gets_through_tls_and_validation_to_the_app(protected: Protected) -> None:
    pod = protected.namespace.pod("web")
    assert protected.get(protected.issuer.token(groups=["readers"])) == ("200", pod)


REFUSED: dict[str, Callable[[Issuer], str | None]] = {
    "no token": lambda _: None,
    "expired": lambda issuer: issuer.token(groups=["readers"], exp=int(time.time()) - 1),
    "wrong audience": lambda issuer: issuer.token(groups=["readers"], aud="other"),
    "wrong issuer": lambda issuer: issuer.token(groups=["readers"], iss="https://evil.example.com"),
    "alg none": lambda issuer: issuer.token(groups=["readers"], header={"alg": "none"}),
    "HS256 with the public key": lambda issuer: issuer.token(groups=["readers"], header={"alg": "HS256"}),
    "wrong key": lambda issuer: Issuer(issuer.url).token(groups=["readers"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused(protected: Protected, case: str) -> None:
    assert protected.get(REFUSED[case](protected.issuer)) == (UNAUTHORIZED, "{}")


def test_a_token_of_no_allowed_group_is_refused(protected: Protected) -> None:
    assert protected.get(protected.issuer.token(groups=["writers"]))[0] == FORBIDDEN


def test_the_pod_is_ready_though_the_kubelet_has_no_token(protected: Protected) -> None:
    (pod,) = protected.namespace.pods("web")
    assert {c["name"]: (c["ready"], c["restartCount"]) for c in pod["status"]["containerStatuses"]} == {"web": (True, 0)}
    # its path is open to GET, and so is the route that was asked for; nothing else
    assert protected.get(path="/ready")[0] == "200"
    assert protected.get(path="/big?bytes=3") == ("200", "xxx")
    assert protected.get(path="/ready", method="POST")[0] == UNAUTHORIZED
    assert protected.get(path="/readyness")[0] == UNAUTHORIZED


def test_nobody_outside_the_pod_reaches_the_app_or_the_validator_directly(protected: Protected) -> None:
    pod = protected.namespace.get("pod", protected.namespace.pod("web"))
    # nginx behind TLS, the app, and the validator
    for port in (8081, 8083, 4180):
        answer = protected.client.curl(f"http://{pod['status']['podIP']}:{port}/ready")
        assert answer.code == 7, f"{port}: {answer.text}"


def test_a_new_key_of_the_issuer_is_followed(protected: Protected) -> None:
    old = protected.issuer.token(groups=["readers"])
    assert protected.get(old)[0] == "200"
    protected.issuer.rotate()
    publish(protected.namespace, protected.issuer)
    # as soon as the kubelet has put it into the issuer's files
    eventually(lambda: protected.get(protected.issuer.token(groups=["readers"]))[0] == "200", "the new key", timeout=120)
    assert protected.get(old) == (UNAUTHORIZED, "{}")
