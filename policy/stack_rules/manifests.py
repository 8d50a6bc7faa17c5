"""Manifests, as a policy pack is handed them: proxies, numbers as floats, and in a preview values that nobody knows yet."""

from collections.abc import ItemsView, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pod_patterns.core.pod_security import containers
from pod_patterns.injection.target import TEMPLATES
from pulumi_policy.proxy import UnknownValueError

Wire = Mapping[str, Any]


class _Unknown(str):
    """A value that nobody knows yet: whoever takes it for a list or a mapping finds nothing in it."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def get(self, _key: object, _default: object = None) -> None:
        return None

    def items(self) -> ItemsView[str, Any]:
        return _NOTHING.items()


_NOTHING: dict[str, Any] = {}
UNKNOWN = _Unknown("(known after the update)")
"""Stands where a preview does not know the value."""


def plain(value: Any) -> Any:
    """The value in plain Python; what is null is not there, as for the API."""
    if isinstance(value, Mapping):
        return {key: item for key in value if (item := _item(value, key)) is not None}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [item for index in range(len(value)) if (item := _item(value, index)) is not None]
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
        """UNKNOWN where it is."""
        if self.manifest.get("metadata") == UNKNOWN:
            return UNKNOWN
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
        return self.kind in TEMPLATES and bool(self.template)

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
    def knows_labels(self) -> bool:
        """Whether the labels of its pods are known."""
        place: Any = self.manifest
        for key in (*TEMPLATES.get(self.kind, ()), "metadata", "labels"):
            if place == UNKNOWN:
                return False
            place = place.get(key) if isinstance(place, Mapping) else None
        return is_known(place)

    @property
    def containers(self) -> list[tuple[str, Wire]]:
        """Every container of its pods that is known, with its name in messages."""
        given: list[Any] = containers(self.pod)
        return [(f"{self}: container {c.get('name')!r}", c) for c in given if c != UNKNOWN]

    @property
    def ports(self) -> list[Wire] | None:
        """Every port that its containers declare; None where not all are known."""
        given: list[Any] = containers(self.pod)
        lists = [container.get("ports") for container in given]
        above = [self.template.get("spec"), self.pod.get("initContainers"), self.pod.get("containers"), *given]
        if UNKNOWN in above or not is_known(lists):
            return None
        return [port for ports in lists for port in ports or ()]


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
        """What has pods that a Service selects, as far as that is known."""
        selector = service.spec.get("selector") or {}
        if not selector or not is_known(selector):
            return []
        return [w for w in self.with_pods if w.shares_namespace(service) and selector.items() <= w.labels.items()]

    def knows_selected(self, service: Object) -> bool:
        """Whether it is known what the Service selects."""
        near = [workload for workload in self.of_kind(*TEMPLATES) if workload.shares_namespace(service)]
        return is_known(service.spec.get("selector")) and all(workload.knows_labels for workload in near)
