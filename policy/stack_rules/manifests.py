"""Manifests, as a policy pack is handed them: proxies, numbers as floats, and in a preview values that nobody knows yet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pod_patterns.core.pod_security import containers
from pod_patterns.injection.target import TEMPLATES
from pulumi_policy.proxy import UnknownValueError

Wire = Mapping[str, Any]

UNKNOWN = "(known after the update)"
"""Stands where a preview does not know the value."""


def plain(value: Any) -> Any:
    """The value in plain Python."""
    if isinstance(value, Mapping):
        return {key: _item(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_item(value, index) for index in range(len(value))]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _item(value: Any, key: Any) -> Any:
    try:
        return plain(value[key])
    except UnknownValueError:
        return UNKNOWN


def is_known(value: Any) -> bool:
    """Whether nothing in the value is unknown."""
    if isinstance(value, Mapping):
        return all(map(is_known, value.values()))
    return all(map(is_known, value)) if isinstance(value, list) else value != UNKNOWN


@dataclass(frozen=True, eq=False)
class Object:
    """An object of Kubernetes in a stack."""

    manifest: Wire
    urn: str | None = None
    """Of its resource."""

    @property
    def kind(self) -> str:
        return str(self.manifest.get("kind"))

    @property
    def metadata(self) -> Wire:
        return self.at("metadata")

    @property
    def name(self) -> str:
        """UNKNOWN where it is."""
        return str(self.metadata.get("name", UNKNOWN))

    @property
    def namespace(self) -> str:
        return str(self.metadata.get("namespace") or "default")

    @property
    def spec(self) -> Wire:
        return self.at("spec")

    def at(self, *path: str) -> Wire:
        """The mapping there; an empty one where there is none."""
        found: Any = self.manifest
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found if isinstance(found, Mapping) else {}

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"

    def shares_namespace(self, other: "Object") -> bool:
        """Whether both are in one namespace, as far as that is known."""
        return self.namespace == other.namespace or UNKNOWN in (self.namespace, other.namespace)

    @property
    def has_pods(self) -> bool:
        """Whether it makes pods, or is one."""
        return self.kind in TEMPLATES and bool(self.pod)

    @cached_property
    def template(self) -> Wire:
        """The pod template; of a Pod itself."""
        return self.at(*TEMPLATES.get(self.kind, ("-",)))

    @property
    def pod(self) -> Wire:
        """The PodSpec."""
        spec = self.template.get("spec")
        return spec if isinstance(spec, Mapping) else {}

    @property
    def labels(self) -> Wire:
        """Of its pods."""
        return (self.template.get("metadata") or {}).get("labels") or {}

    @property
    def containers(self) -> list[tuple[str, Wire]]:
        """Every container of its pods, with its name in messages."""
        return [(f"{self}: container {c.get('name')!r}", c) for c in containers(self.pod)]


def read(resource_type: str, props: Any, urn: str | None = None) -> Object | None:
    """The object that a resource is; None for what is none, e.g. a component or a Helm release."""
    if not resource_type.startswith("kubernetes:"):
        return None
    manifest = plain(props)
    return Object(manifest, urn) if "kind" in manifest and "apiVersion" in manifest else None


class Stack:
    """The objects of a stack."""

    def __init__(self, objects: Sequence[Object]) -> None:
        self.objects = objects
        self.with_pods = [item for item in objects if item.has_pods]

    def of_kind(self, *kinds: str) -> Iterator[Object]:
        """Those of these kinds."""
        return (item for item in self.objects if item.kind in kinds)

    def selected(self, service: Object) -> list[Object]:
        """What has pods that a Service selects."""
        selector = service.spec.get("selector") or {}
        return [w for w in self.with_pods if selector and w.shares_namespace(service) and selector.items() <= w.labels.items()]
