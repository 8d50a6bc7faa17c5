"""The NetworkPolicy of a workload: what the fold knows of its ports, and of what its containers connect to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import pulumi

from ..core import checks
from ..core.handlers import HANDLERS, PROBES
from ..core.patch import Connection, Wire
from ..core.pod import Pod
from ..core.rules import Cidr, Label, PortNumber
from ..core.view import BoundPort
from . import egress
from .peer import Peer, block


@checks.outlined(r"([a-z0-9]+://)?(\[[0-9A-Fa-f.:]*\]|[A-Za-z0-9_][A-Za-z0-9_.-]*)(:[0-9]+)?([/?#][^\n]*)?")
def _server_problems(what: str, value: str) -> list[str]:
    return [f"{what} {line}" for line in egress.problems(value)]


Server = Annotated[str, _server_problems]


@dataclass(frozen=True, kw_only=True)
class NetworkPolicyArgs:
    """Who may reach the pods, and what they may reach; everything else is cut off. It takes a network plugin that enforces policies.

    Policies add up: what cannot be said here is a NetworkPolicy of its own, for the pods of `Workload.selector`.
    """

    clients: Sequence[Peer] | None = None
    """Who may reach the ports that the Service carries, where ambassadors have left them, and no port behind them; on `Port.peers` the pods
    reach each other anyway. `()` for nobody. Default: None, every pod of the workload's namespace; with a service_type that leads in from
    outside it must be set, e.g. to `[Peer(cidr="0.0.0.0/0")]`."""
    scrapers: Sequence[Peer] | None = None
    """Who may reach the ports of metrics (`Port.metrics`, MetricsAdapter's), and nobody else may: Prometheus, e.g.
    `[Peer(namespace="monitoring")]`. `()` for nobody. Default: None; it must be set where there is such a port."""
    node_cidrs: Sequence[Cidr] = ()
    """Addresses of the nodes, to let the kubelet's probes in. By Kubernetes' rules a pod's own node is let in anyway, and most network
    plugins do so; set it for one that does not. Default: none."""
    connects: Sequence[pulumi.Input[Server]] | None = ()
    """What the app itself connects to, host:port or a URL. What the patterns connect to is let out anyway, as are the DNS and, with
    App.api_token, Kubernetes' API. Where a Service has another port number than its pods, name the pods' too. A policy has no names: `name`
    stands for every pod of the workload's namespace, `name.namespace.svc` for every pod of that one, and any other for every address
    outside the cluster, at that port; `name.other` may be either, and is both. None: everything is let out. Default: none."""
    cluster_cidrs: Sequence[Cidr] = ()
    """Addresses of the cluster's pods, which are then not outside. Default: none: what is let out to other names is let out to every pod as
    well, where the plugin takes pods for addresses (Calico does, Cilium does not)."""
    dns_namespace: Label = "kube-system"
    """Namespace of the cluster's DNS; openshift-dns on OpenShift. Default: kube-system."""
    dns_port: PortNumber = 53
    """Port number of its pods; 5353 on OpenShift. Default: 53."""


def problems(args: NetworkPolicyArgs, pod: Pod, service_type: str) -> list[str]:
    """Why the policy would cut the pods off from what they are for."""
    found = []
    metrics = [port.name for port in pod.ports if _is_scraped(port)]
    if metrics and args.scrapers is None:
        found.append(
            f"network_policy.scrapers is missing: who may reach {', '.join(metrics)}, e.g. [Peer(namespace='monitoring')], or () for nobody"
        )
    if service_type != "ClusterIP" and args.clients is None and _served(pod):
        found.append(
            f"network_policy.clients is missing: a Service of type {service_type} leads in from outside the cluster; name who may, e.g. "
            "[Peer(cidr='0.0.0.0/0')]"
        )
    known = [connection.address for connection in pod.connects if isinstance(connection.address, str)]
    return found + [f"network_policy: a pattern's address {line}" for address in known for line in egress.problems(address)]


def network_policy(
    where: str,
    args: NetworkPolicyArgs,
    pod: Pod,
    *,
    is_served: bool,
    metadata: Mapping[str, Any],
    selector: Mapping[str, str],
    ip_families: Sequence[str],
    further: Sequence[Wire] = (),
) -> dict[str, Any]:
    """The NetworkPolicy of pods with these labels. where: the workload, for messages. is_served: whether a Service leads to them.
    metadata: the policy's. further: ports that clients reach besides those that the fold knows, in manifest form (default: none)."""
    peers = _between(pod, selector)
    spec: dict[str, Any] = {
        "podSelector": {"matchLabels": dict(selector)},
        "policyTypes": ["Ingress"] if args.connects is None else ["Ingress", "Egress"],
        "ingress": [*_ingress(args, pod, is_served=is_served, further=further), *peers["ingress"]],
    }
    if args.connects is not None:
        spec["egress"] = _egress(where, args, pod, ip_families, peers["egress"])
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _between(pod: Pod, selector: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """What lets the pods of the workload speak to each other."""
    ports = [_port(port) for port in pod.ports if port.declaration.peers]
    own = [{"podSelector": {"matchLabels": dict(selector)}}]
    return {"ingress": [{"from": own, "ports": ports}], "egress": [{"to": own, "ports": ports}]} if ports else {"ingress": [], "egress": []}


def _ingress(args: NetworkPolicyArgs, pod: Pod, *, is_served: bool, further: Sequence[Wire]) -> Iterator[dict[str, Any]]:
    clients = (Peer(),) if args.clients is None else args.clients
    scraped = [_port(port) for port in pod.ports if _is_scraped(port)]
    probed = [{"protocol": "TCP", "port": number} for number in sorted(_probed(pod))]
    nodes = [block(cidr) for cidr in args.node_cidrs]
    for ports, peers in (
        ([*(_port(port) for port in _served(pod) if is_served), *further], [peer.manifest() for peer in clients]),
        (scraped, [peer.manifest() for peer in args.scrapers or ()]),
        (probed, nodes),
    ):
        # a rule without peers lets everybody in, and one without ports everywhere
        if ports and peers:
            yield {"from": peers, "ports": ports}


def _served(pod: Pod) -> list[BoundPort]:
    """The ports that clients reach."""
    return [port for port in pod.ports if port.declaration.service and not _is_scraped(port)]


def _is_scraped(port: BoundPort) -> bool:
    return port.declaration.metrics or port.declaration.monitor is not None


def _port(port: BoundPort) -> dict[str, Any]:
    # a number: a name may be that of a native sidecar's port, where some plugins do not look
    return {"protocol": port.declaration.protocol, "port": port.outer_number}


def _probed(pod: Pod) -> set[int]:
    """The port numbers that the kubelet asks."""
    containers = [*(pod.spec.get("initContainers") or ()), *pod.spec["containers"]]
    named = {port.get("name"): port["containerPort"] for c in containers for port in c.get("ports") or ()}
    probes = [container[probe] for container in containers for probe in PROBES if container.get(probe)]
    asked = [probe[kind]["port"] for probe in probes for kind in HANDLERS if probe.get(kind)]
    return {named[port] if port in named else int(port) for port in asked if port in named or not isinstance(port, str)}


def _egress(
    where: str, args: NetworkPolicyArgs, pod: Pod, ip_families: Sequence[str], peers: Sequence[dict[str, Any]]
) -> pulumi.Input[Sequence[Any]]:
    connections = [*pod.connects, *(Connection(address=address) for address in args.connects or ())]
    if pod.app.api_token:
        connections.append(Connection(address=egress.API))
    protocols = [connection.protocol for connection in connections]
    servers = (pod.spec.get("dnsConfig") or {}).get("nameservers") or ()
    names = egress.names(args.dns_namespace, args.dns_port, ip_families, [s for s in servers if isinstance(s, str)])

    def rules(addresses: Sequence[str]) -> list[Any]:
        pairs = zip(addresses, protocols, strict=True)
        return [names, *peers, *egress.rules(pairs, families=ip_families, inside=args.cluster_cidrs)]

    check = partial(checks.when_known, where, problems=egress.problems)
    addresses = [check(connection.address) for connection in connections]
    plain = [address for address in addresses if isinstance(address, str)]
    return rules(plain) if len(plain) == len(addresses) else pulumi.Output.all(*addresses).apply(rules)
