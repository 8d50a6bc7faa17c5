"""The options of a component."""

from typing import Any

import pulumi


def options(read: pulumi.ResourceOptions, request: Any) -> pulumi.ResourceOptions:
    """The options that Pulumi's SDK reads from a request, with those that it leaves out; what nobody set is inherited.

    Transforms stay with the engine, which calls them for the component's children, too.
    """
    timeouts = request.customTimeouts
    if timeouts.create or timeouts.update or timeouts.delete:
        read.custom_timeouts = pulumi.CustomTimeouts(timeouts.create or None, timeouts.update or None, timeouts.delete or None)
    read.retain_on_delete = _set(request, "retainOnDelete")
    read.delete_before_replace = _set(request, "deleteBeforeReplace")
    read.additional_secret_outputs = list(request.additionalSecretOutputs) or None
    return read


def _set(request: Any, name: str) -> bool | None:
    return getattr(request, name) if request.HasField(name) else None
