"""A cluster of Elasticsearch nodes."""

from dataclasses import replace
from typing import Any

from ..carriers import StatefulSet
from ..carriers.claim import Claim
from ..core.app import App, Port
from ..core.errors import refuse
from ..workload import WorkloadArgs
from .elasticsearch import DATA, elasticsearch

_OF_ONE = ("discovery.type", "transport.host")


def elasticsearch_cluster(
    app: App | None = None,
    *,
    nodes: int = 3,
    size: str = "10Gi",
    storage_class: str | None = None,
    min_ready_seconds: int = 30,
    **workload: Any,
) -> WorkloadArgs:
    """Arguments of a Workload: so many Elasticsearch nodes, 3 or more, that are one cluster, each with a volume of its own.

    `Workload("search", elasticsearch_cluster(size="50Gi", patterns=[SysctlInitArgs(), TlsAmbassadorArgs()]))`

    app: `elasticsearch(...)` with what differs (default: the preset). size, storage_class: of each node's volume. min_ready_seconds: how
    long an update waits between two nodes, in which the former one gets its shards back; more where they are large (default: 30). workload:
    other arguments of WorkloadArgs, but for kind and replicas.

    An ambassador takes over http. The nodes speak to each other on 9300, in plain text: that port is open on the pods' addresses, and only
    a NetworkPolicy (`network_policy=`) keeps others away from it. Each needs vm.max_map_count 262144 on its node, or SysctlInit, which can
    raise it or, with strategy='none', have it do without. Raises ArgumentError.
    """
    base = elasticsearch() if app is None else app
    own = [key for key in ("kind", "replicas") if key in workload]
    refuse(
        "elasticsearch_cluster",
        [
            *([f"nodes is {nodes}, but a cluster needs 3: of two, the loss of one would stop both"] if nodes < 3 else []),
            *(f"{key} is set by the cluster itself; leave it out" for key in own),
        ],
    )
    headless = f"{workload.get('service_name') or base.name}-headless"
    pods = {"labelSelector": {"matchLabels": {"app.kubernetes.io/name": base.name}}}
    # a preference: on a cluster of one node they all run there
    spread = [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway", **pods}]
    claim = Claim(name="data", size=size, storage_class=storage_class, mount_path=DATA)
    return WorkloadArgs(
        app=_member(base, headless, nodes),
        # Parallel: the first ones cannot be ready without each other
        kind=StatefulSet(claims=[claim], headless_service=headless, pod_management="Parallel", min_ready_seconds=min_ready_seconds),
        replicas=nodes,
        **{**workload, "pod_spec": {"topologySpreadConstraints": spread, **workload.get("pod_spec", {})}},
    )


def _member(app: App, headless: str, nodes: int) -> App:
    """The app as one node among others."""
    member: dict[str, Any] = {
        "POD_NAME": {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        "POD_IP": {"valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        "node.name": "$(POD_NAME)",
        "transport.host": "$(POD_IP)",
        "discovery.seed_hosts": headless,
        "cluster.initial_master_nodes": ",".join(f"{app.name}-{ordinal}" for ordinal in range(nodes)),
    }
    return replace(
        app,
        ports=[*app.ports, Port(name="transport", number=9300, scheme="tcp", service=False, peers=True)],
        loopback_ports=[number for number in app.loopback_ports if number != 9300],
        env={**{name: value for name, value in app.env.items() if name not in _OF_ONE}, **member},
        single=False,
    )
