"""What an injection changed, as others see it: ports that speak TLS now, and the Services that reach them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.patch import Wire
from ..core.pod import Pod
from ..core.view import BoundPort
from .carrier import metadata_of
from .index import Index
from .injection import Injection


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A port of a Service behind which TLS is spoken now."""

    service: str
    name: str | None
    """Of the Service's port."""
    number: int
    """Of the Service's port; of a headless one, the pod's, for nothing stands between."""
    port: BoundPort
    wire: Wire
    """The Service."""

    def __str__(self) -> str:
        return f"port {self.number} of Service {self.service!r}"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One injection's workload, before and after."""

    injection: Injection
    pod: Pod
    manifest: Wire
    """As it was."""
    template: Wire
    """Its pod template, as it was."""
    namespace: str | None
    secured: tuple[BoundPort, ...]
    """The app's ports that speak TLS now."""
    reached: tuple[Reached, ...]

    @property
    def labels(self) -> Mapping[str, str]:
        """Of its pods."""
        return labels_of(self.template)

    def is_here(self, manifest: Wire) -> bool:
        """Whether that is in the workload's namespace, as far as both say."""
        theirs = metadata_of(manifest).get("namespace")
        return not theirs or not self.namespace or theirs == self.namespace

    @property
    def where(self) -> str:
        """The workload, for messages."""
        return f"injection {self.injection.name!r} into {self.manifest.get('kind')} {self.injection.target.name!r}"


def changes(before: Index, injections: Sequence[Injection]) -> Iterator[Change]:
    """What each injection changed; nothing of one whose workload had been injected before."""
    for injection in injections:
        manifest = next((m for m in before.called(injection.target.name) if injection.is_for(m)), None)
        if manifest is None or injection.pod is None:
            continue
        template = template_of(injection, manifest)
        namespace = metadata_of(manifest).get("namespace") or injection.target.namespace
        secured = tuple(p for p in injection.pod.ports if p.frontend and p.is_secure)
        yield Change(
            injection=injection,
            pod=injection.pod,
            manifest=manifest,
            template=template,
            namespace=namespace,
            secured=secured,
            reached=tuple(_reached(secured, labels_of(template), namespace, before.selecting(labels_of(template)))),
        )


def template_of(injection: Injection, manifest: Wire) -> Wire:
    """The pod template of a manifest that is the injection's target."""
    template: Any = manifest
    for key in injection.target.path(manifest.get("kind")) or ():
        template = template.get(key) if isinstance(template, Mapping) else None
    return template if isinstance(template, Mapping) else {}


def labels_of(template: Wire) -> Mapping[str, Any]:
    """The labels of its pods, as far as they are known."""
    labels = metadata_of(template).get("labels")
    return labels if isinstance(labels, Mapping) else {}


def selects(selector: Any, labels: Mapping[str, Any]) -> bool:
    """Whether a label selector takes in something with those labels; an empty one takes in everything."""
    selector = selector or {}
    if not (selector.get("matchLabels") or {}).items() <= labels.items():
        return False
    for expression in selector.get("matchExpressions") or ():
        value, values = labels.get(expression.get("key")), expression.get("values") or ()
        met = {"In": value in values, "NotIn": value not in values, "Exists": value is not None, "DoesNotExist": value is None}
        if not met.get(expression.get("operator"), True):
            return False
    return True


def _reached(secured: Sequence[BoundPort], labels: Mapping[str, str], namespace: str | None, services: Sequence[Wire]) -> Iterator[Reached]:
    for service in services:
        metadata, spec = service.get("metadata") or {}, service.get("spec") or {}
        theirs = metadata.get("namespace")
        if not spec.get("selector") or not spec["selector"].items() <= labels.items() or (theirs and namespace and theirs != namespace):
            continue
        for entry in spec.get("ports") or ():
            target = entry.get("targetPort") or entry.get("port")
            for port in secured:
                if target in (port.name, port.outer_number):
                    number = port.outer_number if spec.get("clusterIP") == "None" else int(entry["port"])
                    yield Reached(service=str(metadata.get("name")), name=entry.get("name"), number=number, port=port, wire=service)
