"""What a NetworkPolicy lets out: one rule for each set of servers."""

import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..core import checks
from ..core.addresses import Address, parsed
from .peer import Peer, block

_EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
# on the node itself: the cloud's metadata, and with it the node's own identity
_LINK_LOCAL = ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128")
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_NODE_LOCAL_DNS = "169.254.20.10/32"

API = "https://kubernetes.default.svc"
"""Kubernetes' API."""
# behind that name is no pod, but a control plane on one of these ports
_API_PORTS = (443, 6443)


def problems(address: str) -> list[str]:
    """What is wrong with an address that pods connect to."""
    found = parsed(address)
    if found is None or (checks.address("", found.host) and not _NAME.fullmatch(found.host)):
        return [f"{address!r} is not allowed: host:port, or a URL"]
    if not 0 < found.port < 65536:
        return [f"{address!r} has no port; write host:port"]
    return []


def rules(servers: Iterable[tuple[str, str]], *, families: Sequence[str], inside: Sequence[str]) -> list[dict[str, Any]]:
    """The rules for servers, each an address that has no problems and its protocol.

    families: of the pods' addresses. inside: ranges of addresses that are not outside the cluster.
    """
    found: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {}
    for text, protocol in servers:
        address = parsed(text)
        if address is None or address.is_loopback:
            continue
        peers = list(_peers(address, families, inside))
        for number in (*_API_PORTS, address.port) if _is_api(address) else (address.port,):
            port = {"protocol": protocol, "port": number}
            ports = found.setdefault(json.dumps(peers), (peers, []))[1]
            if port not in ports:
                ports.append(port)
    return [{"to": peers, "ports": ports} for peers, ports in found.values()]


def names(namespace: str, port: int, families: Sequence[str], servers: Sequence[str]) -> dict[str, Any]:
    """The rule for the DNS: the cluster's, its cache on each node, and the servers that the pods name themselves."""
    own = [_alone(server) for server in servers if not checks.address("", server)]
    cache = [block(_NODE_LOCAL_DNS)] if "IPv4" in families else []
    ports = [{"protocol": protocol, "port": number} for number in dict.fromkeys((port, 53)) for protocol in ("UDP", "TCP")]
    return {"to": [Peer(namespace=namespace).manifest(), *cache, *own], "ports": ports}


def _peers(address: Address, families: Sequence[str], inside: Sequence[str]) -> Iterator[dict[str, Any]]:
    host = address.host.rstrip(".").lower()
    labels = host.split(".")
    if not checks.address("", host):
        yield _alone(host)
    elif _is_api(address):
        yield from _outside(families, ())
    elif "svc" in labels[2:]:
        yield Peer(namespace=labels[labels.index("svc", 2) - 1]).manifest()
    elif len(labels) == 1:
        yield Peer().manifest()
    else:
        if len(labels) == 2:
            # a Service and its namespace, or a domain: nobody here can tell
            yield Peer(namespace=labels[1]).manifest()
        yield from _outside(families, inside)


def _is_api(address: Address) -> bool:
    return address.host.split(".")[:2] == ["kubernetes", "default"]


def _alone(host: str) -> dict[str, Any]:
    return block(str(ipaddress.ip_network(host)))


def _outside(families: Sequence[str], inside: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Every address that no pod and no node has, as far as that is known: names cannot stand in a NetworkPolicy."""
    for family in families:
        version = int(family[-1])
        yield block(_EVERYWHERE[version], [c for c in (*_LINK_LOCAL, *inside) if ipaddress.ip_network(c).version == version])
