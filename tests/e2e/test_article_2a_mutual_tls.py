"""Article, section 2a: mutual TLS."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pulumi
import pytest

from components.certificates import CertificateAuthority, CertificateAuthorityArgs, ClientCertificateArgs
from components.core.app import App, Port, Rebind
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.workload import Workload, WorkloadArgs
from tests.support.clients import Authority

from .client import Client
from .cluster import Namespace, eventually
from .deploy import deploy
from .light import ready, scripts, statuses, web

Figure = Callable[[str], None]
URL = "https://podinfo:9898"
PARTNERS, FOREIGN = Authority(), Authority()
SPOOFED = ("X-Client-Verify: SUCCESS", "X-Client-Subject: CN=admin", "x_client_subject: CN=admin", "X-Forwarded-Client-Cert: By=me")


def podinfo() -> App:
    """An app that answers with the headers it got, and can be told not to be ready."""
    probe = {"periodSeconds": 2, "failureThreshold": 2, "timeoutSeconds": 2}
    return App(
        name="podinfo",
        image="ghcr.io/stefanprodan/podinfo:6.14.1",
        uid=100,
        gid=101,
        ports=(Port(name="http", number=9898, rebind=Rebind(env={"PODINFO_HOST": "{host}", "PODINFO_PORT": "{port}"})),),
        startup_probe={"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1, "failureThreshold": 60},
        readiness_probe={"httpGet": {"path": "/readyz", "port": "http"}, **probe},
        liveness_probe={"httpGet": {"path": "/healthz", "port": "http"}, **probe, "failureThreshold": 5},
        pre_stop_seconds=0,
    )


@dataclass(frozen=True)
class Guarded:
    """podinfo, which only `billing` may call, and a client pod."""

    namespace: Namespace
    client: Client
    ca: str

    def ask(self, identity: tuple[str, str] | None, path: str = "/headers", *more: str) -> tuple[int, str]:
        """Status and body of the answer to whoever has that certificate and key."""
        own: tuple[str, ...] = ()
        if identity:
            own = ("--cert", self.client.file("cert.pem", identity[0]), "--key", self.client.file("key.pem", identity[1]))
        answer = self.client.curl("--cacert", self.ca, *own, "-w", "\n%{http_code}", *more, URL + path)
        assert answer.code == 0, answer.text
        body, _, status = answer.out.rpartition("\n")
        return int(status), body


@pytest.fixture(scope="module")
def guarded(module_namespace: Namespace) -> tuple[Guarded, dict[str, Any]]:
    namespace = module_namespace.name

    def program() -> None:
        authority = CertificateAuthority("shop")
        for name in ("billing", "shipping"):
            client = authority.issue_client(name, ClientCertificateArgs(common_name=name, namespace=namespace))
            pulumi.export(name, [client.certificate_pem, client.private_key_pem])
        tls = TlsAmbassadorArgs(
            service_name="podinfo",
            namespace=namespace,
            authority=authority,
            client_auth="required",
            client_ca_pems=(authority.trust_bundle_pem, PARTNERS.pem),
            client_names=("billing",),
        )
        workload = Workload("podinfo", WorkloadArgs(app=podinfo(), patterns=[TlsAmbassador("tls", tls)], namespace=namespace))
        pulumi.export("ca_pem", authority.ca_pem)
        pulumi.export("plaintext", workload.plaintext_ports)

    outputs = dict(deploy(module_namespace, program).outputs)
    client = Client(module_namespace)
    return Guarded(module_namespace, client, client.file("ca.pem", outputs["ca_pem"])), outputs


def test_a_client_with_the_right_certificate_gets_through_and_the_app_is_told_who_it_is(guarded: tuple[Guarded, dict[str, Any]]) -> None:
    app, outputs = guarded
    spoofed = [option for header in SPOOFED for option in ("-H", header)]
    status, body = app.ask(tuple(outputs["billing"]), "/headers", *spoofed)
    assert status == 200, body
    headers = {name.lower().replace("_", "-"): values for name, values in json.loads(body).items()}
    assert (headers["x-client-verify"], headers["x-client-subject"]) == (["SUCCESS"], ["CN=billing"])
    (certificate,) = headers["x-forwarded-client-cert"]
    assert certificate.startswith('Cert="-----BEGIN%20CERTIFICATE-----%0A')
    assert "admin" not in body
    assert outputs["plaintext"] == []


def test_every_other_client_does_not(guarded: tuple[Guarded, dict[str, Any]], figure: Figure) -> None:
    app, outputs = guarded
    mine = PARTNERS.client("billing")
    others = {
        "none": None,
        "foreign authority": FOREIGN.client("billing"),
        "ended": PARTNERS.client("billing", hours=-1),
        "of a server": PARTNERS.client("billing", server=True),
        "another name": tuple(outputs["shipping"]),
    }
    assert app.ask((mine.pem, mine.key_pem))[0] == 200
    seen = {}
    for name, other in others.items():
        identity = other if other is None or isinstance(other, tuple) else (other.pem, other.key_pem)
        seen[name], body = app.ask(identity)
        assert "Podinfo" not in body
    figure(", ".join(f"{name}: {status}" for name, status in seen.items()))
    assert seen == {"none": 400, "foreign authority": 400, "ended": 400, "of a server": 400, "another name": 403}


def test_probes_reach_the_app_without_a_certificate_and_nothing_else_does(guarded: tuple[Guarded, dict[str, Any]]) -> None:
    app, outputs = guarded
    namespace, billing = app.namespace, tuple(outputs["billing"])
    pod = namespace.get("pod", namespace.pod("podinfo"))
    container = next(c for c in pod["spec"]["containers"] if c["name"] == "podinfo")
    port, address = container["readinessProbe"]["httpGet"]["port"], pod["status"]["podIP"]
    code = ("-o", "/dev/null", "-w", "%{http_code}")
    assert app.client.curl(*code, f"http://{address}:{port}/readyz").out == "200"
    for options in (("/headers",), ("/readyz", "-X", "POST"), ("/readyz", "-d", "1"), ("/readyz", "-H", "Upgrade: h2c")):
        assert app.client.curl(*code, *options[1:], f"http://{address}:{port}{options[0]}").out == "404", options

    # the app itself says that it is not ready, behind a proxy that is
    assert app.ask(billing, "/readyz/disable", "-X", "POST")[0] == 202
    name = pod["metadata"]["name"]
    eventually(lambda: not ready(namespace.get("pod", name)), "the pod not Ready", timeout=30)
    # nobody is sent to it any more
    there = ("--connect-to", f"podinfo:9898:{address}:9898")
    assert app.ask(billing, "/readyz/enable", "-X", "POST", *there)[0] == 202
    eventually(lambda: ready(namespace.get("pod", name)), "the pod Ready again", timeout=30)
    assert {c["restartCount"] for c in statuses(namespace.get("pod", name)).values()} == {0}


CALL = """\
import ssl, sys, urllib.error, urllib.request
context = ssl.create_default_context(cafile="/peer-tls/ca.crt")
if sys.argv[2] == "with":
    context.load_cert_chain("/peer-tls/tls.crt", "/peer-tls/tls.key")
try:
    print(urllib.request.urlopen(sys.argv[1], context=context, timeout=10).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.mark.parametrize("namespace", ["restricted"], indirect=True)
def test_two_workloads_talk_to_each_other_with_nothing_but_the_graph_s_certificates(namespace: Namespace) -> None:
    scripts(namespace)

    def service(authority: CertificateAuthority, name: str, peer: str) -> None:
        client = authority.issue_client(name, ClientCertificateArgs(common_name=name, namespace=namespace.name))
        base = web(pre_stop_seconds=0)
        secret = {"name": "peer-tls", "secret": {"secretName": client.secret_name, "defaultMode": 0o440}}
        mount = {"name": "peer-tls", "mountPath": "/peer-tls", "readOnly": True}
        app = replace(base, name=name, volumes=(*base.volumes, secret), volume_mounts=(*base.volume_mounts, mount))
        tls = TlsAmbassadorArgs(
            service_name=name, namespace=namespace.name, authority=authority, client_auth="required", client_names=(peer,)
        )
        Workload(name, WorkloadArgs(app=app, patterns=[TlsAmbassador(f"{name}-tls", tls)], namespace=namespace.name))

    def program() -> None:
        authority = CertificateAuthority("shop")
        service(authority, "orders", "billing")
        service(authority, "billing", "orders")

    deploy(namespace, program)

    def call(caller: str, callee: str, how: str) -> str:
        done = namespace.exec(namespace.pod(caller), caller, "python3", "-c", CALL, f"https://{callee}.{namespace}.svc:8080/", how)
        assert done.code == 0, done.text
        return done.out.strip()

    for caller, callee in (("orders", "billing"), ("billing", "orders")):
        assert call(caller, callee, "with") == "200"
        assert call(caller, callee, "without") == "400"
        # it may be called by its peer alone, so not by itself
        assert call(caller, caller, "with") == "403"


def test_one_authority_takes_over_from_another_while_the_clients_of_both_get_through(namespace: Namespace) -> None:
    def program(issuing: str, *, both: bool) -> Callable[[], None]:
        def made() -> None:
            pems: dict[str, pulumi.Output[str]] = {}
            for name in sorted(("old", "new"), key=lambda name: name == issuing):
                # the one that issues comes last, and may trust the other
                others = tuple(pems.values()) if both else ()
                authority = CertificateAuthority(name, CertificateAuthorityArgs(previous_ca_pems=others))
                pems[name] = authority.ca_pem
                client = authority.issue_client(f"{name}-billing", ClientCertificateArgs(common_name="billing", namespace=namespace.name))
                pulumi.export(name, [client.certificate_pem, client.private_key_pem])
            tls = TlsAmbassadorArgs(
                service_name="podinfo", namespace=namespace.name, authority=authority, client_auth="required", client_names=("billing",)
            )
            Workload("podinfo", WorkloadArgs(app=podinfo(), patterns=[TlsAmbassador("tls", tls)], namespace=namespace.name))
            pulumi.export("bundle", authority.trust_bundle_pem)

        return made

    # first both are trusted, then the new one issues, then the old one is forgotten
    deployment = deploy(namespace, program("old", both=True))
    outputs, client = dict(deployment.outputs), Client(namespace)
    old, new = tuple(outputs["old"]), tuple(outputs["new"])
    app = Guarded(namespace, client, client.file("ca.pem", outputs["bundle"]))

    def statuses_are(*wanted: int) -> None:
        # the pod before this one may still be there for a moment
        eventually(lambda: (app.ask(old)[0], app.ask(new)[0]) == wanted, f"{wanted} for the old and the new", timeout=30)

    statuses_are(200, 200)
    deployment.up(program("new", both=True))
    statuses_are(200, 200)
    deployment.up(program("new", both=False))
    statuses_are(400, 200)
