"""TlsAmbassador with client certificates, run by the real nginx: who gets through, who does not, and what the server behind is told."""

import json
import socket
import ssl
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import crossplane
import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type

from components.certificates import CertificateAuthority, ClientCertificateArgs
from components.core.app import Port
from components.patterns.shared.headers import CERTIFICATE as CERTIFICATE_IDENTITY
from components.testing import run
from tests.support.clients import CN, OU, Authority, Certificate, O, subject
from tests.support.nginx_proxy import HTTP, TCP, Proxy, Rendered, programs, proxy, rendered
from tests.support.sandbox import sandbox
from tests.support.servers import EchoServer, HttpServer, serving

CLIENTS, FOREIGN = Authority(), Authority()
NAMED: dict[str, Any] = {"client_auth": "required", "client_ca_pems": (CLIENTS.pem,), "client_names": ("billing", "front end")}
PROBES = {
    "startup_probe": {"httpGet": {"path": "/ready", "port": "http"}},
    "readiness_probe": {"httpGet": {"path": "/ready", "port": "http"}},
    "liveness_probe": {"httpGet": {"path": "/_cluster/health?local=true&a=b%2Fc", "port": "http"}},
}
NOT_SENT, WRONG = "No required SSL certificate was sent", "The SSL certificate error"

Ask = Callable[..., tuple[int, str]]


def context(running: Proxy, directory: Path, certificate: Certificate | None) -> ssl.SSLContext:
    trusting = running.trust()
    if certificate:
        file = directory / "client.pem"
        file.write_text(certificate.pem + certificate.key_pem)
        trusting.load_cert_chain(file)
    return trusting


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Status and body of the answer to a client with that certificate; `headers` go along."""

    def answer(running: Proxy, certificate: Certificate | None, headers: list[tuple[str, str]] | None = None) -> tuple[int, str]:
        with closing(running.client()) as client:
            client._context = context(running, tmp_path, certificate)  # type: ignore[attr-defined]
            client.putrequest("GET", "/who")
            for name, value in headers or ():
                client.putheader(name, value)
            client.endheaders()
            came = client.getresponse()
            return came.status, came.read().decode()

    return answer


def identity(answer: tuple[int, str]) -> list[tuple[str, str]]:
    """Every header, of those that the server behind saw, that could be taken for one about the client's identity."""
    assert answer[0] == 200, answer
    known = {name.lower() for name in CERTIFICATE_IDENTITY}
    return sorted((n, v) for n, v in json.loads(answer[1])["headers"] if n.lower().replace("_", "-") in known)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A certificate and one of two names are required."""
    ambassador = rendered(HTTP, probes=PROBES, **NAMED)
    with serving(HttpServer(ambassador.port().number)), proxy(tmp_path_factory.mktemp("web"), ambassador) as running:
        yield running


@pytest.fixture(scope="module")
def optional(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """The same, but one may come without a certificate."""
    ambassador = rendered(HTTP, probes=PROBES, **{**NAMED, "client_auth": "optional"})
    with serving(HttpServer(ambassador.port().number)), proxy(tmp_path_factory.mktemp("optional"), ambassador) as running:
        yield running


# the configuration as such

EVERY_KIND = [
    pytest.param((HTTP,), NAMED, id="required"),
    pytest.param((HTTP,), {**NAMED, "client_auth": "optional"}, id="optional"),
    pytest.param((HTTP,), {**NAMED, "client_names": ()}, id="any name"),
    pytest.param((HTTP,), {**NAMED, "client_names": tuple(f"a.b@c:d/e-{n} _" + "x" for n in range(200))}, id="many names"),
    pytest.param((TCP,), {**NAMED, "client_names": ()}, id="tcp"),
    pytest.param((HTTP,), {**NAMED, "client_names": (), "mode": "tcp"}, id="http carried as tcp"),
    pytest.param(
        (HTTP, TCP), {**NAMED, "client_names": (), "ip_families": ("IPv4", "IPv6"), "access_log": False}, id="several, and other arguments"
    ),
]


@pytest.mark.parametrize(("ports", "arguments"), EVERY_KIND)
def test_nginx_accepts_the_configuration_without_a_warning(ports: tuple[Port, ...], arguments: dict[str, Any], tmp_path: Path) -> None:
    ambassador = rendered(*ports, probes=PROBES if ports[0] is HTTP else {}, **arguments)
    check = ["nginx", "-e", "stderr", "-c", "/etc/nginx-proxy/nginx.conf", "-t"]
    with sandbox(tmp_path, check, files=ambassador.files, programs=programs()) as process:
        status = process.wait(10)
    said = (tmp_path / "stderr").read_text()
    assert status == 0, said
    assert "[" not in said, said


@pytest.mark.parametrize(("ports", "arguments"), EVERY_KIND)
def test_every_directive_is_known_and_where_it_belongs(ports: tuple[Port, ...], arguments: dict[str, Any], tmp_path: Path) -> None:
    file = rendered(*ports, probes=PROBES if ports[0] is HTTP else {}, **arguments).configuration(tmp_path)
    blocks = [block for top in crossplane.parse(str(file))["config"][0]["parsed"] for block in top.get("block", ())]
    # the one thing that it does not know is the inside of a map
    inside = [line["directive"] for block in blocks if block["directive"] == "map" for line in block["block"]]
    parsed = crossplane.parse(str(file), strict=True, ignore=inside)
    assert (parsed["status"], parsed["errors"]) == ("ok", [])


# who gets through


def test_a_client_with_the_right_certificate_gets_through_and_the_server_is_told_who_it_is(web: Proxy, ask: Ask) -> None:
    certificate = CLIENTS.client(subject((O, 'Acme, "Inc."'), (OU, "Größe"), (CN, "billing")))
    forwarded = dict(identity(ask(web, certificate)))
    assert forwarded.pop("X-Client-Verify") == "SUCCESS"
    assert forwarded.pop("X-Client-Subject") == r"CN=billing,OU=Gr\C3\B6\C3\9Fe,O=Acme\, \"Inc.\""
    name, quoted = forwarded.pop("X-Forwarded-Client-Cert").split("=", 1)
    assert (name, quoted[0], quoted[-1]) == ("Cert", '"', '"')
    assert urllib.parse.unquote(quoted[1:-1]).strip() == certificate.pem.strip()
    assert not forwarded


def test_a_client_without_a_certificate_does_not(web: Proxy, ask: Ask) -> None:
    status, body = ask(web, None)
    assert (status, NOT_SENT in body) == (400, True), body


BAD = {
    "of a foreign authority of the same name": FOREIGN.client("billing"),
    "that has ended": CLIENTS.client("billing", hours=-1),
    "that is not valid yet": CLIENTS.client("billing", hours=72),
    "of a server": CLIENTS.client("billing", server=True),
    "below a foreign authority": Authority(FOREIGN).client("billing"),
}


@pytest.mark.parametrize("certificate", BAD.values(), ids=BAD.keys())
def test_a_client_with_a_certificate_that_is_not_good_does_not(certificate: Certificate, web: Proxy, optional: Proxy, ask: Ask) -> None:
    for running in (web, optional):
        status, body = ask(running, certificate)
        assert (status, WRONG in body) == (400, True), body


def test_a_client_of_an_authority_below_the_trusted_one_gets_through(web: Proxy, ask: Ask) -> None:
    assert ask(web, Authority(Authority(CLIENTS)).client("billing"))[0] == 200


GOOD_NAMES = {
    "with a space": subject((CN, "front end")),
    "among other attributes": subject((O, "Acme"), (OU, "a"), (OU, "b"), (CN, "billing"), (x509.NameOID.USER_ID, "7")),
    "in one part with another": subject((O, "Acme"), [(CN, "billing"), (OU, "x")]),
    "beside one that only looks like it": subject((OU, "CN=evil,CN=evil"), (CN, "billing"), (O, "x\\")),
    "in another encoding": x509.Name([x509.NameAttribute(CN, "billing", _ASN1Type.BMPString)]),
}


@pytest.mark.parametrize("name", GOOD_NAMES.values(), ids=GOOD_NAMES.keys())
def test_an_allowed_common_name_gets_through(name: x509.Name, web: Proxy, ask: Ask) -> None:
    assert ask(web, CLIENTS.client(name))[0] == 200


CHEATS = {
    "another": subject((CN, "shipping")),
    "longer": subject((CN, "billing2")),
    "shorter": subject((CN, "billin")),
    "in capitals": subject((CN, "Billing")),
    "none": subject((O, "billing")),
    "no subject": subject(),
    "two, good last": subject((CN, "evil"), (CN, "billing")),
    "two, good first": subject((CN, "billing"), (CN, "evil")),
    "two good ones": subject((CN, "billing"), (CN, "billing")),
    "two in one part": subject([(CN, "billing"), (CN, "evil")]),
    "in another attribute": subject((OU, "CN=billing")),
    "in another attribute, after a comma": subject((CN, "evil"), (OU, "x,CN=billing")),
    "in another attribute, after a plus": subject((CN, "evil"), (OU, "x+CN=billing")),
    "in another attribute, after a backslash": subject((CN, "evil"), (OU, "x\\,CN=billing")),
    "before a comma": subject((CN, "billing,O=x")),
    "before a plus": subject((CN, "billing+O=x")),
    "after a backslash": subject((CN, "evil\\"), (O, "CN=billing")),
    "before NUL": subject((CN, "billing\0.evil")),
    "before a new line": subject((CN, "billing\n")),
    "before a space": subject((CN, "billing ")),
    "both": subject((CN, "billing|front end")),
    "as an unknown attribute": subject((x509.ObjectIdentifier("1.2.3.4"), "billing"), (O, "CN=billing")),
    "after a comma in an unknown attribute": subject((x509.ObjectIdentifier("1.2.3.4"), "x,CN=billing")),
}


@pytest.mark.parametrize("name", CHEATS.values(), ids=CHEATS.keys())
def test_any_other_name_does_not_however_it_is_written(name: x509.Name, web: Proxy, optional: Proxy, ask: Ask) -> None:
    for running in (web, optional):
        assert ask(running, CLIENTS.client(name))[0] == 403


def test_without_names_every_client_of_the_authority_gets_through(tmp_path: Path, ask: Ask) -> None:
    ambassador = rendered(HTTP, **{**NAMED, "client_names": ()})
    with serving(HttpServer(ambassador.port().number)), proxy(tmp_path, ambassador) as running:
        assert ask(running, CLIENTS.client("anybody"))[0] == 200
        assert ask(running, CLIENTS.client(subject()))[0] == 200
        assert ask(running, FOREIGN.client("anybody"))[0] == 400
        assert ask(running, None)[0] == 400


def test_where_it_is_optional_a_client_without_a_certificate_gets_through_as_nobody(optional: Proxy, ask: Ask) -> None:
    assert identity(ask(optional, None)) == [("X-Client-Verify", "NONE")]
    named = dict(identity(ask(optional, CLIENTS.client("billing"))))
    assert (named["X-Client-Verify"], named["X-Client-Subject"]) == ("SUCCESS", "CN=billing")


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_no_session_is_resumed_so_that_every_connection_is_verified(version: str, web: Proxy, tmp_path: Path) -> None:
    trusting = context(web, tmp_path, CLIENTS.client("billing"))
    trusting.minimum_version = trusting.maximum_version = ssl.TLSVersion[version]
    session = None
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", web.ambassador.port().outer_number), timeout=5) as plain:
            try:
                connection = trusting.wrap_socket(plain, server_hostname="localhost", session=session)
            except ValueError:
                # there is no session to resume
                connection = trusting.wrap_socket(plain, server_hostname="localhost")
            with connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n")
                assert connection.recv(65536).startswith(b"HTTP/1.1 200")
                assert connection.session_reused is False
                session = connection.session


# headers


def spoofed() -> list[tuple[str, str]]:
    """Every way to write the headers, with what a client would like to be."""
    ways = []
    for name in CERTIFICATE_IDENTITY:
        parts = name.split("-")
        for bits in range(2 ** (len(parts) - 1)):
            spelled = parts[0] + "".join(("-", "_")[bits >> index & 1] + part for index, part in enumerate(parts[1:]))
            ways += [(spelled, "SUCCESS spoofed"), (spelled.upper(), "CN=spoofed"), (spelled.lower(), "spoofed")]
    return ways


def test_identity_headers_of_the_client_itself_do_not_arrive_however_they_are_written(web: Proxy, optional: Proxy, ask: Ask) -> None:
    assert len(spoofed()) == 3 * (4 + 4 + 8)
    billing = CLIENTS.client("billing")
    assert identity(ask(web, billing, spoofed())) == identity(ask(web, billing))
    assert identity(ask(optional, None, spoofed())) == [("X-Client-Verify", "NONE")]
    status, body = web.plain(probe_port(web), "/ready", headers=dict(spoofed()))
    assert identity((status, body.decode())) == []


def test_other_headers_with_underscores_still_arrive(web: Proxy, ask: Ask) -> None:
    seen = json.loads(ask(web, CLIENTS.client("billing"), [("api_key", "1"), ("X_Client", "2")])[1])["headers"]
    assert (["api_key", "1"] in seen, ["X_Client", "2"] in seen) == (True, True)


def test_the_log_says_who_asked_and_why_not(web: Proxy, ask: Ask) -> None:
    ask(web, CLIENTS.client(subject((O, 'A"b'), (CN, "billing"))))
    line = next(line for line in web.log(r"CN=billing,O=A").splitlines() if "CN=billing,O=A" in line)
    assert (line.startswith("127.0.0.1 - "), line.endswith('"SUCCESS"'), '"GET /who HTTP/1.1" 200 ' in line) == (True, True, True)
    ask(web, CLIENTS.client("late", hours=-1))
    line = next(line for line in web.log('"CN=late"').splitlines() if '"CN=late"' in line)
    assert line.endswith('"FAILED:certificate has expired"')


# one authority takes over from another


def test_while_an_authority_replaces_another_the_clients_of_both_get_through(tmp_path: Path, ask: Ask) -> None:
    old, new = Authority(), Authority()
    # as a file may be: without a line break at its end
    for pems, passes in (((new.pem.strip(), old.pem.strip()), (200, 200)), ((new.pem,), (400, 200))):
        ambassador = rendered(HTTP, client_auth="required", client_ca_pems=pems)
        directory = tmp_path / str(len(pems))
        directory.mkdir()
        with serving(HttpServer(ambassador.port().number)), proxy(directory, ambassador) as running:
            assert (ask(running, old.client("billing"))[0], ask(running, new.client("billing"))[0]) == passes


def test_the_graph_s_own_authority_vouches_for_its_clients(tmp_path: Path, ask: Ask) -> None:
    def program() -> None:
        CertificateAuthority("ca").issue_client("billing", ClientCertificateArgs(common_name="billing"))

    recording = run(program)
    files = recording.one("Secret", "billing-certificate").inputs["stringData"]
    ambassador = rendered(HTTP, **{**NAMED, "client_ca_pems": (files["ca.crt"],)})
    with serving(HttpServer(ambassador.port().number)), proxy(tmp_path, ambassador) as running:
        assert ask(running, Certificate(files["tls.crt"], files["tls.key"]))[0] == 200


# probes, for which the kubelet has no certificate


def probe_port(running: Proxy, name: str = "http") -> int:
    front = running.ambassador.port(name).frontend
    assert front
    assert front.probe_scheme == "HTTP"
    return front.probe_number


def test_the_kubelet_gets_through_to_the_app_with_the_very_requests_of_its_probes(web: Proxy) -> None:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        handler = web.ambassador.pod.spec["containers"][0][probe]["httpGet"]
        assert handler["port"] == probe_port(web)
        assert handler.get("scheme", "HTTP") == "HTTP"
        status, body = web.plain(handler["port"], handler["path"], headers={"User-Agent": "kube-probe/1.36"})
        assert status == 200
        seen = json.loads(body)
        assert seen["line"] == f"GET {handler['path']} HTTP/1.1"
        # so that an app that wants https does not answer with a redirect
        assert ["X-Forwarded-Proto", "https"] in seen["headers"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/who",
        "/healthz",
        "/READY",
        "/ready/",
        "/ready?a",
        "/ready%20",
        "//ready",
        "/x/../ready",
        "/%72eady",
        "/ready/../who",
        "/readyz",
        "/_cluster/health",
        "/_cluster/health?local=true&a=b/c",
        "/_cluster/health?local=true&a=b%2Fc&x",
    ],
)
def test_with_any_other_path_nobody_gets_round_the_certificate(path: str, web: Proxy) -> None:
    assert web.plain(probe_port(web), path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "OPTIONS", "DELETE"])
def test_nor_with_another_method(method: str, web: Proxy) -> None:
    assert web.plain(probe_port(web), "/ready", method)[0] in (404, 405)


@pytest.mark.parametrize(
    "request_",
    [
        {"body": b"1"},
        {"headers": {"Transfer-Encoding": "chunked"}, "body": [b"1"]},
        {"headers": {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA"}},
        {"headers": {"Connection": "Upgrade", "Upgrade": "websocket"}},
    ],
    ids=["body", "chunks", "h2c", "websocket"],
)
def test_nor_with_a_body_or_an_upgrade_to_another_protocol(request_: dict[str, Any], web: Proxy) -> None:
    assert web.plain(probe_port(web), "/ready", **request_)[0] == 404


def test_a_dead_app_fails_its_probes_while_nginx_itself_is_healthy(tmp_path: Path) -> None:
    with proxy(tmp_path, rendered(HTTP, probes=PROBES, **NAMED)) as running:
        assert running.plain(probe_port(running), "/ready")[0] == 502
        assert running.health() == (200, b"ok\n")


def two_ports() -> Rendered:
    metrics = replace(HTTP, name="http-prometheus", probe_paths=("/healthz",))
    liveness = {"liveness_probe": {"httpGet": {"path": "/healthz", "port": "http"}}}
    return rendered(HTTP, metrics, probes=liveness, client_auth="required", client_ca_pems=(CLIENTS.pem,))


def test_each_port_has_probes_of_its_own_even_with_the_same_path(tmp_path: Path) -> None:
    ambassador = two_ports()
    with ExitStack() as stack:
        running = stack.enter_context(proxy(tmp_path, ambassador))
        assert probe_port(running) != probe_port(running, "http-prometheus")
        for name, others in (("http", "http-prometheus"), ("http-prometheus", "http")):
            # nginx's own answer is another than theirs
            assert running.health() == (200, b"ok\n")
            with serving(HttpServer(ambassador.port(name).number)):
                assert running.plain(probe_port(running, name), "/healthz")[0] == 200
                assert running.plain(probe_port(running, others), "/healthz")[0] == 502


def test_probes_of_an_optional_client_go_through_tls_without_a_certificate(optional: Proxy) -> None:
    handler = optional.ambassador.pod.spec["containers"][0]["readinessProbe"]["httpGet"]
    assert (handler["scheme"], handler["port"]) == ("HTTPS", optional.ambassador.port().outer_number)
    assert optional.get(handler["path"])[0].status == 200


# other protocols


@pytest.mark.parametrize("auth", ["required", "optional"])
def test_tcp_mode_lets_only_good_certificates_through(auth: str, tmp_path: Path) -> None:
    ambassador = rendered(TCP, client_auth=auth, client_ca_pems=(CLIENTS.pem,))
    with serving(EchoServer(ambassador.port("redis").number)), proxy(tmp_path, ambassador) as running:

        def echo(certificate: Certificate | None) -> bytes:
            try:
                with running.socket("redis", context(running, tmp_path, certificate)) as connection:
                    connection.sendall(b"hello")
                    return connection.recv(5)
            except (ssl.SSLError, ConnectionError):
                return b""

        assert echo(CLIENTS.client("anybody")) == b"hello"
        assert echo(None) == (b"" if auth == "required" else b"hello")
        for certificate in BAD.values():
            assert echo(certificate) == b""


def test_an_http_app_carried_as_tcp_is_probed_by_http_all_the_same(tmp_path: Path) -> None:
    ambassador = rendered(HTTP, probes=PROBES, mode="tcp", client_auth="required", client_ca_pems=(CLIENTS.pem,))
    with serving(HttpServer(ambassador.port().number)), proxy(tmp_path, ambassador) as running:
        assert running.plain(probe_port(running), "/ready")[0] == 200
        assert running.plain(probe_port(running), "/who")[0] == 404
