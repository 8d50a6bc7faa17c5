"""JwtAmbassador as it is rendered, run by the real oauth2-proxy, in front of a real server; tokens are really signed."""

import http.client
import json
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.testing import run
from tests.support.issuer import DISCOVERY, KEYS, Issuer, IssuerServer, issuing
from tests.support.jwt_proxy import LOGIN, Proxy, cookies, protected, started
from tests.support.servers import LOOPBACK, free_ports, serving
from tests.support.waiting import within

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """One for every test that only asks."""
    with protected(tmp_path_factory.mktemp("jwt"), public_routes=("GET /public", "OPTIONS /*", "GET /static/*")) as running:
        yield running


def test_a_valid_token_gets_through_and_the_app_is_told_who_asks(proxy: Proxy) -> None:
    token = proxy.issuer.token(groups=["readers", "writers"], preferred_username="ada.l")
    seen = proxy.seen("/", token=token)
    assert seen["x-forwarded-user"] == ["ada"]
    assert seen["x-forwarded-email"] == ["ada@example.com"]
    assert seen["x-forwarded-groups"] == ["readers,writers"]
    assert seen["x-forwarded-preferred-username"] == ["ada.l"]
    assert seen["x-forwarded-access-token"] == [token]


def test_a_token_for_several_audiences_gets_through_if_the_app_is_one(proxy: Proxy) -> None:
    assert proxy.status("/", token=proxy.issuer.token(aud=["other", "app"])) == 200


OTHER = Issuer("http://127.0.0.1:1")
REFUSED: dict[str, Callable[[Issuer], str | None]] = {
    "no token": lambda _: None,
    "no JWT": lambda _: "abc",
    "expired": lambda issuer: issuer.token(exp=int(time.time()) - 1),
    "without expiry": lambda issuer: issuer.token(exp=None),
    "not valid yet": lambda issuer: issuer.token(nbf=int(time.time()) + 3600),
    "wrong audience": lambda issuer: issuer.token(aud="other"),
    "without audience": lambda issuer: issuer.token(aud=None),
    "wrong issuer": lambda issuer: issuer.token(iss="https://evil.example.com"),
    "without issuer": lambda issuer: issuer.token(iss=None),
    "alg none": lambda issuer: issuer.token(header={"alg": "none"}),
    "alg none, with a signature": lambda issuer: f"{issuer.token(header={'alg': 'none'})}{issuer.token().rpartition('.')[2]}",
    "HS256 with the public key": lambda issuer: issuer.token(header={"alg": "HS256"}),
    "another key under the same name": lambda issuer: OTHER.token(iss=issuer.url),
    "another key under its own name": lambda issuer: OTHER.token(iss=issuer.url, header={"kid": "mine"}),
    "a key that it brings itself": lambda issuer: OTHER.token(iss=issuer.url, header={"jwk": OTHER.documents()[KEYS]["keys"][0]}),
    "changed claims": lambda issuer: ".".join(
        [issuer.token().split(".")[0], issuer.token(sub="root").split(".")[1], issuer.token().split(".")[2]]
    ),
    "unverified email": lambda issuer: issuer.token(email_verified=False),
    "cut": lambda issuer: issuer.token()[:-10],
}


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused_and_does_not_reach_the_app(proxy: Proxy, case: str) -> None:
    before = proxy.app.connections
    for path in ("/", "/?public", "/public/more", "/oauth2/userinfo"):
        answer, body = proxy.request(path, token=REFUSED[case](proxy.issuer))
        assert (answer.status, body) == (401, b"{}") or (path.startswith("/oauth2") and answer.status == 401)
    assert proxy.app.connections == before


def test_a_session_cookie_that_the_proxy_did_not_make_is_nothing(proxy: Proxy) -> None:
    assert proxy.status("/", headers={"Cookie": "_oauth2_proxy=eyJhbGciOiJub25lIn0|1700000000|abc"}) == 401


def test_a_public_route_needs_no_token_but_its_method_and_exact_path(proxy: Proxy) -> None:
    assert proxy.status("/public") == 200
    assert proxy.status("/public?a=b") == 200
    assert proxy.status("/public", token="abc") == 200
    assert proxy.status("/anything/at/all", "OPTIONS") == 501  # by the app, which knows no OPTIONS
    assert proxy.status("/static/css/site.css") == 200
    assert proxy.status("/public", "POST") == 401
    for path in ("/public/", "/publicity", "/Public", "/public%2Fmore", "/public%23", "/public%23/more", "/public%3Fmore", "/a/public"):
        assert proxy.status(path) == 401, path


@pytest.mark.parametrize(
    "path",
    [
        "/static/../admin",
        "/static/%2e%2e/admin",
        "/static/a%2F..%2F..%2Fadmin",
        "/static/%252e%252e/admin",
        "/static/..%5Cadmin",
        "/static/..;/admin",
        "/static/%23/../../admin",
        "/%23,*/_search",
        "//static/../admin",
        "/static%2F..%2Fadmin",
    ],
)
def test_no_way_leads_from_a_public_route_to_another(proxy: Proxy, path: str) -> None:
    # 301: cleaned, and asked for again
    before = proxy.app.connections
    answer, _ = proxy.request(path)
    assert answer.status in (301, 401)
    if answer.status == 301:
        assert proxy.status(str(answer.headers["Location"])) == 401
    assert proxy.app.connections == before


def test_what_the_app_s_probes_ask_for_is_open_to_get(proxy: Proxy) -> None:
    assert proxy.status("/ready?full=1") == 200
    assert proxy.status("/ready", "POST") == 401


@pytest.mark.parametrize("path", ["/public", "/"])
def test_identity_headers_of_the_client_do_not_reach_the_app(proxy: Proxy, path: str) -> None:
    names = ("User", "Email", "Groups", "Preferred-Username", "Access-Token")
    spellings = ("X-Forwarded-{}", "X_Forwarded_{}", "x-forwarded_{}", "x_forwarded-{}", "X-Auth-Request-{}", "X_Auth_Request_{}")
    forged = {spelling.format(name): "root" for spelling in spellings for name in names} | {"X_Forwarded_Preferred_Username": "root"}
    seen = proxy.seen(path, headers=forged, token=None if path == "/public" else proxy.issuer.token())
    assert "root" not in str(seen)
    assert ("x-forwarded-user" in seen) == (path == "/")


def test_a_path_arrives_untouched(proxy: Proxy) -> None:
    _, body = proxy.request("/a%2Fb/%E4%BD%A0?c=%2F", token=proxy.issuer.token())
    assert json.loads(body)["line"] == "GET /a%2Fb/%E4%BD%A0?c=%2F HTTP/1.1"


def test_a_large_body_passes_without_being_kept(proxy: Proxy) -> None:
    def memory() -> int:
        nginx, validator = (process.pid for process in proxy.running.processes.values())
        worker = Path(f"/proc/{nginx}/task/{nginx}/children").read_text().split()[0]
        found = [re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text()) for pid in (worker, validator)]
        return sum(int(match[1]) * 1024 for match in found if match)

    before = memory()
    answer, body = proxy.request("/_bulk", "POST", token=proxy.issuer.token(), body=bytes(60 * MEGABYTE))
    assert (answer.status, json.loads(body)["length"]) == (200, 60 * MEGABYTE)
    assert memory() - before < 20 * MEGABYTE


def test_a_large_body_without_a_token_is_neither_kept_nor_passed_on(proxy: Proxy) -> None:
    # /tmp has room for one megabyte
    before = proxy.app.connections
    with closing(http.client.HTTPConnection(LOOPBACK, proxy.number, timeout=20)) as client:
        client.putrequest("POST", "/_bulk")
        client.putheader("Content-Length", str(60 * MEGABYTE))
        client.endheaders()
        with suppress(OSError):
            client.send(bytes(60 * MEGABYTE))
        assert client.getresponse().status == 401
    assert proxy.app.connections == before


def test_what_it_prints_when_it_starts_is_no_warning_and_no_error(proxy: Proxy) -> None:
    assert not re.search(r"\[(warn|error|crit)\]", proxy.running.said("jwt-proxy"))


def test_requests_are_logged_with_their_user(proxy: Proxy) -> None:
    assert proxy.status("/logged", token=proxy.issuer.token()) == 200
    assert proxy.status("/logged-too") == 401
    for user, request in (("ada", "GET /logged HTTP/1.1"), ("-?", "GET /logged-too HTTP/1.1")):
        line = rf'127\.0\.0\.1 - "{user}" \[.*\] "{re.escape(request)}" {200 if user == "ada" else 401}'
        within(5, lambda line=line: re.search(line, proxy.running.said("jwt-proxy")))


def test_while_it_drains_each_answer_closes_its_connection_and_still_needs_a_token(tmp_path: Path) -> None:
    with protected(tmp_path) as proxy:
        assert proxy.request(token=proxy.issuer.token())[0].headers["Connection"] == "keep-alive"
        proxy.running.pre_stop("jwt-proxy")
        answer, _ = proxy.request(token=proxy.issuer.token())
        assert (answer.status, answer.headers["Connection"]) == (200, "close")
        assert proxy.status() == 401


def test_without_its_validator_nobody_gets_through(tmp_path: Path) -> None:
    with protected(tmp_path) as proxy:
        token = proxy.issuer.token()
        proxy.running.processes["jwt-proxy-validator"].kill()
        proxy.running.processes["jwt-proxy-validator"].wait()
        before = proxy.app.connections
        assert proxy.status(token=token) == 500
        assert proxy.app.connections == before
        # what needs no token goes on, and the kubelet sees which of the two is down
        assert proxy.status("/ready") == 200
        with closing(http.client.HTTPConnection(LOOPBACK, proxy.number + 5, timeout=20)) as client:
            for path, status in (("/healthz", 200), ("/validator", 502)):
                client.request("GET", path)
                answer = client.getresponse()
                answer.read()
                assert answer.status == status


def test_the_beginning_of_an_answer_arrives_at_once_and_before_its_end_is_there(proxy: Proxy) -> None:
    waits = []
    for _ in range(3):
        proxy.app.go_on.clear()
        with closing(http.client.HTTPConnection(LOOPBACK, proxy.number, timeout=20)) as client:
            begun = time.monotonic()
            client.request("GET", "/two-parts", headers={"Authorization": f"Bearer {proxy.issuer.token()}"})
            answer = client.getresponse()
            assert answer.read(6) == b"first "
            waits.append(time.monotonic() - begun)
            proxy.app.go_on.set()
            assert answer.read() == b"second"
    # by itself it would keep what arrives for a second
    assert min(waits) < 0.5


def test_an_app_that_hangs_up_on_kept_connections_costs_no_request_if_none_is_kept(tmp_path: Path) -> None:
    with protected(tmp_path, upstream_idle_seconds=0) as proxy:
        token = proxy.issuer.token()
        assert [proxy.status("/hang-up-on-the-second", "POST", token=token, body=b"x") for _ in range(5)] == [200] * 5


def test_only_the_allowed_groups_get_through(tmp_path: Path) -> None:
    with protected(tmp_path, allowed_groups=("cn=ops,ou=groups", "readers"), groups_claim="roles") as proxy:
        assert proxy.status("/", token=proxy.issuer.token(roles=["x", "readers"])) == 200
        assert proxy.status("/", token=proxy.issuer.token(roles="cn=ops,ou=groups")) == 200
        assert proxy.status("/", token=proxy.issuer.token(roles=["cn=ops"])) == 403
        assert proxy.status("/", token=proxy.issuer.token(groups=["readers"])) == 403
        assert proxy.status("/", token=proxy.issuer.token(roles=[])) == 403
        assert proxy.status("/") == 401


def test_further_audiences_are_accepted(tmp_path: Path) -> None:
    with protected(tmp_path, extra_audiences=("api,v2",)) as proxy:
        assert proxy.status("/", token=proxy.issuer.token(aud="api,v2")) == 200
        assert proxy.status("/", token=proxy.issuer.token(aud="api")) == 401


def test_a_new_key_of_the_issuer_is_followed_and_the_old_one_forgotten(tmp_path: Path) -> None:
    with protected(tmp_path) as proxy:
        old = proxy.issuer.token()
        assert proxy.status("/", token=old) == 200
        proxy.issuer.rotate()
        assert proxy.status("/", token=proxy.issuer.token()) == 200
        assert proxy.status("/", token=old) == 401


def test_an_app_that_takes_longer_than_it_may_is_a_504(tmp_path: Path) -> None:
    with protected(tmp_path, timeout_seconds=1) as proxy:
        assert proxy.status("/sleep/3", token=proxy.issuer.token()) == 504
        assert proxy.status("/sleep/0.2", token=proxy.issuer.token()) == 200


def test_without_its_issuer_it_does_not_start_and_says_so(tmp_path: Path) -> None:
    number = free_ports(1)
    said = f"error while discovery OIDC configuration.*127.0.0.1:{number}"
    with pytest.raises(AssertionError, match=said), started(tmp_path, Issuer(f"http://{LOOPBACK}:{number}")):
        pytest.fail("it has started")


def test_with_the_address_of_the_keys_it_starts_before_the_issuer(tmp_path: Path) -> None:
    number = free_ports(1)
    issuer = Issuer(f"http://{LOOPBACK}:{number}")
    with started(tmp_path, issuer, jwks_url=issuer.url + KEYS) as proxy:
        assert proxy.status("/", token=issuer.token()) == 401
        with issuing(number) as server:
            assert proxy.status("/", token=server.issuer.token()) == 200
            assert server.asked == [KEYS]


def certificate(directory: Path) -> tuple[ssl.SSLContext, str]:
    """A certificate for localhost, and what verifies it."""
    made = run(lambda: TlsAmbassador("tls", TlsAmbassadorArgs(service_name="localhost"))).one("Secret").inputs["stringData"]
    for name in ("tls.crt", "tls.key"):
        (directory / name).write_text(made[name])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
    return context, made["ca.crt"]


def test_an_issuer_is_verified_with_the_authority_that_is_given(tmp_path: Path) -> None:
    number = free_ports(1)
    context, ca = certificate(tmp_path)
    _, foreign = certificate(tmp_path)
    server = IssuerServer(number)
    server.issuer.url = f"https://{LOOPBACK}:{number}"
    server.socket = context.wrap_socket(server.socket, server_side=True)
    for name in ("good", "foreign"):
        (tmp_path / name).mkdir()
    with serving(server):
        with started(tmp_path / "good", server.issuer, ca_pem=ca) as proxy:
            assert proxy.status("/", token=server.issuer.token()) == 200
        with (
            pytest.raises(AssertionError, match="certificate signed by unknown authority"),
            started(tmp_path / "foreign", server.issuer, ca_pem=foreign),
        ):
            pytest.fail("it has started")


def test_a_browser_is_sent_to_the_issuer_and_comes_back_with_a_session(tmp_path: Path) -> None:
    with protected(tmp_path, secrets={"client-secret": "s3cret"}, **LOGIN) as proxy:
        answer, _ = proxy.request("/page?a=b")
        assert answer.status == 302
        sent = urlsplit(answer.headers["Location"])
        asked = {name: values[0] for name, values in parse_qs(sent.query).items()}
        assert f"{sent.scheme}://{sent.netloc}{sent.path}" == f"{proxy.issuer.url}/login"
        assert (asked["client_id"], asked["redirect_uri"]) == ("app", LOGIN["redirect_url"])
        assert asked["code_challenge_method"] == "S256"
        # the issuer's part: the code stands for a token with the nonce
        back = urlencode({"state": asked["state"], "code": asked["nonce"]})
        stolen, _ = proxy.request(f"/oauth2/callback?{back}")
        assert stolen.status == 403
        arrived, _ = proxy.request(f"/oauth2/callback?{back}", headers=cookies(answer))
        assert (arrived.status, arrived.headers["Location"]) == (302, "/page?a=b")
        seen = proxy.seen("/", headers=cookies(arrived))
        assert seen["x-forwarded-email"] == ["ada@example.com"]
        # a program with a token is no browser
        assert proxy.status("/", token=proxy.issuer.token()) == 200
        assert proxy.status("/", token=proxy.issuer.token(aud="other")) == 403


def test_a_login_with_another_nonce_is_refused(tmp_path: Path) -> None:
    with protected(tmp_path, secrets={"client-secret": "s3cret"}, **LOGIN) as proxy:
        answer, _ = proxy.request("/")
        asked = parse_qs(urlsplit(answer.headers["Location"]).query)
        back = urlencode({"state": asked["state"][0], "code": "replayed"})
        arrived, _ = proxy.request(f"/oauth2/callback?{back}", headers=cookies(answer))
        assert arrived.status in (403, 500)
        assert proxy.status("/", headers=cookies(arrived)) == 302


def test_discovery_is_what_the_issuer_is_asked_for(tmp_path: Path) -> None:
    with issuing(free_ports(1)) as server, started(tmp_path, server.issuer) as proxy:
        assert server.asked == [DISCOVERY]
        for _ in range(3):
            assert proxy.status("/", token=server.issuer.token()) == 200
        assert server.asked == [DISCOVERY, KEYS]


def test_it_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with ExitStack() as stack:
        proxy = stack.enter_context(protected(tmp_path))
        # as the kubelet does it: the last of the sidecars first
        for process in reversed(proxy.running.processes.values()):
            process.terminate()
            assert process.wait(timeout=10) == 0
