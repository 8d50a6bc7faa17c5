"""The fields of a manifest in the order in which people write and read them; Pulumi's wire format knows no order."""

from typing import Any

# No two levels of a manifest disagree about the order, so one list is enough for all of them.
_FIRST = (
    # objects
    *("apiVersion", "kind", "metadata", "name", "namespace", "labels", "annotations"),
    *("type", "spec", "replicas", "selector", "strategy"),
    # containers
    *("image", "restartPolicy", "command", "args", "workingDir", "env", "ports", "resources"),
    *("startupProbe", "readinessProbe", "livenessProbe", "lifecycle"),
    # pods
    *("serviceAccountName", "automountServiceAccountToken", "enableServiceLinks", "terminationGracePeriodSeconds"),
    # containers and pods
    *("securityContext", "volumeMounts", "initContainers", "containers", "volumes"),
    # probes, and resources
    *("httpGet", "tcpSocket", "exec", "requests", "limits"),
)
_PLACES = {name: place for place, name in enumerate(_FIRST)}


def ordered(value: Any) -> Any:
    """The manifest, or a part of it: known fields first, then the others in alphabetical order; lists stay as they are."""
    if isinstance(value, dict):
        return {name: ordered(value[name]) for name in sorted(value, key=lambda name: (_PLACES.get(name, len(_PLACES)), name))}
    return [ordered(item) for item in value] if isinstance(value, list) else value
