"""What every proxy in a pod needs: probes at its health port, and as many workers as it has CPUs."""

import math
from typing import Any

from ...core.patch import Wire
from ...core.quantities import amount


def health_probe(port: int, path: str) -> dict[str, Any]:
    """The probes of a sidecar that answers at that port of the pod."""
    handler = {"httpGet": {"path": path, "port": port}}
    return {
        "startupProbe": {**handler, "periodSeconds": 1, "failureThreshold": 60},
        "livenessProbe": {**handler, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3},
    }


def workers(resources: Wire) -> int:
    """One for each CPU of the limit, one without."""
    limit = (resources.get("limits") or {}).get("cpu")
    return max(1, math.ceil(amount(limit))) if limit else 1
