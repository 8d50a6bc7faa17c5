"""Article, section 2: the TLS ambassador."""

import json
import secrets
from dataclasses import dataclass

import pulumi
import pytest
from cryptography import x509

from components.certificates import CertificateAuthority
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.presets.elasticsearch import elasticsearch
from components.workload import Workload, WorkloadArgs

from .client import Client
from .cluster import Namespace, eventually
from .deploy import deploy

PLAIN = "The plain HTTP request was sent to HTTPS port"
CANNOT_CONNECT, CANNOT_VERIFY = 7, 60
"""Exit codes of curl."""


@dataclass(frozen=True)
class Encrypted:
    """Elasticsearch behind TLS, and a client that has its certificate in `ca`."""

    namespace: Namespace
    client: Client
    ca_pem: str
    ca: str


@pytest.fixture(scope="module")
def encrypted(module_namespace: Namespace) -> Encrypted:
    namespace = module_namespace.name
    tls = TlsAmbassadorArgs(
        service_name="elasticsearch", namespace=namespace, dns_names=("search.example.com", "*.example.org"), ip_addresses=("192.0.2.10",)
    )

    def program() -> None:
        app = elasticsearch(pre_stop_seconds=0)
        workload = Workload("elasticsearch", WorkloadArgs(app=app, patterns=[TlsAmbassador("tls", tls)], namespace=namespace))
        pulumi.export("ca_pem", workload.ca_pem)
        pulumi.export("endpoints", workload.endpoints)

    deployment = deploy(module_namespace, program)
    assert deployment.outputs["endpoints"] == {"http": f"https://elasticsearch.{namespace}.svc:9200"}
    ca_pem = deployment.outputs["ca_pem"]
    client = Client(module_namespace)
    return Encrypted(module_namespace, client, ca_pem, client.file("ca.pem", ca_pem))


def is_banner(text: str) -> bool:
    return bool(json.loads(text)["version"]["number"] == "7.9.3")


def test_a_client_with_the_ca_verifies_the_service_name(encrypted: Encrypted) -> None:
    namespace = encrypted.namespace.name
    for host in ("", f".{namespace}", f".{namespace}.svc", f".{namespace}.svc.cluster.local"):
        answer = encrypted.client.curl("--cacert", encrypted.ca, f"https://elasticsearch{host}:9200")
        assert answer.code == 0, answer.text
        assert is_banner(answer.out)


def test_a_client_with_the_ca_verifies_every_name_and_address_in_the_certificate(encrypted: Encrypted) -> None:
    certificate = x509.load_pem_x509_certificate(encrypted.ca_pem.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    hosts = [str(name.value).replace("*", "any") for name in names]
    assert {"localhost", "127.0.0.1", "search.example.com", "any.example.org", "192.0.2.10"} < set(hosts)
    for host in hosts:
        answer = encrypted.client.curl("--cacert", encrypted.ca, "--connect-to", f"{host}:9200:elasticsearch:9200", f"https://{host}:9200")
        assert answer.code == 0, f"{host}: {answer.text}"
        assert is_banner(answer.out)


def test_a_client_with_the_ca_refuses_a_name_that_is_not_in_the_certificate(encrypted: Encrypted) -> None:
    answer = encrypted.client.curl("--cacert", encrypted.ca, "--connect-to", "other:9200:elasticsearch:9200", "https://other:9200")
    assert answer.code == CANNOT_VERIFY, answer.text


def test_a_client_that_does_not_verify_is_answered_too(encrypted: Encrypted) -> None:
    answer = encrypted.client.curl("-k", "https://elasticsearch:9200")
    assert answer.code == 0, answer.text
    assert is_banner(answer.out)


def test_a_client_without_the_ca_refuses(encrypted: Encrypted) -> None:
    answer = encrypted.client.curl("https://elasticsearch:9200")
    assert answer.code == CANNOT_VERIFY, answer.text


def test_plain_http_gets_nginx_s_400(encrypted: Encrypted) -> None:
    answer = encrypted.client.curl("-w", "%{http_code}", "http://elasticsearch:9200")
    assert answer.out.endswith("400"), answer.text
    assert PLAIN in answer.out


@pytest.mark.parametrize("port", [9201, 9300])
def test_the_app_s_own_ports_refuse_connections_from_outside_the_pod(encrypted: Encrypted, port: int) -> None:
    namespace = encrypted.namespace
    pod = namespace.pod("elasticsearch")
    # it listens there, or a refusal would prove nothing
    inside = namespace.exec(pod, "elasticsearch", "curl", "-sS", "--max-time", "1", f"telnet://127.0.0.1:{port}", stdin="")
    assert inside.code in (0, 28), inside.text
    answer = encrypted.client.curl(f"http://{namespace.get('pod', pod)['status']['podIP']}:{port}")
    assert answer.code == CANNOT_CONNECT, answer.text


def test_the_proxy_s_access_log_shows_the_request(encrypted: Encrypted) -> None:
    namespace, token = encrypted.namespace, secrets.token_hex(8)
    encrypted.client.curl("--cacert", encrypted.ca, f"https://elasticsearch:9200/?seen={token}")
    pod = namespace.pod("elasticsearch")
    eventually(lambda: f"GET /?seen={token}" in namespace.logs(pod, "nginx-proxy"), "the request in the access log", timeout=15)


def test_a_certificate_from_an_authority_is_verified_with_the_authority_s_own(namespace: Namespace) -> None:
    def program() -> None:
        authority = CertificateAuthority("ca")
        tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="elasticsearch", namespace=namespace.name, authority=authority))
        app = elasticsearch(pre_stop_seconds=0)
        Workload("elasticsearch", WorkloadArgs(app=app, patterns=[tls], namespace=namespace.name))
        pulumi.export("ca_pem", authority.ca_pem)

    deployment = deploy(namespace, program)
    client = Client(namespace)
    authority = x509.load_pem_x509_certificate(deployment.outputs["ca_pem"].encode())
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    answer = client.curl("--cacert", client.file("ca.pem", deployment.outputs["ca_pem"]), "https://elasticsearch:9200")
    assert answer.code == 0, answer.text
    assert is_banner(answer.out)
