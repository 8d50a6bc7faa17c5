"""Target: which workload patterns go into, and what its manifest does not say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from ..core import checks
from ..core.app import LogFiles, Port
from ..core.patch import Wire
from ..core.rules import EnvName, Label, NotNegative, ObjectName, PortNumber, ServiceName, SomeText, Text

TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "Pod": (),
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"), ("spec", "template")),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""Where each kind has its pod template."""

Place = Annotated[
    str, checks.shaped("first|last|after:[a-z0-9]([a-z0-9-]*[a-z0-9])?", "first, last, or after: and an init container's name")
]


@dataclass(frozen=True, kw_only=True)
class Target:
    """The workload, found by its kind and name, and facts that its manifest does not have."""

    name: ObjectName
    """metadata.name of the workload."""
    kind: SomeText | None = None
    """Its kind, e.g. StatefulSet. Default: None, any kind that has pods."""
    namespace: Label | None = None
    """Its namespace; a manifest that names none is in any. Default: None, any."""
    container: Label | None = None
    """The container that the patterns are for. Default: None, the only one, or the one that the annotation
    kubectl.kubernetes.io/default-container names."""
    ports: Sequence[Port] = ()
    """What its containerPorts do not say, matched by number: the scheme, a name, how the app can be told to listen elsewhere; and ports
    that it does not declare. Default: none."""
    loopback_ports: Sequence[PortNumber] = ()
    """Port numbers that it listens on besides those, on loopback or undeclared. Default: none."""
    uid: NotNegative | None = None
    """User id of the app's image, where the manifest names none; 0 is root. Default: None, not known."""
    gid: NotNegative | None = None
    """Group id likewise. Default: None, not known."""
    log_files: LogFiles | None = None
    """How it is made to log to files, for LogTailSidecar. Default: None."""
    sysctl_alternatives: Mapping[SomeText, Mapping[EnvName, Text]] = field(default_factory=dict)
    """For a sysctl the app wants, the environment that lets it do without. Default: none."""
    service_name: ServiceName | None = None
    """The Service by which clients reach it, for its certificate. Default: None, its own name."""
    headless_service: ServiceName | None = None
    """The Service that gives each pod of a StatefulSet a name (`spec.serviceName`), for its certificate. `extend` and the command read it
    from the manifest; for a transform it must be known before the manifest is. Default: None."""
    place: Place = "first"
    """Where the patterns' init containers start: `first`, before its own but after those of earlier injections; `last`; or `after:NAME` of
    one of its own. Default: first."""
    template: Sequence[SomeText] | None = None
    """Path of the pod template in a kind that is not Kubernetes' own, e.g. `("spec", "template")` of a Rollout. Default: None."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        found = []
        if self.template is not None and self.kind is None:
            found.append("template is set, but not kind; name the kind that has its pod template there")
        if self.kind is not None and self.template is None and self.kind not in TEMPLATES:
            found.append(
                f"kind {self.kind!r} is not known to have pods ({', '.join(TEMPLATES)}); set template= to the path of its pod template"
            )
        for index, port in enumerate(self.ports):
            if port.number in [p.number for p in self.ports[:index]]:
                found.append(f"ports[{index}] has number {port.number} once more; write each port once")
        return found

    def path(self, kind: object) -> tuple[str, ...] | None:
        """Where a manifest of that kind has the pod template; None if the target is of another kind."""
        if self.kind not in (None, kind):
            return None
        return TEMPLATES.get(str(kind)) if self.template is None else tuple(self.template)

    def is_at(self, kind: object, metadata: Wire, name: str | None = None) -> bool:
        """Whether a manifest is the target. name: stands in where the object is named by Pulumi (default: none)."""
        theirs: Any = metadata.get("namespace")
        if self.path(kind) is None or metadata.get("name", name) != self.name:
            return False
        return self.namespace is None or not theirs or theirs == self.namespace

    def described(self) -> str:
        """The target in words."""
        where = f" in namespace {self.namespace!r}" if self.namespace else ""
        return f"{self.kind or 'workload'} {self.name!r}{where}"
