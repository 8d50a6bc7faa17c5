"""What a program registered, in plain Python."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.struct_pb2 import ListValue, Struct  # type: ignore[import-untyped]
from pulumi.runtime import rpc

UNKNOWN = rpc.UNKNOWN
"""Stands in recorded inputs and exports where a preview does not know the value."""

# Pulumi's wire format (sdk/proto: property signatures)
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A resource as the program registered it."""

    type: str
    """Type token, e.g. kubernetes:apps/v1:Deployment."""
    name: str
    """Logical name."""
    urn: str
    """URN, unique in a stack."""
    parent: str
    """URN of the parent; of the stack for those at the top."""
    custom: bool
    """False for a component."""
    inputs: dict[str, Any]
    """Inputs in manifest form, secrets revealed, whole numbers as ints, UNKNOWN where a preview does not know."""
    secrets: frozenset[str]
    """Paths of secret values in the inputs, e.g. `stringData["tls.key"]`."""
    dependencies: tuple[str, ...]
    """URNs of what it depends on, in alphabetical order."""
    outputs: dict[str, Any]
    """What the provider answered, likewise; for a component, what it registered as its outputs, once it did."""
    request: Any = field(repr=False)
    """The whole RegisterResourceRequest: aliases, protect, propertyDependencies ..."""

    @property
    def public(self) -> dict[str, Any]:
        """The inputs with `[secret]` in place of every secret value: what anyone who may read the state sees."""
        return dict(plain(self.request.object, [], reveal=False))


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a program did."""

    registrations: tuple[Registration, ...]
    """Every resource but the stack itself, in the order of registration, which is the same in every run."""
    value: Any
    """What the program returned: Outputs in it, in lists and dicts too, as in `exports`; anything else as it is."""
    exports: dict[str, Any]
    """Stack outputs, secrets revealed, UNKNOWN where a preview does not know."""
    secret_exports: frozenset[str]
    """Paths of secret values in the exports."""
    preview: bool
    """Whether it was a preview."""
    transforms: tuple[Callable[..., Any], ...]
    """The transforms that were registered, of resources and of the stack. They have run, as the engine runs them."""

    def all(self, kind: str, name: str | None = None) -> list[Registration]:
        """Registrations of a type token or its last part (`Deployment`), and of that logical name if one is given."""
        return [r for r in self.registrations if kind in (r.type, r.type.split(":")[-1]) and name in (None, r.name)]

    def one(self, kind: str, name: str | None = None) -> Registration:
        """The only such registration; LookupError, listing all there are, if there is none or another."""
        found = self.all(kind, name)
        if len(found) == 1:
            return found[0]
        there = ", ".join(f"{r.type} {r.name!r}" for r in self.registrations) or "nothing"
        raise LookupError(f"{len(found)} registrations match {kind} {name or ''}".rstrip() + f"; registered: {there}")


def plain(value: Any, secrets: list[str], path: str = "", *, reveal: bool = True) -> Any:
    """A protobuf Struct, or a value in one, in plain Python; the paths of secrets in it are appended to `secrets`."""
    match value:
        case Struct():
            fields = dict(value.items())
            if fields.get(SIGNATURE) == SECRET:
                secrets.append(path)
                return plain(fields["value"], secrets, path, reveal=reveal) if reveal else "[secret]"
            if fields.get(SIGNATURE) == _RESOURCE:
                return fields["id" if "id" in fields else "urn"]
            return {name: plain(fields[name], secrets, _below(path, name), reveal=reveal) for name in sorted(fields)}
        case ListValue():
            return [plain(v, secrets, f"{path}[{i}]", reveal=reveal) for i, v in enumerate(value)]
        case float():
            # every number is a float on the wire
            return int(value) if value.is_integer() else value
    return value


def _below(path: str, name: str) -> str:
    if not name.replace("_", "").isalnum():
        return f'{path}["{name}"]'
    return f"{path}.{name}" if path else name
