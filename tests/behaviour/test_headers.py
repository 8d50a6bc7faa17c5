"""What an app reads of its client and of its outer address: only what the outermost ambassador says, whatever the client sends."""

import re
from contextlib import closing
from pathlib import Path

import pytest

from components.patterns.shared import headers
from tests.support.nginx_proxy import in_front_of_http

# of their own, not the library's: a name or a spelling that goes there must be missed here
NAMES = """
    X-Forwarded-For X-Real-IP X-Forwarded-Proto X-Forwarded-Host X-Forwarded-Port
    Forwarded Client-IP X-Client-IP X-Cluster-Client-IP True-Client-IP CF-Connecting-IP CF-Connecting-IPv6 Fastly-Client-IP Fly-Client-IP
    X-Azure-ClientIP X-Azure-SocketIP X-Envoy-External-Address X-Original-Forwarded-For X-Forwarded X-Forwarded-By
    Front-End-Https X-Forwarded-Protocol X-Forwarded-Scheme X-Forwarded-Server X-Forwarded-Ssl X-Host X-Original-Host X-Original-Proto
    X-Scheme X-Url-Scheme X-Forwarded-Path X-Forwarded-Prefix X-Forwarded-Uri X-Original-URI X-Original-URL X-Rewrite-URL X-Script-Name
    X-Forwarded-User X-Forwarded-Email X-Forwarded-Groups X-Forwarded-Preferred-Username X-Forwarded-Access-Token
    X-Auth-Request-User X-Auth-Request-Email X-Auth-Request-Groups X-Auth-Request-Preferred-Username X-Auth-Request-Access-Token
    X-Client-Verify X-Client-Subject X-Forwarded-Client-Cert
    Remote-User Remote-Email Remote-Groups Remote-Name X-Remote-User X-Remote-Group X-Authenticated-User X-WebAuth-User
    SSL-Client-Verify SSL-Client-Subject-DN SSL-Client-Cert X-SSL-Client-Verify X-SSL-Client-S-DN X-SSL-Client-Cert
""".split()


def spellings(name):
    """The name with dashes and underscores in every mixture."""
    return [""] if not name else [sign + rest for sign in ("-_" if name[0] == "-" else name[0]) for rest in spellings(name[1:])]


SPELLINGS = [spelled for name in NAMES for spelled in spellings(name)]


@pytest.fixture(scope="module", params=["HTTP/1.1", "HTTP/2"])
def http2(request):
    return request.param == "HTTP/2"


@pytest.fixture(scope="module")
def web(http2, tmp_path_factory):
    with in_front_of_http(tmp_path_factory.mktemp("web")) as (running, _):
        running.http2 = http2
        yield running


@pytest.fixture(scope="module")
def counted(http2, tmp_path_factory):
    """It counts the connections of each client: the request comes through another connection."""
    with in_front_of_http(tmp_path_factory.mktemp("counted"), max_connections_per_client=100, max_connections=500) as (running, _):
        running.http2 = http2
        yield running


@pytest.fixture(scope="module")
def behind_a_proxy(http2, tmp_path_factory):
    with in_front_of_http(tmp_path_factory.mktemp("trusting"), trusted_proxies=["127.0.0.0/8"]) as (running, _):
        running.http2 = http2
        yield running


@pytest.fixture(scope="module")
def behind_another(http2, tmp_path_factory):
    """It trusts a proxy, but not the one that connects."""
    with in_front_of_http(tmp_path_factory.mktemp("other"), trusted_proxies=["192.0.2.0/24", "2001:db8::/32"]) as (running, _):
        running.http2 = http2
        yield running


def said(running, **sent):
    """The headers in question that arrive, by lower-case name with dashes."""
    found = running.seen(headers={"Host": "shop.example:9200"} | sent)["headers"]
    known = {re.sub("[-_]", "-", name).lower() for name in SPELLINGS}
    return {name.lower(): value for name, value in found if re.sub("[-_]", "-", name).lower() in known}


PLAIN = {
    "x-forwarded-for": "127.0.0.1",
    "x-real-ip": "127.0.0.1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "shop.example:9200",
    "x-forwarded-port": "9200",
}


@pytest.mark.usefixtures("http2")
@pytest.mark.parametrize("which", ["web", "counted", "behind_another"])
def test_the_app_is_told_who_connects_and_by_which_address(which, request):
    assert said(request.getfixturevalue(which)) == PLAIN


@pytest.mark.usefixtures("http2")
@pytest.mark.parametrize("which", ["web", "counted", "behind_another"])
def test_nothing_that_a_client_says_arrives_in_any_spelling(which, request):
    running = request.getfixturevalue(which)
    for start in range(0, len(SPELLINGS), 40):
        forged = dict.fromkeys(SPELLINGS[start : start + 40], "forged.example")
        assert said(running, **forged) == PLAIN, forged


def test_what_a_trusted_proxy_says_arrives(behind_a_proxy):
    sent = {
        "X-Forwarded-For": "203.0.113.9, 198.51.100.7",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "outer.example",
        "X-Forwarded-Port": "8443",
        "Forwarded": 'for="[2001:db8::1]";proto=http',
        "X-Forwarded-Prefix": "/shop",
        "X-Forwarded-User": "alice",
    }
    assert said(behind_a_proxy, **sent) == {
        "x-forwarded-for": "203.0.113.9, 198.51.100.7, 127.0.0.1",
        # the last that no trusted proxy is
        "x-real-ip": "198.51.100.7",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "outer.example",
        "x-forwarded-port": "8443",
        "forwarded": 'for="[2001:db8::1]";proto=http',
        "x-forwarded-prefix": "/shop",
        "x-forwarded-user": "alice",
    }


def test_a_trusted_proxy_that_says_nothing_is_the_client(behind_a_proxy):
    assert said(behind_a_proxy) == PLAIN


@pytest.mark.parametrize(
    ("sent", "port"),
    [
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "outer.example"}, "443"),
        ({"X-Forwarded-Proto": "http", "X-Forwarded-Host": "outer.example"}, "80"),
        ({"X-Forwarded-Host": "outer.example:8443"}, "8443"),
        ({"X-Forwarded-Host": "[2001:db8::1]"}, "443"),
    ],
)
def test_the_port_follows_from_what_is_said(sent, port, behind_a_proxy):
    assert said(behind_a_proxy, **sent)["x-forwarded-port"] == port


def test_a_trusted_proxy_gets_no_underscores_through_either(behind_a_proxy):
    forged = {name: "forged.example" for name in SPELLINGS if "_" in name}
    assert said(behind_a_proxy, **dict(list(forged.items())[:40])) == PLAIN


@pytest.mark.parametrize(
    ("host", "port"), [("shop.example", "443"), ("shop.example:8443", "8443"), ("[2001:db8::1]", "443"), ("[2001:db8::1]:1", "1")]
)
def test_the_outer_port_is_that_of_the_host(host, port, web):
    assert said(web, Host=host)["x-forwarded-port"] == port


@pytest.mark.parametrize("inner", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_redirect_to_where_the_app_listens_leads_back_through_the_ambassador(inner, scheme, web):
    number = web.ambassador.port().number
    answer, _ = web.get(f"/redirect/{scheme}://{inner}:{number}/login?next=%2F", headers={"Host": "shop.example:9200"})
    assert answer.headers["Location"] == "https://shop.example:9200/login?next=%2F"


def test_a_redirect_to_elsewhere_is_left_alone(web):
    answer, _ = web.get("/redirect/http://127.0.0.1:1/x", headers={"Host": "shop.example:9200"})
    assert answer.headers["Location"] == "http://127.0.0.1:1/x"


@pytest.mark.usefixtures("http2")
@pytest.mark.parametrize("which", ["web", "counted"])
def test_a_client_of_http_1_0_need_not_say_the_host(which, request):
    running = request.getfixturevalue(which)
    with closing(running.socket()) as secure:
        secure.sendall(b"GET / HTTP/1.0\r\n\r\n")
        text = b"".join(iter(lambda: secure.recv(65536), b""))
    assert text.startswith(b"HTTP/1.1 200"), text
    assert f"localhost:{running.ambassador.port().outer_number}".encode() in text


@pytest.mark.parametrize(("name", "value"), [("X-Accel-Redirect", "/healthz"), ("X-Accel-Limit-Rate", "1"), ("X-Accel-Charset", "koi8-r")])
def test_what_the_app_says_to_a_proxy_is_not_obeyed(name, value, web):
    answer, body = web.get(f"/header/{name}/{value}")
    assert (answer.status, body) == (200, b"the app")
    assert "charset" not in (answer.headers["Content-Type"] or "")


def test_every_name_is_tried():
    assert {*headers.TRUSTING, *headers.UNSAID} == {*NAMES}


def test_the_page_names_every_header_that_is_set():
    page = (Path(__file__).parents[2] / "docs" / "headers.md").read_text(encoding="utf-8")
    assert [name for name in (*headers.TRUSTING, *headers.CERTIFICATE, *headers.HOP) if f"`{name}`" not in page] == []
