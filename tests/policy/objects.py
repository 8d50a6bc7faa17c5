"""A web server and its Service, as somebody wrote them who does not use this package; nothing is wrong with them."""

from base64 import b64encode
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

WEB: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "web:1",
                        "ports": [{"name": "http", "containerPort": 8080}, {"name": "plain", "containerPort": 8081}],
                        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "32Mi"}},
                        "securityContext": {
                            "allowPrivilegeEscalation": False,
                            "capabilities": {"drop": ["ALL"]},
                            "runAsNonRoot": True,
                            "seccompProfile": {"type": "RuntimeDefault"},
                        },
                    }
                ],
            },
        },
    },
}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"selector": {"app": "web"}, "ports": [{"name": "https", "port": 443, "targetPort": "http", "appProtocol": "https"}]},
}


def changed(manifest: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with something else at a path such as spec.ports.0.port; None leaves it out."""
    copy = deepcopy(dict(manifest))
    *above, last = (int(key) if key.isdigit() else key for key in path.split("."))
    place: Any = copy
    for key in above:
        place = place[key] if isinstance(key, int) else place.setdefault(key, {})
    if value is None:
        del place[last]
    else:
        place[last] = value
    return copy


def web(path: str, value: Any) -> dict[str, Any]:
    """The web server with something else in its container."""
    return changed(WEB, f"spec.template.spec.containers.0.{path}", value)


def secret(**data: str) -> dict[str, Any]:
    encoded = {key.replace("_", "."): b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "own", "namespace": "shop"}, "data": encoded}
