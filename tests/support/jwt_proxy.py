"""JwtAmbassador as it is rendered, run by the real nginx and oauth2-proxy in front of a real server; for the tests of what it does."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from components.core.app import App, Port, Rebind, SecretKey
from components.patterns.jwt_ambassador import JwtAmbassador, JwtAmbassadorArgs
from components.workload import Workload, WorkloadArgs
from tests.support import kubelet
from tests.support.issuer import Issuer, issuing
from tests.support.servers import LOOPBACK, HttpServer, free_ports, serving

PORT = Port(name="http", number=80, rebind=Rebind(args=("{host}:{port}",)))
READY = {"httpGet": {"path": "/ready?full=1", "port": "http"}}


@dataclass(kw_only=True)
class Proxy:
    """The running containers, the issuer they trust, and the app behind them."""

    number: int
    running: kubelet.Running
    app: HttpServer
    issuer: Issuer

    def request(
        self, path: str = "/", method: str = "GET", token: str | None = None, **request: Any
    ) -> tuple[http.client.HTTPResponse, bytes]:
        headers = {**request.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token is not None else {})}
        with closing(http.client.HTTPConnection(LOOPBACK, self.number, timeout=20)) as client:
            client.request(method, path, headers=headers, **request)
            answer = client.getresponse()
            return answer, answer.read()

    def status(self, *arguments: Any, **request: Any) -> int:
        return self.request(*arguments, **request)[0].status

    def seen(self, *arguments: Any, **request: Any) -> dict[str, list[str]]:
        """The headers that reach the app, by lower-case name."""
        answer, body = self.request(*arguments, **request)
        assert answer.status == 200, body
        found: dict[str, list[str]] = {}
        for name, value in json.loads(body)["headers"]:
            found.setdefault(name.lower(), []).append(value)
        return found


@contextmanager
def started(
    directory: Path, issuer: Issuer, *, app: App | None = None, secrets: Mapping[str, str] | None = None, **arguments: Any
) -> Iterator[Proxy]:
    """nginx and oauth2-proxy in front of a server, as soon as their startup probes are answered; `secrets` is the data of Secret `oidc`."""
    first = free_ports(7)
    port = replace(PORT, number=first)
    app = replace(app or App(name="web", image="web", command=("web",), readiness_probe=READY, pre_stop_seconds=0), ports=(port,))
    args = {"issuer": issuer.url, "audience": "app", "health_port": first + 5, "validator_port": first + 6, **arguments}
    oidc = {"kind": "Secret", "metadata": {"name": "oidc"}, "stringData": dict(secrets or {})}

    def program() -> None:
        Workload("web", WorkloadArgs(app=app, patterns=[JwtAmbassador("jwt", JwtAmbassadorArgs(**args))]))

    with serving(HttpServer(first + 1)) as server, kubelet.started(directory, program, oidc) as running:
        yield Proxy(number=first, running=running, app=server, issuer=issuer)


@contextmanager
def protected(directory: Path, **arguments: Any) -> Iterator[Proxy]:
    """The same, with an issuer of its own."""
    with issuing(free_ports(1)) as server, started(directory, server.issuer, **arguments) as proxy:
        yield proxy


LOGIN = {"client_secret": SecretKey(name="oidc", key="client-secret"), "redirect_url": "https://web.example.com/oauth2/callback"}


def cookies(answer: http.client.HTTPResponse) -> dict[str, str]:
    """What a browser would send back."""
    jar: SimpleCookie = SimpleCookie()
    for header in answer.headers.get_all("Set-Cookie") or []:
        jar.load(header)
    assert all(morsel["secure"] and morsel["httponly"] for morsel in jar.values())
    return {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in jar.items())}


def logged_in(proxy: Proxy, **claims: Any) -> http.client.HTTPResponse:
    """The answer with the cookies of a session, after a login at the issuer, whose token has these claims."""
    answer, _ = proxy.request("/page")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
    # the code stands for a token with the nonce
    back = urlencode({"state": asked["state"], "code": json.dumps({"nonce": asked["nonce"], **claims})})
    arrived, body = proxy.request(f"/oauth2/callback?{back}", headers=cookies(answer))
    assert arrived.status == 302, body
    return arrived
