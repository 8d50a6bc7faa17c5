"""What injections leave in a pod template, so that a second run finds them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from typing import Any

import pulumi

from ..core.app import Port
from ..core.patch import Wire
from ..core.view import LOOPBACK, BoundPort, Frontend

ANNOTATION = "pod-patterns/injected"
"""Annotation of the pod template: JSON, a mark by the name of each injection."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What one injection left."""

    digest: str
    """Of its patterns' arguments."""
    containers: tuple[str, ...] = ()
    """The init containers that it added."""
    fronted: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The app's ports that it put behind ambassadors, by name: where the process listens, and the frontend."""
    grace: int | None = None
    """The pod's grace period in seconds before this one made it longer; None if it did not, or an earlier one had."""

    def bound(self, port: Port) -> BoundPort:
        """The port as it left it. Raises KeyError for one that it did not move."""
        kept = self.fronted[port.name]
        return BoundPort(declaration=port, number=kept["number"], host=LOOPBACK, frontend=Frontend(**kept["frontend"]))


def marks(metadata: Wire) -> dict[str, Mark]:
    """The marks in the metadata of a pod template, by injection. Raises ValueError if somebody changed the annotation."""
    text = (metadata.get("annotations") or {}).get(ANNOTATION)
    if text is None:
        return {}
    try:
        given = json.loads(text)
        return {name: Mark(**{**mark, "containers": tuple(mark["containers"])}) for name, mark in given.items()}
    except (TypeError, KeyError, AttributeError, ValueError):
        raise ValueError(f"annotation {ANNOTATION} cannot be read; remove it together with what was injected") from None


def written(found: Mapping[str, Mark]) -> str:
    """The annotation's value."""
    kept = {name: {key: value for key, value in asdict(mark).items() if value is not None} for name, mark in found.items()}
    return json.dumps(kept, separators=(",", ":"), sort_keys=True)


def moved(ports: tuple[BoundPort, ...]) -> dict[str, Mapping[str, Any]]:
    """What a mark keeps of ports that stand behind ambassadors."""
    found = {p.name: (p.number, vars(p.frontend)) for p in ports if p.frontend is not None}
    return {
        name: {"number": number, "frontend": {key: value for key, value in frontend.items() if value is not None}}
        for name, (number, frontend) in found.items()
    }


def digest(*values: object) -> str:
    """A short digest of arguments. What Pulumi knows only later counts as the same."""
    text = json.dumps(_plain(values), sort_keys=True, default=lambda value: type(value).__qualname__)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, pulumi.Output):
        return "output"
    if isinstance(value, pulumi.Resource):
        # what it adds is in its arguments
        return [type(value).__qualname__, _plain(getattr(value, "args", None))]
    if is_dataclass(value) and not isinstance(value, type):
        given = {f.name: getattr(value, f.name) for f in fields(value)}
        # an argument that a later version adds changes nothing until it is given
        return [type(value).__qualname__, {name: _plain(inner) for name, inner in given.items() if not _is_default(value, name, inner)}]
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return [type(value).__qualname__, _plain(vars(value)) if hasattr(value, "__dict__") else ""]


def _is_default(instance: Any, name: str, value: Any) -> bool:
    (known,) = (f for f in fields(instance) if f.name == name)
    default = known.default if known.default_factory is MISSING else known.default_factory()
    return not isinstance(value, pulumi.Output) and type(value) is type(default) and bool(value == default)
