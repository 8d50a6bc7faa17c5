"""Carrier: what the kinds of workloads have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import pulumi

from ..core.app import App
from ..core.cluster import Release, version
from ..core.patch import Wire
from ..core.pod import Pod
from ..core.rollout import Strategy
from .claim import Claim
from .service_args import ServiceArgs

TIMEOUT = "pulumi.com/timeoutSeconds"
"""Annotation of the workload's object: how long Pulumi waits for it."""


def is_older(args: "Asked", release: Release) -> bool:
    """Whether the oldest cluster that the workload runs on is older than that; an invalid version is rejected elsewhere."""
    try:
        return version(args.kubernetes_version) < release
    except ValueError:
        return False


class Asked(Protocol):
    """The arguments of a workload that not every kind can follow."""

    @property
    def app(self) -> App: ...
    @property
    def replicas(self) -> int | None: ...
    @property
    def strategy(self) -> Strategy | None: ...
    @property
    def service_name(self) -> str | None: ...
    @property
    def service_type(self) -> str: ...
    @property
    def service(self) -> ServiceArgs: ...
    @property
    def rollout_timeout_seconds(self) -> int: ...
    @property
    def sidecars(self) -> str: ...
    @property
    def kubernetes_version(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Composed:
    """A composed pod that is to be carried."""

    name: str
    """Name of the workload."""
    pod: Pod
    """The pod."""
    args: Asked
    """What the workload asks for."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a carrier's object is made of."""

    name: str
    """Name of the workload, and the logical name of the object."""
    app: str
    """metadata.name of the object, where it is not named by the provider."""
    metadata: Mapping[str, Any]
    """Its namespace and labels."""
    annotations: Mapping[str, pulumi.Input[str]]
    """Its annotations."""
    selector: Mapping[str, str]
    """Labels of the pods that never change."""
    template: Mapping[str, Any]
    """The pod template."""
    replicas: int | None
    """Number of pods; None leaves it to an autoscaler."""
    strategy: Strategy | None
    """How new pods take the place of old ones."""
    timeout_seconds: int
    """How long Pulumi waits for the pods."""
    headless_service: str | None
    """The Service that gives each pod a name, where the kind has one."""

    def named(self) -> dict[str, Any]:
        """The object's metadata, with its name."""
        return {"name": self.app, **self.awaited()}

    def awaited(self) -> dict[str, Any]:
        """The object's metadata without a name: the provider gives it one."""
        return {**self.metadata, "annotations": {**self.annotations, TIMEOUT: str(self.timeout_seconds)}}

    def rolled_out(self, min_ready_seconds: int) -> dict[str, Any]:
        """The fields of what rolls out: how long a new pod must have been ready, and how many templates are kept to go back to."""
        ready = {"minReadySeconds": min_ready_seconds} if min_ready_seconds else {}
        return {**ready, "revisionHistoryLimit": 3}

    def counted(self) -> dict[str, Any]:
        """The field with the number of pods."""
        return {} if self.replicas is None else {"replicas": self.replicas}


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """What makes the pods of a workload."""

    is_served: ClassVar[bool] = True
    """Whether a Service leads to its pods."""
    ends_first: ClassVar[bool] = False
    """Whether an object that cannot be changed in place is deleted before its successor is made."""

    def refusals(self, _args: Asked, /) -> list[str]:
        """What the workload asks for, and this kind does not have."""
        return []

    def unfit(self, _composed: Composed, /) -> list[str]:
        """Why the composed pod cannot be carried."""
        return []

    def volume_claims(self) -> tuple[Claim, ...]:
        """Volumes that each pod has of its own."""
        return ()

    def headless(self, _service_name: str, /) -> str | None:
        """The name of the Service that gives each pod a name; None if the kind has none."""
        return None

    def manifest(self, parts: Parts) -> Wire:
        """The object."""
        raise NotImplementedError
