"""Base: a pod before its patterns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from . import checks, pod_fields
from .app import App
from .cluster import Cluster
from .container import app_container, scratch_volumes
from .patch import Wire
from .pod_security import containers
from .view import BoundPort

COMPOSED = tuple(
    """
    automountServiceAccountToken containers enableServiceLinks initContainers restartPolicy securityContext serviceAccountName
    terminationGracePeriodSeconds volumes
    """.split()
)
"""Fields of the PodSpec that composing writes."""


@dataclass(frozen=True, kw_only=True)
class Base:
    """A pod before its patterns. Composing never changes it."""

    spec: Wire
    """PodSpec in manifest form."""
    app_container: str
    """Name of the container that the patterns are for."""
    annotations: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Annotations of the pod. Default: none."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the pod. Default: none."""
    claims: Sequence[str] = ()
    """Names of volumes that the pod has besides those of its spec: claim templates of a StatefulSet. Default: none."""
    fronted: tuple[BoundPort, ...] = ()
    """Ports of the app that stand behind ambassadors already. Default: none."""
    first_grace: int | None = None
    """Its grace period in seconds before earlier injections made it longer. Default: None, they did not."""
    start: int = 0
    """How many of its own init containers start before what patterns add. Default: 0, none."""
    owned: bool = False
    """Whether this package wrote it, and checks it like what it adds. Default: False, it is somebody else's and taken as it is."""

    def container(self) -> dict[str, Any]:
        """The container that the patterns are for."""
        return dict(next(c for c in self.spec["containers"] if c["name"] == self.app_container))

    def grace_seconds(self) -> int:
        """How long the pod may take to end: 30 seconds where it says nothing, as Kubernetes grants."""
        given = self.spec.get("terminationGracePeriodSeconds")
        return 30 if given is None else int(given)

    def neighbours(self) -> list[Wire]:
        """Every other container, init containers first."""
        return [c for c in containers(self.spec) if c["name"] != self.app_container]


def own(app: App, cluster: Cluster, fields: Mapping[str, Any] | None = None) -> Base:
    """The hardened pod of an app; `fields` are further fields of the PodSpec."""
    scratch = [{"name": name, "emptyDir": {"sizeLimit": app.empty_dirs[path]}} for path, name in scratch_volumes(app).items()]
    security: dict[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if app.gid is not None and app.uid is not None:
        # mounted files belong to the app's group, and every container is a member of it
        security |= {"fsGroup": app.gid, "fsGroupChangePolicy": "OnRootMismatch"}
    spec = {
        "automountServiceAccountToken": app.api_token,
        **({} if app.service_account is None else {"serviceAccountName": app.service_account}),
        # the variables of every Service in the namespace collide with app settings (ELASTICSEARCH_PORT ...)
        "enableServiceLinks": False,
        "securityContext": security,
        "containers": [app_container(app, cluster.version)],
        "volumes": [*scratch, *app.volumes],
        **{key: value for key, value in (fields or {}).items() if key not in COMPOSED},
    }
    return Base(
        spec=spec,
        app_container=app.name,
        annotations={"kubectl.kubernetes.io/default-container": app.name},
        owned=True,
    )


def field_problems(fields: Mapping[str, Any]) -> list[str]:
    """What is wrong with further fields of the PodSpec."""
    found = checks.manifest("pod field", fields)
    if found:
        return found
    found = [f"pod field {key!r} is set by the composition itself; remove it" for key in fields if key in COMPOSED]
    if fields.get("hostNetwork"):
        found.append(
            "pod field 'hostNetwork' shares the node's network, so that what listens on 127.0.0.1 is no longer the pod's own; remove it"
        )
    if fields.get("hostUsers") is False:
        shared = [key for key in ("hostIPC", "hostPID") if fields.get(key)]
        found += [f"pod field {key!r} needs the node's users, and 'hostUsers' is false; remove one of them" for key in shared]
    if "ephemeralContainers" in fields:
        found.append("pod field 'ephemeralContainers' is of a pod that runs (kubectl debug), and no pod begins with some; remove it")
    if "serviceAccount" in fields:
        found.append("pod field 'serviceAccount' is the former name of serviceAccountName; set app.service_account=")
    dns = fields.get("dnsConfig")
    if fields.get("dnsPolicy") == "None" and not (isinstance(dns, Mapping) and dns.get("nameservers")):
        found.append("pod field 'dnsPolicy' is None, so that no name is found; add dnsConfig with nameservers, or remove it")
    own = {key: value for key, value in fields.items() if key not in COMPOSED}
    return found + [f"pod field {line}" for line in pod_fields.of_object("PodSpec", own)]
