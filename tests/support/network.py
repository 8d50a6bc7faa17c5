"""A pod's network namespace and another one outside it, joined as a container network joins them, for tests of what packets do."""

import ctypes
import os
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.programs import missing, need

CLONE_NEWNET = 0x40000000

POD, OUTSIDE = "10.99.0.1", "10.99.0.2"
"""The addresses of the pod and of who is outside."""

POD_6, OUTSIDE_6 = "fd99::1", "fd99::2"
"""The same in IPv6."""

FAMILIES = {("IPv4",): (POD,), ("IPv6",): (POD_6,), ("IPv4", "IPv6"): (POD, POD_6)}
"""IP families of a cluster, and the addresses of a pod in it."""


@dataclass(frozen=True)
class Network:
    """The names of the two namespaces."""

    pod: str
    outside: str


@contextmanager
def network() -> Iterator[Network]:
    """Two namespaces with loopback, and a pair of interfaces between them; gone in the end."""
    ip, suffix = need("ip"), secrets.token_hex(3)
    names = Network(f"pod-{suffix}", f"out-{suffix}")

    def run(*arguments: str) -> None:
        subprocess.run([ip, *arguments], check=True, capture_output=True)

    try:
        try:
            run("netns", "add", names.pod)
        except subprocess.CalledProcessError as error:
            missing(f"this user may not make network namespaces (as root it is run): {error.stderr.decode().strip()}")
        run("netns", "add", names.outside)
        run("-n", names.pod, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", names.outside)
        for name, address in ((names.pod, POD), (names.outside, OUTSIDE)):
            run("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            run("-n", name, "link", "set", "eth0", "up")
            run("-n", name, "link", "set", "lo", "up")
        yield names
    finally:
        for name in (names.pod, names.outside):
            subprocess.run([ip, "netns", "delete", name], check=False, capture_output=True)


@contextmanager
def pod_network(addresses: Sequence[str]) -> Iterator[Network]:
    """The namespaces with those addresses of the pod, and no others."""
    with network() as net:

        def ip(*arguments: str) -> None:
            subprocess.run([need("ip"), *arguments], check=True, capture_output=True)

        if POD_6 in addresses:
            for name, address in ((net.pod, POD_6), (net.outside, OUTSIDE_6)):
                ip("-n", name, "address", "add", f"{address}/64", "dev", "eth0", "nodad")
        if POD not in addresses:
            for name, address in ((net.pod, POD), (net.outside, OUTSIDE)):
                ip("-n", name, "address", "delete", f"{address}/24", "dev", "eth0")
        yield net


@contextmanager
def inside(name: str) -> Iterator[None]:
    """The calling thread, and the threads and processes that it starts, in the namespace; sockets stay where they were made."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        _enter(there)
        yield
    finally:
        _enter(before)
        os.close(before)
        os.close(there)


def _enter(namespace: int) -> None:
    # os.setns is there from Python 3.12 on
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def as_user(uid: int, command: Sequence[str], *, capability: str | None = None) -> list[str]:
    """The command as a container of that user: no capability but that one, and none to be had."""
    return [
        *(need("setpriv"), f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all", "--no-new-privs"),
        f"--bounding-set=-all{f',+{capability}' if capability else ''}",
        *command,
    ]
