"""What the engine sends as the arguments of a component, in plain Python, with Outputs where a value is one."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from google.protobuf.struct_pb2 import ListValue, Struct  # type: ignore[import-untyped]
from pulumi.resource import DependencyResource
from pulumi.runtime import rpc

from ..schema.package import NAME

# Pulumi's wire format (sdk/proto: property signatures)
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"


class Given(pulumi.Output[Any]):
    """A single value that came as an Output: secret, of another resource, or not known yet."""

    def __init__(self, value: Any, *, known: bool, secret: bool, urns: frozenset[str]) -> None:
        # an Output has every other attribute that it is asked for
        self.given_value, self.given_known, self.given_secret = value, known, secret
        resources: set[pulumi.Resource] = {DependencyResource(urn) for urn in urns}
        super().__init__(resources, _done(value), _done(known), _done(secret))

    @property
    def is_open(self) -> bool:
        """Whether the value is known, and no secret."""
        return self.given_known and not self.given_secret


@dataclass(frozen=True)
class Reference:
    """A component of this package, made before."""

    urn: str


def inputs(sent: Struct, dependencies: Mapping[str, frozenset[str]]) -> dict[str, Any]:
    """The arguments by name. dependencies: the URNs that the engine knows each to depend on.

    Whole numbers, which are floats on the way, are ints again. What is secret, or depends on resources, is so at its leaves: that
    patterns can be composed takes a plain structure, and a secret in it does not make all of it a secret.
    """
    found = {}
    for name, value in sent.items():
        found[name] = read(value)
        urns = dependencies.get(name, frozenset())
        if urns and not holds_given(found[name]):
            found[name] = read(value, urns=urns)
    return found


def read(value: Any, *, secret: bool = False, urns: frozenset[str] = frozenset()) -> Any:
    """A value as it came. secret, urns: whether a value around it is secret, and what that depends on."""
    if isinstance(value, Struct):
        return _object(value, secret, urns)
    if isinstance(value, ListValue):
        return [read(inner, secret=secret, urns=urns) for inner in value]
    known = value != rpc.UNKNOWN
    plain = int(value) if isinstance(value, float) and value.is_integer() else value
    if value is None or (known and not secret and not urns):
        return plain
    return Given(plain if known else None, known=known, secret=secret, urns=urns)


def holds_given(value: Any) -> bool:
    """Whether something in it came as an Output, or is a component."""
    if isinstance(value, Mapping):
        return any(map(holds_given, value.values()))
    return any(map(holds_given, value)) if isinstance(value, list) else isinstance(value, Given | Reference)


def _object(struct: Struct, secret: bool, urns: frozenset[str]) -> Any:
    fields = dict(struct.items())
    match fields.get(_SIGNATURE):
        case None:
            # on the way an object has no order: in one of its own the pod would be another in every run
            return {name: read(fields[name], secret=secret, urns=urns) for name in sorted(fields)}
        case str(signature) if signature == _SECRET:
            return read(fields["value"], secret=True, urns=urns)
        case str(signature) if signature == _OUTPUT:
            more = frozenset(fields.get("dependencies", ()))
            return read(fields.get("value", rpc.UNKNOWN), secret=secret or bool(fields.get("secret")), urns=urns | more)
        case str(signature) if signature == _RESOURCE:
            urn = str(fields["urn"])
            type_ = urn.split("::")[2].rpartition("$")[2]
            # any other resource is what it is for Python programs without its package
            return Reference(urn) if type_.startswith(f"{NAME}:") else read(fields.get("id", urn), secret=secret, urns=urns)
    return rpc.deserialize_property(struct)


def _done(value: Any) -> "asyncio.Future[Any]":
    future = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future
