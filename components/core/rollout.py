"""How new pods take the place of old ones, and what an update could wait for without end."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from . import checks
from .patch import Wire
from .rules import NotNegative

# volumes that perhaps one node only, or one pod, may have at a time; see AccessModes of PersistentVolumes
_EXCLUSIVE = (
    "persistentVolumeClaim",
    "awsElasticBlockStore",
    "azureDisk",
    "cinder",
    "fc",
    "gcePersistentDisk",
    "iscsi",
    "rbd",
    "vsphereVolume",
)
_WAITS = "the new pod of an update waits forever for the old one to end; set {way_out}, or strategy=RollingUpdate() if"

Surge = Annotated[str, checks.shaped("[0-9]+%", "a number of pods, or a percentage such as 25%")]
Unavailable = Annotated[str, checks.shaped("(100|[1-9]?[0-9])%", "a number of pods, or a percentage up to 100%")]


@dataclass(frozen=True, kw_only=True)
class RollingUpdate:
    """Pods are replaced a few at a time, while the others serve."""

    max_surge: NotNegative | Surge = 1
    """How many pods there may be besides the replicas: a number, or a percentage of the replicas. 0 ends an old pod before a new one
    starts. Default: 1."""
    max_unavailable: NotNegative | Unavailable = 0
    """How many of the replicas may be missing, likewise. Default: 0, a pod goes only when its successor is ready."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        none = all(str(value).strip("%0") == "" for value in (self.max_surge, self.max_unavailable))
        return ["max_surge and max_unavailable are both 0, so that no pod could be replaced; set one of them to 1"] if none else []


Strategy = RollingUpdate | Literal["Recreate"]


def manifest(strategy: Strategy | None) -> dict[str, Any]:
    """The strategy of a Deployment."""
    if isinstance(strategy, str):
        return {"type": strategy}
    update = strategy or RollingUpdate()
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": update.max_surge, "maxUnavailable": update.max_unavailable}}


def problems(spec: Wire, strategy: Strategy | None, way_out: str = "strategy='Recreate'") -> list[str]:
    """What of a pod an update may wait for without end, because the old pod still has it; nothing if the strategy was chosen.

    way_out: the strategy that ends the old pod first (default: a Deployment's).
    """
    return list(_scarce(spec, _WAITS.format(way_out=way_out))) if strategy is None else []


def _scarce(spec: Wire, waits: str) -> Iterator[str]:
    # a rolling update starts the new pod while the old one is there
    for volume in spec.get("volumes") or ():
        kind = next((kind for kind in _EXCLUSIVE if kind in volume), None)
        if kind and not (volume[kind] or {}).get("readOnly"):
            yield f"volume {volume['name']!r} ({kind}): where only one node may mount it, {waits} it can be shared (ReadWriteMany)"
    apart = ((spec.get("affinity") or {}).get("podAntiAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution") or ()
    for key in dict.fromkeys(term.get("topologyKey") for term in apart):
        yield (
            f"affinity.podAntiAffinity keeps pods apart by {key}: where each already has such a pod, {waits} there are more of them than "
            "replicas"
        )
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        name = container["name"]
        for resource in (container.get("resources") or {}).get("limits") or {}:
            if "/" in resource:
                yield f"container {name!r} needs {resource}: where no node has one to spare, {waits} there are enough"
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                yield (
                    f"container {name!r} takes port {port['hostPort']} of its node: where every node has such a pod, {waits} there are "
                    "more nodes than replicas"
                )
