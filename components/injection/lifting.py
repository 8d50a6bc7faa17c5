"""A change inside a value that Pulumi perhaps knows only later."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pulumi
from pulumi.runtime import rpc

# what stands in these may be known only later: it is copied, and never looked into
_CONTENTS = (
    "image",
    "value",
    "valueFrom",
    "resources",
    "nodeSelector",
    "affinity",
    "tolerations",
    "imagePullSecrets",
)
_SOURCES = (
    "secret",
    "configMap",
    "projected",
    "persistentVolumeClaim",
    "csi",
    "hostPath",
    "emptyDir",
    "downwardAPI",
    "ephemeral",
    "image",
    "nfs",
)
# what they hold may come later, but not the names in them, or how many there are
_MAPS = (*_SOURCES, "annotations", "labels")
_WORDS = ("command", "args")


def at(value: Any, path: Sequence[str], change: Callable[[Any], Any]) -> Any:
    """The value with what stands at the path changed; the rest is the same. Where the structure on the way is known only later, from there
    on the result is, too. Where nothing stands at the path, `change` gets None."""
    if rpc.is_rpc_secret(value):
        return pulumi.Output.secret(at(rpc.unwrap_rpc_secret(value), path, change))
    if isinstance(value, pulumi.Output):
        return value.apply(lambda known: at(known, path, change))
    if isinstance(value, pulumi.output.Unknown):
        # in a preview; in an update everything is known
        return value
    if path:
        inner = value.get(path[0]) if isinstance(value, Mapping) else None
        if inner is None:
            return change(None)
        return {**value, path[0]: at(inner, path[1:], change)}
    if is_structured(value):
        return change(value)
    return pulumi.Output.from_input(value).apply(change)


def is_structured(value: Any) -> bool:
    """Whether everything that the fold looks at is known."""
    if isinstance(value, str | int):
        return True
    if isinstance(value, Mapping):
        if rpc.is_rpc_secret(value):
            return False
        return all(_is_content(key, inner) or is_structured(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return all(map(is_structured, value))
    return not isinstance(value, pulumi.Output | pulumi.output.Unknown)


def _is_content(key: str, inner: Any) -> bool:
    if key in _WORDS:
        return isinstance(inner, list | tuple)
    return key in _CONTENTS or (key in _MAPS and isinstance(inner, Mapping) and not rpc.is_rpc_secret(inner))
