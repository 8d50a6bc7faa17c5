"""Transforms, called as the engine calls them: a resource's own first, then those of its parents upward, then those of the stack."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from google.protobuf.struct_pb2 import ListValue, Struct  # type: ignore[import-untyped]
from pulumi.runtime import mocks
from pulumi.runtime._callbacks import _CallbackServicer
from pulumi.runtime.proto import resource_pb2

from .recording import OUTPUT, SECRET, SIGNATURE, UNKNOWN

Callback = Callable[[bytes], Awaitable[Any]]
"""A transform as the engine sees it."""


# fields of TransformResourceOptions, and what they are in a RegisterResourceRequest
_LISTS = {
    "depends_on": "dependencies",
    "ignore_changes": "ignoreChanges",
    "replace_on_changes": "replaceOnChanges",
    "additional_secret_outputs": "additionalSecretOutputs",
    "aliases": "aliases",
}
_SINGLE = {
    "protect": "protect",
    "version": "version",
    "provider": "provider",
    "plugin_download_url": "pluginDownloadURL",
    "retain_on_delete": "retainOnDelete",
    "deleted_with": "deletedWith",
    "delete_before_replace": "deleteBeforeReplace",
    "import": "importId",
}


class Transforms:
    """Every transform that a program registers, and the resources that they are for."""

    def __init__(self) -> None:
        self.known: list[Callable[..., Any]] = []
        """The functions, in the order in which they were registered."""
        self._stack_wide: list[Callback] = []
        self._resources: dict[str, tuple[str, list[Callback]]] = {}

    def add(self, registered: Any) -> None:
        """Adds one for every resource that is registered from now on."""
        self._stack_wide += self._callbacks([registered])

    def of(self, urn: str, request: Any) -> list[Callback]:
        """Those that the engine would call for a resource, in its order. The resource's own count for its children, too."""
        self._resources[urn] = (request.parent, self._callbacks(request.transforms))
        found = []
        while urn in self._resources:
            urn, own = self._resources[urn]
            found += own
        return found + self._stack_wide

    def _callbacks(self, registered: Iterable[Any]) -> list[Callback]:
        self.known += [function for function in mocks._resolve_callbacks(registered) if function not in self.known]
        # called without their server, so that registrations come in the same order every time
        served = [servicer._callbacks for servicer in _CallbackServicer._servicers]
        return [next(known[r.token] for known in served if r.token in known) for r in registered]


async def transformed(request: Any, callbacks: Iterable[Callback]) -> Any:
    """The request of a resource after the transforms. Raises what they raise."""
    given = resource_pb2.TransformRequest(
        type=request.type, name=request.name, custom=request.custom, parent=request.parent, properties=_struct(_upgraded(request.object))
    )
    for inner, outer in _LISTS.items():
        getattr(given.options, inner).extend(getattr(request, outer))
    for inner, outer in _SINGLE.items():
        # whether the field is set; those without a presence of their own are set where they are not empty
        if getattr(request, outer):
            setattr(given.options, inner, getattr(request, outer))
    for callback in callbacks:
        answer = await callback(given.SerializeToString())
        given.properties.CopyFrom(_struct(_upgraded(answer.properties)))
        if answer.HasField("options"):
            given.options.CopyFrom(answer.options)
    result: Any = resource_pb2.RegisterResourceRequest()
    result.CopyFrom(request)
    result.object.CopyFrom(_struct(_downgraded(given.properties)))
    for inner, outer in _LISTS.items():
        result.ClearField(outer)
        getattr(result, outer).extend(getattr(given.options, inner))
    for inner, outer in _SINGLE.items():
        setattr(result, outer, getattr(given.options, inner))
    return result


def _upgraded(value: Any) -> Any:
    """Secrets, and what is unknown, as Outputs: so the engine hands them to transforms."""
    match value:
        case Struct():
            fields = dict(value.items())
            if fields.get(SIGNATURE) == SECRET:
                known = {} if fields["value"] == UNKNOWN else {"value": fields["value"]}
                return {SIGNATURE: OUTPUT, "secret": True, **known}
            return value if SIGNATURE in fields else {name: _upgraded(inner) for name, inner in fields.items()}
        case ListValue():
            return [_upgraded(inner) for inner in value]
    return {SIGNATURE: OUTPUT} if value == UNKNOWN else value


def _downgraded(value: Any) -> Any:
    """The reverse: so the engine hands them to providers."""
    match value:
        case Struct():
            fields = dict(value.items())
            if fields.get(SIGNATURE) == OUTPUT:
                known = fields.get("value", UNKNOWN)
                return {SIGNATURE: SECRET, "value": known} if fields.get("secret") else known
            return value if SIGNATURE in fields else {name: _downgraded(inner) for name, inner in fields.items()}
        case ListValue():
            return [_downgraded(inner) for inner in value]
    return value


def _struct(fields: Any) -> Any:
    struct = Struct()
    struct.update(fields)
    return struct
