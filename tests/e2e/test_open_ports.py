"""No way in but the declared ones: every port of every kind of pod, tried from another pod."""

import ipaddress
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi
import pytest

import components
from components.core.app import App, Port
from components.declared.kinds import shipped
from components.patterns.egress_tls_tunnel import EgressTarget
from components.patterns.metrics_adapter import Exporter
from components.patterns.shared.vault import VaultSecret
from components.presets.elasticsearch import elasticsearch
from components.workload import Workload, WorkloadArgs
from tests.support.clients import Authority

from .cluster import Namespace
from .deploy import deploy
from .light import IMAGE, LoadClient, scripts, web
from .node import Node
from .test_article_2b_jwt_ambassador import issuing
from .vault import ADDRESS, ROLE, Vault

Figure = Callable[[str], None]
PARTNERS = Authority()
PLAIN = "The plain HTTP request was sent to HTTPS port"
LISTENS, ALERT = "0A", "\x15"
"""The state of a socket in /proc/net/tcp, and the first byte of an alert of TLS."""

LEAKY, STAYED, UNDECLARED = "leaky", 8081, 9999


@dataclass(frozen=True)
class Composition:
    """An app, its patterns by kind and arguments, and the ports that must be open besides those for the kubelet."""

    app: App
    patterns: tuple[tuple[str, dict[str, Any]], ...]
    plain: tuple[int, ...] = ()
    tls: tuple[int, ...] = ()
    sidecars: str = "native"
    says: tuple[str, ...] = ()
    """What only the app says, or what else is not for everybody; besides the name of its pod. Default: nothing."""


def light(name: str, **changes: Any) -> App:
    """The light app, small enough that several of them fit on a node; it answers any path with the name of its pod."""
    resources = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}
    return replace(web(resources=resources, pre_stop_seconds=0, stop_seconds=2), name=name, **changes)


def compositions(namespace: str) -> tuple[Composition, ...]:
    """The pods. Between them they have every kind of pattern, which a test looks at."""
    token = {
        "issuer": f"http://issuer.{namespace}.svc.cluster.local:8000",
        "audience": "app",
        "allow_plaintext": True,
        "namespace": namespace,
    }
    secrets = (VaultSecret(path="my-secret", file="login", format="json"),)
    vault = {"address": ADDRESS, "role": ROLE, "secrets": secrets, "allow_plaintext": True}
    # the light app is the server
    fetched = {"source": "s3://bucket/object", "endpoint": "http://plain:8080", "allow_plaintext": True, "allow_unverified": True}
    # nobody is there: the tunnel is open all the same, and the lines wait
    tunnel = {"targets": (EgressTarget(name="db", host="db.example.com", port=6380, ca_pem=PARTNERS.pem),)}
    receiver = {"endpoint": f"http://receiver.{namespace}.svc:4318", "allow_plaintext": True}
    # without a program of its own it is probed at its port
    exporter = Exporter(image=IMAGE, args=("python3", "-m", "http.server", "{listen_port}", "--bind", "{listen_host}"))

    def tls(name: str, **given: Any) -> tuple[str, dict[str, Any]]:
        return "TlsAmbassador", {"service_name": name, "namespace": namespace, **given}

    return (
        Composition(light("plain"), (("LogTailSidecar", {}), ("MetricsAdapter", {})), plain=(8080, 9114)),
        Composition(
            light("everything"),
            (
                ("WaitForInit", {"tcp": ("plain:8080",)}),
                ("FetchInit", {**fetched, "size_limit": "1Mi"}),
                ("MigrationInit", {"image": "busybox:1.37", "command": ("true",)}),
                # what a kernel has from the beginning
                ("SysctlInit", {"sysctls": {"vm.max_map_count": 65530}}),
                ("VaultInit", {**vault, "mount_path": "/secrets"}),
                tls("everything", target_ports=("http", "http-prometheus")),
                ("JwtAmbassador", token),
                ("EgressTlsTunnel", tunnel),
                ("VaultAgentSidecar", vault),
                ("ConfigReloadSidecar", {"volume": "load", "reload_path": "/ready", "reload_method": "GET"}),
                ("RedisCacheSidecar", {}),
                ("LogShipperSidecar", receiver),
                ("MetricsAdapter", {}),
            ),
            tls=(8080, 9114),
        ),
        Composition(light("token"), (("JwtAmbassador", token),), plain=(8080,)),
        Composition(
            light("mutual"),
            (
                tls("mutual", target_ports=("http", "http-prometheus"), client_auth="required", client_ca_pems=(PARTNERS.pem,)),
                ("MetricsAdapter", {"exporter": exporter}),
            ),
            tls=(8080, 9114),
            says=("Directory listing",),
        ),
        Composition(
            # it stays on every address; what comes from outside the kernel sends to 15000
            light("redirected", ports=(Port(name="http", number=8080),)),
            (("TrafficRedirectInit", {}), tls("redirected"), ("LogTailSidecar", {})),
            tls=(8080, 15000),
        ),
        Composition(
            light("classic"),
            (
                tls("classic", mode="tcp"),
                ("VaultAgentSidecar", vault),
                ("RedisCacheSidecar", {"socket_directory": "/run/cache"}),
                ("LogTailSidecar", {}),
            ),
            tls=(8080,),
            sidecars="classic",
        ),
        Composition(
            elasticsearch(pre_stop_seconds=0),
            (tls("elasticsearch"), ("MetricsAdapter", {}), ("SysctlInit", {"strategy": "none"})),
            plain=(9114,),
            tls=(9200,),
            says=("You Know, for Search",),
        ),
    )


def leaky(namespace: str) -> Composition:
    """An app that follows the number but not the address that it is told, and has another port of which nobody knows."""
    command = f"python3 -m http.server {UNDECLARED} & HOST=0.0.0.0 exec python3 /load/upstream.py"
    tls = {"service_name": LEAKY, "namespace": namespace}
    return Composition(light(LEAKY, command=("sh", "-c", command)), (("TlsAmbassador", tls),), tls=(8080,))


def request(method: str, target: str, *headers: str, body: str = "", close: bool = True) -> str:
    """A request as it goes over the wire."""
    lines = [f"{method} {target} HTTP/1.1", "Host: web", *(["Connection: close"] if close else []), *headers]
    return "\r\n".join([*lines, "", body])


HIDDEN = request("GET", "/")
"""Also what the body of another request may hide."""
LENGTH, CHUNKED = f"Content-Length: {len(HIDDEN)}", "Transfer-Encoding: chunked"
CHUNKS = f"{len(HIDDEN):x}\r\n{HIDDEN}\r\n0\r\n\r\n"
BODIES = (((LENGTH,), HIDDEN), ((CHUNKED,), CHUNKS), ((LENGTH, CHUNKED), CHUNKS))
UPGRADES = {
    "h2c": ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"),
    "websocket": ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
}
# without asking first: the preface, empty settings, and GET / of `web` as the whole of stream 1
HTTP2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0" + "\0\0\x08\1\5\0\0\0\1" + "\x82\x84\x86\x41\3web"


@dataclass(frozen=True)
class Ask:
    """Something that is said to a port, and how it may answer."""

    port: int
    what: str
    text: str
    allowed: tuple[int, ...] | None
    """Statuses; 0 stands for an end without an answer, or for an alert of TLS. None: whatever comes, if it is not from the app."""
    says: str = ""
    """What an answer with a status must contain."""
    reaches_app: bool = False

    def wrong(self, answer: str, app: Sequence[str]) -> Iterator[str]:
        """What is wrong with the answer; `app`: what only the app says."""
        silent = answer in ("", "ConnectionResetError", "TimeoutError") or answer.startswith(ALERT)
        found = re.match(r"HTTP/1\.[01] (\d{3}) ", answer)
        code = 0 if silent else int(found[1]) if found else None
        if (self.allowed is not None and code not in self.allowed) or (code and self.says not in answer):
            yield f"port {self.port}: {self.what}: {shortly(answer)}"
        if any(words in answer for words in app) and not self.reaches_app:
            yield f"port {self.port}: {self.what}: reaches the app"


def shortly(answer: str) -> str:
    """The first line of an answer."""
    return repr(answer.partition("\r\n")[0][:100])


def health_asks(port: int, paths: Sequence[str]) -> Iterator[Ask]:
    """The little that a port for the kubelet answers, and much that it must not."""
    others = {"/", "/metrics"}.union(*([f"{path}x", f"{path}/x", f"{path}/../", f"{path}/..%2f", f"http://web{path}x"] for path in paths))
    for path in sorted(others.difference(paths)):
        # what climbs may be no path at all
        yield Ask(port, f"GET {path}", request("GET", path), (400, 404) if ".." in path else (404,))
    # haproxy understands it, and has no app either
    yield Ask(port, "HTTP/2", HTTP2, (0, 400, 404, 405))
    for path in paths:
        yield Ask(port, f"GET {path}", request("GET", path), (200,), reaches_app=True)
        for method in ("DELETE", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"):
            yield Ask(port, f"{method} {path}", request(method, path, "Content-Length: 0"), (404, 405))
        # ignored or refused: no other protocol, and nothing that the app says
        for protocol, headers in UPGRADES.items():
            yield Ask(port, f"GET {path}, Upgrade: {protocol}", request("GET", path, *headers, close=False), (200, 404))
        for headers, body in BODIES:
            asked = request("GET", path, *headers, body=body, close=False)
            yield Ask(port, f"GET {path}, {', '.join(headers)}", asked, (200, 400, 404))


def tls_asks(port: int) -> Iterator[Ask]:
    """What a port with TLS must not answer in plain text."""
    yield Ask(port, "GET /", request("GET", "/"), (0, 400), says=PLAIN)
    yield Ask(port, "HTTP/2", HTTP2, (0, 400))


@dataclass(frozen=True)
class Found:
    """What another pod finds at a pod."""

    problems: list[str]
    """Every way in that nobody declared, and what else is wrong."""
    seen: str
    """The rest, in words."""


@dataclass(frozen=True)
class Target:
    """A pod, and what its workload says of it."""

    namespace: Namespace
    composition: Composition
    outputs: dict[str, Any]
    pod: str
    address: str

    def look(self) -> Found:
        """Tries every port, and says something to each that is open."""
        plain, tls = self.outputs["plaintext_ports"], self.composition.tls
        health = {int(port): paths for port, paths in self.outputs["health_ports"].items()}
        declared = sorted([*plain, *tls, *health])
        scan, (outside, loopback) = self._scan(), self._listening()
        problems = [f"port {port} neither accepts nor refuses a connection" for port in scan["silent"]]
        problems += [f"port {port} is declared twice" for port in sorted(set(declared)) if declared.count(port) > 1]
        problems += [f"port {port} is declared, but not open" for port in sorted(set(declared) - set(scan["open"]))]
        problems += [f"port {port} listens on the pod's address, but the scan missed it" for port in sorted(outside - set(scan["open"]))]

        undeclared = [port for port in scan["open"] if port not in declared]
        asks = [
            *(Ask(port, "GET /", request("GET", "/"), tuple(range(200, 600)), reaches_app=True) for port in (*undeclared, *plain)),
            *(ask for port in tls for ask in tls_asks(port)),
            *(ask for port, paths in health.items() for ask in health_asks(port, paths)),
        ]
        spoken = self._scan("--say", json.dumps([[ask.port, ask.text] for ask in asks]), "--tls", *map(str, scan["open"]))
        for ask, answer in zip(asks, spoken["answers"], strict=True):
            if ask.port in undeclared:
                problems.append(f"port {ask.port} is open, though nobody declared it; it answers {shortly(answer)}")
            else:
                problems += ask.wrong(answer, app=(self.pod, *self.composition.says))
        for port, version in spoken["tls"].items():
            if (int(port) in tls) != version.startswith("TLSv1."):
                problems.append(f"port {port}, greeted with TLS: {version}")
        return Found(
            problems,
            f"{self.composition.app.name}: open {scan['open']} of 65,535, found in {scan['seconds']} s: plain {plain}, TLS {list(tls)}, "
            f"health {health}; {len(asks)} things said; on loopback alone {sorted(loopback)}",
        )

    def _scan(self, *arguments: str) -> dict[str, Any]:
        """load/scan.py in the pod of the client."""
        done = self.namespace.exec("load", "load", "python3", "/load/scan.py", self.address, *arguments)
        assert done.code == 0, done.text
        return dict(json.loads(done.out))

    def _listening(self) -> tuple[set[int], set[int]]:
        """The ports on which something in the pod listens: on the pod's address too, and on loopback alone."""
        tables = self.namespace.exec(self.pod, self.composition.app.name, "sh", "-c", "cat /proc/net/tcp*").out
        outside, loopback = set(), set()
        for fields in map(str.split, tables.splitlines()):
            if fields[3] == LISTENS:
                address, _, port = fields[1].partition(":")
                (loopback if is_loopback(address) else outside).add(int(port, 16))
        assert outside, tables
        return outside, loopback - outside


def is_loopback(hexadecimal: str) -> bool:
    """Whether it is one of 127.0.0.0/8 or ::1, as /proc/net/tcp writes addresses: words in the byte order of the machine."""
    words = [bytes.fromhex(hexadecimal[i : i + 8])[:: -1 if sys.byteorder == "little" else 1] for i in range(0, len(hexadecimal), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


@pytest.fixture(scope="module")
def targets(module_namespace: Namespace, node: Node) -> dict[str, Target]:
    """The pods by the names of their apps, with a client beside them."""
    assert node
    namespace = module_namespace
    scripts(namespace)
    issuing(namespace)
    Vault(namespace, {"my-secret": {"username": "ada"}})
    made = {c.app.name: c for c in (*compositions(namespace.name), leaky(namespace.name))}

    def program() -> None:
        for name, composition in made.items():
            patterns = [
                getattr(components, kind)(f"{name}-{kind.lower()}", getattr(components, f"{kind}Args")(**args))
                for kind, args in composition.patterns
            ]
            args = WorkloadArgs(app=composition.app, patterns=patterns, namespace=namespace.name, sidecars=composition.sidecars)
            workload = Workload(name, args)
            pulumi.export(name, {key: getattr(workload, key) for key in ("plaintext_ports", "health_ports", "endpoints")})

    outputs = deploy(namespace, program).outputs
    LoadClient(namespace)
    pods = {name: namespace.pods(name)[0] for name in made}
    return {
        name: Target(namespace, made[name], outputs[name], pod["metadata"]["name"], pod["status"]["podIP"]) for name, pod in pods.items()
    }


def test_every_kind_of_pattern_is_in_one_of_the_pods() -> None:
    assert {kind for composition in compositions("default") for kind, _ in composition.patterns} == set(shipped())


@pytest.mark.parametrize("name", [composition.app.name for composition in compositions("default")])
def test_nothing_is_open_but_what_is_declared(targets: dict[str, Target], name: str, figure: Figure) -> None:
    target = targets[name]
    found = target.look()
    figure(found.seen)
    assert not found.problems, "\n".join(found.problems)
    assert target.outputs["plaintext_ports"] == list(target.composition.plain)
    said = {int(url.rpartition(":")[2]) for url in target.outputs["endpoints"].values() if not url.startswith("http://")}
    # of the number to which the kernel redirects nobody is told
    assert said <= set(target.composition.tls)


def test_what_an_app_leaves_open_is_found(targets: dict[str, Target], figure: Figure) -> None:
    found = targets[LEAKY].look()
    figure(f"{found.seen}; {found.problems}")
    assert [line.partition(" 200 ")[0] for line in found.problems] == [
        f"port {port} is open, though nobody declared it; it answers 'HTTP/1.{version}" for port, version in ((STAYED, 1), (UNDECLARED, 0))
    ]
