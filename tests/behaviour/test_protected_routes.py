"""`protected_routes` of JwtAmbassador, by the real nginx: no spelling of a protected path gets through without a token."""

import json
import posixpath
import random
import re
import socket
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.jwt_proxy import Proxy, protected
from tests.support.servers import LOOPBACK

ROUTES = ("/admin", "/api/v1/*", "/a.b-c/d/", "/")
CLOSED = re.compile(r"/?|/admin|/api/v1(/.*)?|/a\.b-c/d")

# what servers and frameworks do to a path before they look for its handler; some of these, in any order, and more than once
HABITS: dict[str, Callable[[str], str]] = {
    "query and fragment, once decoded": lambda path: re.split("[?#]", path)[0],
    "UTF-8": lambda path: path.encode("latin-1", "ignore").decode(errors="replace"),
    "escapes": lambda path: unquote(path, errors="replace"),
    "the Windows separator": lambda path: path.replace("\\", "/"),
    "matrix parameters (Tomcat, Spring)": lambda path: re.sub(";[^/]*", "", path),
    "dot segments": lambda path: posixpath.normpath(path) + ("/" if re.search(r"/\.{0,2}$", path) else ""),
    "empty segments": lambda path: re.sub("/+", "/", path),
    "a slash at the end": lambda path: path.rstrip("/"),
    "a format at the end (Rails, Spring)": lambda path: re.sub(r"(?<=[^/])\.[^./]*(/?)$", r"\1", path),
    "dots, spaces and NUL at the end of a segment": lambda path: re.sub(r"[\s.\0]+(?=/|$)", "", re.sub("\0.*", "", path)),
    "large and small letters": lambda path: path.casefold(),
    "compatible characters": lambda path: unicodedata.normalize("NFKC", path),
    "a plus for a space": lambda path: path.replace("+", " "),
}


def readings(path: str) -> set[str]:
    """Every path that some app may take this one for; everybody cuts the query first."""
    path = path.partition("?")[0]
    found, new = {path}, {path}
    while new:
        new = {habit(one) for one in new for habit in HABITS.values()} - found
        found |= new
    return found


def may_be_closed(path: str) -> bool:
    return any(CLOSED.fullmatch(reading) for reading in readings(path))


# 301: cleaned by the validator, and to be asked for again; 400: of a path that is none
REFUSED = (301, 400, 401)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """One for every test that only asks."""
    with protected(tmp_path_factory.mktemp("jwt"), protected_routes=ROUTES) as running:
        yield running


def raw(proxy: Proxy, line: str, *headers: str) -> tuple[int, bytes]:
    """Status and body of the answer to a request line that is sent byte for byte."""
    with closing(socket.create_connection((LOOPBACK, proxy.number), timeout=20)) as client:
        head = "\r\n".join((line, "Host: web", "Connection: close", *headers, "", ""))
        client.sendall(head.encode("latin-1"))
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    first, _, body = answer.partition(b"\r\n\r\n")
    return int(first.split(b" ")[1]), body


OPEN = ("/x", "/administrator", "/admin-old", "/admin/users", "/api/v2/x", "/api", "/api/v10", "/x/admin", "/a.b-c/d/e", "/a.b-c/de")
OPEN_FILES = ("/static/css/site.min.css", "/.well-known/security.txt", "/x/", "/~ada/", "/x?next=/admin", "/x?a=b&c=%2F..%2Fadmin")


@pytest.mark.parametrize("path", [*OPEN, *OPEN_FILES])
def test_what_is_not_named_needs_no_token(proxy: Proxy, path: str) -> None:
    assert not may_be_closed(path)
    answer, body = proxy.request(path)
    assert (answer.status, json.loads(body)["line"]) == (200, f"GET {path} HTTP/1.1")


SPELLINGS = """
/admin /admin/ /admin? /admin?a=b /admin/?a=b /admin#x /ADMIN /Admin/ /admin.json /admin.html?a /admin. /admin./ /admin.json/
/%61dmin /%61%64%6d%69%6e /%2561dmin /%252561dmin /admi%6E /admin%2F /admin%2f /%2fadmin /admin%20 /admin%09 /admin%00 /admin%00.png
/admin%3f /admin%3Fa /admin%23 /admin%23x /admin%0a /admin%0d%0a /admin%c0%af /admin%ef%bc%8f
//admin ///admin //admin// /admin// /./admin /admin/. /admin/./ /x/../admin /x/y/../../admin /x/../admin/ /../admin /..//admin /x/..//admin
/x/%2e%2e/admin /x/%2E./admin /x/.%2e/admin /x%2f..%2fadmin /x%2f%2e%2e%2fadmin /%2e/admin /x/%252e%252e/admin /x/..%2fadmin
/x/..%5cadmin /x\\..\\admin /x/..\\admin /\\admin \\admin /%5cadmin /admin%5c /admin\\ /x%5c..%5cadmin
/admin; /admin;a=b /admin;/ /;/admin /;a=b/admin /x/..;/admin /x;/../admin /x/..;a=b/admin /admin;.css /admin%3b /x/%2e%2e;/admin
/static/..%252fadmin /x/#/../../admin /x/?/../../admin/../admin
/\xef\xbd\x81dmin /%ef%bd%81dmin /adm%c4%b1n /adm\xc4\xb0n /admin\xa0 /admin%c2%a0 /admin%e2%80%8b
/admin+ /admin%2b /+admin /admin~
/api/v1 /api/v1/ /api/v1/users /api/v1/users/1?a=b /API/V1/x /api/v1.json /api/v1./x /api/v1/../v1/x /api//v1/x /api/./v1/x /api/v1%2fx
/api/v2/../v1/x /api/v1;a/x /api;a/v1/x /api%2fv1 /api/v1/x/../y /api/v1/..%2fx /ap%69/v1/x /api/%76%31 /api/v1/%2e%2e/v1/x
/a.b-c/d /a.b-c/d/ /A.B-C/D /a%2eb-c/d /a.b%2dc/d /a.b-c//d /a.b-c/d.txt /a.b-c/./d
/ /? /?a=b // /. /./ /.. /x/.. /x/../ /%2f /%2e /; /;a /\\ /#
""".split()
HARMLESS = {
    "/x/?/../../admin/../admin",
    "/admin~",
    "/+admin",
    "/admin%e2%80%8b",
    "/admin%c0%af",
    "/adm%c4%b1n",
    "/adm\xc4\xb0n",
    "/admin%2b",
}


@pytest.mark.parametrize("path", SPELLINGS)
def test_no_spelling_of_a_protected_path_gets_through_without_a_token(proxy: Proxy, path: str) -> None:
    assert may_be_closed(path) or path in HARMLESS
    for method in ("GET", "POST"):
        status, _ = raw(proxy, f"{method} {path} HTTP/1.1")
        assert status in REFUSED or path in HARMLESS, path


def test_whoever_has_a_token_may_spell_as_before(proxy: Proxy) -> None:
    token = proxy.issuer.token()
    for path in ("/admin", "/%61dmin", "//admin", "/x/../admin", "/admin;a=b", "/caf%C3%A9/%20?a=%2F"):
        answer, body = proxy.request(path, token=token)
        assert (answer.status, json.loads(body)["line"]) == (200, f"GET {path} HTTP/1.1")


PARTS = ["/", "//", "/./", "/../", "%2f", "%2F", "%252f", "\\", "%5c", ";", ";a=b", ".", "..", "%2e", "%2E%2e", "?", "?a=b", "#", "%23"]
PARTS += [
    "%00",
    "%20",
    "+",
    "~",
    "-",
    "_",
    "@",
    ".json",
    ".",
    "x",
    "/x",
    "/x/..",
    "api",
    "v1",
    "admin",
    "ADMIN",
    "%61dmin",
    "\xe9",
    "%c3%a9",
]


def mutated(random_: random.Random) -> str:
    """A path near to a protected one."""
    path = random_.choice(("/admin", "/api/v1/users", "/api/v1", "/a.b-c/d"))
    for _ in range(random_.randint(1, 3)):
        at = random_.randint(0, len(path))
        how = random_.random()
        if how < 0.6:
            path = path[:at] + random_.choice(PARTS) + path[at:]
        elif how < 0.8 and at < len(path):
            path = f"{path[:at]}%{ord(path[at]):02x}{path[at + 1 :]}"
        elif at < len(path):
            path = path[:at] + path[at].swapcase() + path[at + 1 :]
    return path if path.startswith(("/", "\\")) else f"/{path}"


def test_no_mutated_spelling_gets_through_that_some_app_could_take_for_a_protected_path(proxy: Proxy) -> None:
    random_ = random.Random(11)
    statuses: dict[bool, list[int]] = {True: [], False: []}
    for path in (mutated(random_) for _ in range(3000)):
        closed = may_be_closed(path)
        status, _ = raw(proxy, f"GET {path} HTTP/1.1")
        assert status in (REFUSED if closed else (200, *REFUSED)), path
        statuses[closed].append(status)
    # both kinds are there, and not everything is refused
    assert len(statuses[True]) > 500
    assert statuses[False].count(200) > 100


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "BREW", "get", "GE-T", "G_T"])
def test_a_protected_path_is_so_for_every_method(proxy: Proxy, method: str) -> None:
    assert raw(proxy, f"{method} /admin HTTP/1.1", "Content-Length: 0")[0] in REFUSED


def test_neither_the_form_of_the_request_nor_a_header_leads_to_a_protected_path(proxy: Proxy) -> None:
    for line in ("GET http://web/admin HTTP/1.1", "GET http://web HTTP/1.1", "GET http://web?/x HTTP/1.1", "GET /admin HTTP/1.0"):
        assert raw(proxy, line)[0] in REFUSED, line
    for line in ("GET http://x/x/../admin HTTP/1.1", "GET admin HTTP/1.1", "GET * HTTP/1.1", "GET /admin\tHTTP/1.1"):
        assert raw(proxy, line)[0] in REFUSED, line
    named = (
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Forwarded-Uri",
        "X-Forwarded-Prefix",
        "X-Forwarded-Path",
        "X-Script-Name",
        "X_Original_URL",
    )
    status, body = raw(proxy, "GET /x HTTP/1.1", *(f"{name}: /admin" for name in named))
    assert status == 200
    assert b"/admin" not in body
    status, body = raw(proxy, "GET http://web/x HTTP/1.1")
    assert (status, json.loads(body)["line"]) == (200, "GET /x HTTP/1.1")


def test_on_an_open_route_the_app_is_not_told_who_asks(proxy: Proxy) -> None:
    for token in (proxy.issuer.token(), "abc", None):
        seen = proxy.seen("/x", token=token, headers={"X-Forwarded-User": "root", "X_Forwarded_Email": "root"})
        assert not {name for name in seen if "user" in name.replace("user-agent", "") or "email" in name}
    assert proxy.seen("/admin", token=proxy.issuer.token())["x-forwarded-user"] == ["ada"]


def test_without_its_validator_the_protected_routes_are_closed_and_the_others_open(tmp_path: Path) -> None:
    with protected(tmp_path, protected_routes=("/admin/*",)) as proxy:
        proxy.running.processes["jwt-proxy-validator"].kill()
        proxy.running.processes["jwt-proxy-validator"].wait()
        assert proxy.status("/admin/x", token=proxy.issuer.token()) == 500
        assert proxy.status("/x") == 200


def test_what_the_app_s_probes_ask_for_stays_open(tmp_path: Path) -> None:
    with protected(tmp_path, protected_routes=("/*",)) as proxy:
        assert proxy.status("/ready?full=1") == 200
        assert proxy.status("/ready", "POST") == 401
        assert proxy.status("/x") == 401


def test_as_many_as_are_allowed_fit_into_nginx(tmp_path: Path) -> None:
    # the longest expression that is not refused
    routes = tuple(f"/route-{number:03}/{'x' * 47}/*" for number in range(46))
    with protected(tmp_path, protected_routes=routes) as proxy:
        assert proxy.status(f"/route-045/{'x' * 47}/y") == 401
        assert proxy.status("/route-046/x") == 200
