"""What a program registered, in plain Python."""

from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime import rpc

UNKNOWN = rpc.UNKNOWN
"""Stands in recorded inputs and exports where a preview does not know the value."""

# Pulumi's wire format (sdk/proto: property signatures)
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
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
        return decoded(self.request.object, "", [], reveal=False)


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a program did."""

    registrations: tuple[Registration, ...]
    """Every resource but the stack itself, in the order of registration, which is the same in every run."""
    exports: dict[str, Any]
    """Stack outputs, secrets revealed, UNKNOWN where a preview does not know."""
    secret_exports: frozenset[str]
    """Paths of secret values in the exports."""
    preview: bool
    """Whether it was a preview."""
    transforms: int
    """Number of stack-wide transforms registered. Transforms run in the engine only; call yours directly to test it."""

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


def decoded(struct: Any, path: str, secrets: list[str], *, reveal: bool = True) -> dict[str, Any]:
    """A protobuf Struct in plain Python; the paths of secrets in it are appended to `secrets`."""
    plain = {}
    for name in sorted(struct.fields):
        step = name if name.replace("_", "").isalnum() else f'["{name}"]'
        below = f"{path}.{step}" if path and step is name else path + step
        plain[name] = _plain(struct.fields[name], below, secrets, reveal)
    return plain


def _plain(value: Any, path: str, secrets: list[str], reveal: bool) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            fields = value.struct_value.fields
            signature = fields[_SIGNATURE].string_value if _SIGNATURE in fields else ""
            if signature == _SECRET:
                secrets.append(path)
                return _plain(fields["value"], path, secrets, reveal) if reveal else "[secret]"
            if signature == _RESOURCE:
                return fields["id" if "id" in fields else "urn"].string_value
            return decoded(value.struct_value, path, secrets, reveal=reveal)
        case "list_value":
            return [_plain(v, f"{path}[{i}]", secrets, reveal) for i, v in enumerate(value.list_value.values)]
        case "number_value":
            # every number is a float on the wire
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "null_value" | None:
            return None
        case kind:
            return getattr(value, kind)
