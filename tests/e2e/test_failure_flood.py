"""Clients that take every connection and finish nothing: the proxy stays within its memory, and others are answered in time."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pulumi
import pytest

from components.patterns.tls_ambassador import TlsAmbassadorArgs
from components.workload import Workload, WorkloadArgs

from .cluster import Namespace, eventually
from .deploy import deploy
from .light import IMAGE, LoadClient, ready, scripts, statuses, web

Figure = Callable[[str], None]

KINDS = ("handshakes", "heads", "bodies", "readers", "idle")
CAP = TlsAmbassadorArgs().max_connections
"""Connections at the same time, by default."""
LIMIT = 256 * 2**20
"""The proxy's memory by default."""
CLIENT_TIMEOUT = 5
# from 50 addresses 250 requests, which take 1,000 of the 1,100 connections
PER_CLIENT = 5
WITHIN = CLIENT_TIMEOUT + 10
"""Seconds in which others are answered again where no client is limited: the flood's requests end by the client's timeout, then the pod,
which was not ready meanwhile, comes back."""
PROXIES: dict[str, dict[str, Any]] = {"open": {}, "limited": {"max_connections_per_client": PER_CLIENT, "max_connections": 1100}}


@dataclass(frozen=True)
class Flooded:
    """Two apps behind proxies of which one limits each client, another client, and the pod that floods."""

    namespace: Namespace
    client: LoadClient

    def pod(self, name: str) -> dict[str, Any]:
        (pod,) = self.namespace.pods(name)
        return pod

    def memory(self, name: str, what: str) -> int:
        """Bytes that the proxy's container uses (`usage`), or has used at most (`peak`)."""
        files = {"usage": ("memory.current", "memory/memory.usage_in_bytes"), "peak": ("memory.peak", "memory/memory.max_usage_in_bytes")}
        script = " || ".join(f"cat /sys/fs/cgroup/{file} 2>/dev/null" for file in files[what])
        return int(self.namespace.exec(self.pod(name)["metadata"]["name"], "nginx-proxy", "sh", "-c", script).out)

    def answered(self, name: str) -> dict[str, Any]:
        """An answer to another client, on a new connection."""
        done = self.client.run("get", f"https://{name}:8080/", "--timeout", "3", timeout=20)
        assert done["status"] == 200, str(done)
        return done

    def told(self, name: str) -> str:
        """The proxy's memory, in words."""
        return " MiB, ".join(f"{what} {self.memory(name, what) / 2**20:.0f}" for what in ("usage", "peak")) + " MiB"

    def unharmed(self, name: str) -> None:
        """After a flood the containers are those of the beginning, every request is answered, and the proxy stayed within its limit."""
        eventually(lambda: ready(self.pod(name)), f"{name} is ready", timeout=30)
        now = statuses(self.pod(name))
        assert {n: (s["restartCount"], s["lastState"]) for n, s in now.items()} == {name: (0, {}), "nginx-proxy": (0, {})}
        assert self.memory(name, "peak") < LIMIT
        result = self.client.run("load", f"https://{name}:8080/", "--new", "2", "--most", "40", timeout=30)
        assert (result["requests"], result["failures"]) == (40, 0), str(result)

    @contextmanager
    def flood(self, name: str, kind: str, connections: int, addresses: int) -> Iterator[dict[str, Any]]:
        """So many connections for as long as the block runs; what came of them, and at the end how many are still there."""
        address = self.pod(name)["status"]["podIP"]
        options = ["--connections", str(connections), "--addresses", str(addresses)]
        command = ["kubectl", "-n", self.namespace.name, "exec", "-i", "flood", "--", "python3", "/load/flood.py", kind, address, "8080"]
        with subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin
            assert process.stdout
            try:
                told: dict[str, Any] = json.loads(process.stdout.readline())
                yield told
            finally:
                process.stdin.close()
                last = process.stdout.readline()
                process.wait(30)
        told["open at the end"] = json.loads(last)["open"]


@pytest.fixture(scope="module")
def flooded(module_namespace: Namespace) -> Flooded:
    namespace = module_namespace
    scripts(namespace)

    def program() -> None:
        for name, arguments in PROXIES.items():
            tls = TlsAmbassadorArgs(
                service_name=name,
                client_timeout_seconds=CLIENT_TIMEOUT,
                access_log=False,
                **arguments,
            )
            made = Workload(name, WorkloadArgs(app=replace(web(), name=name), namespace=namespace.name, patterns=[tls]))
            pulumi.export(name, made.ca_pem)

    authorities = deploy(namespace, program).outputs
    client = LoadClient(namespace)
    client.trust("".join(authorities[name] for name in PROXIES))
    mount = {"name": "load", "mountPath": "/load", "readOnly": True}
    container = {"name": "flood", "image": IMAGE, "command": ["sleep", "86400"], "volumeMounts": [mount]}
    # further addresses are the node's
    container["securityContext"] = {"privileged": True, "runAsUser": 0}
    spec = {"hostNetwork": True, "terminationGracePeriodSeconds": 0, "containers": [container]}
    spec["volumes"] = [{"name": "load", "configMap": {"name": "load"}}]
    namespace.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "flood"}, "spec": spec})
    namespace.wait("pod/flood", "condition=Ready")
    return Flooded(namespace, client)


@pytest.mark.parametrize("addresses", [1, 50])
@pytest.mark.parametrize("kind", KINDS)
def test_others_are_answered_when_the_flood_has_had_its_time(flooded: Flooded, figure: Figure, kind: str, addresses: int) -> None:
    began = time.monotonic()
    with flooded.flood("open", kind, CAP * 3 // 2, addresses) as told:
        eventually(lambda: flooded.answered("open"), "an answer to another client", timeout=WITHIN)
        took = time.monotonic() - began
        memory = flooded.told("open")
    figure(f"{kind} from {addresses}: others answered {took:.1f} s after its beginning at the latest; {memory}; {told}")
    assert took <= WITHIN
    flooded.unharmed("open")


@pytest.mark.parametrize("addresses", [1, 50])
@pytest.mark.parametrize("kind", KINDS)
def test_others_are_answered_at_once_where_each_client_is_limited(flooded: Flooded, figure: Figure, kind: str, addresses: int) -> None:
    with flooded.flood("limited", kind, CAP // 2, addresses) as told:
        took = max(flooded.answered("limited")["seconds"] for _ in range(3))
        memory = flooded.told("limited")
    figure(f"{kind} from {addresses}, {PER_CLIENT} each: others answered in {took} s; {memory}; {told}")
    # when it was tried some were still being closed
    assert told["open at the end"] <= PER_CLIENT * addresses
    assert took < 2
    flooded.unharmed("limited")
