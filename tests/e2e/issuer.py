"""An issuer of tokens in the cluster."""

import json

from tests.support.issuer import Issuer

from .cluster import Namespace
from .light import IMAGE


def publish(namespace: Namespace, issuer: Issuer) -> None:
    """Puts the issuer's present key where the server below reads it."""
    data = {path.rpartition("/")[2]: json.dumps(document) for path, document in issuer.documents().items()}
    namespace.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "issuer"}, "data": data})


def issuing(namespace: Namespace) -> Issuer:
    """An issuer in the cluster: a server of what it publishes."""
    issuer = Issuer(f"http://issuer.{namespace}.svc.cluster.local:8000")
    publish(namespace, issuer)
    items = [{"key": path.rpartition("/")[2], "path": path.removeprefix("/")} for path in issuer.documents()]
    labels = {"app": "issuer"}
    container = {
        "name": "issuer",
        "image": IMAGE,
        "command": ["python3", "-m", "http.server", "8000", "--directory", "/documents"],
        "volumeMounts": [{"name": "documents", "mountPath": "/documents", "readOnly": True}],
        "readinessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 1},
        "securityContext": {"runAsUser": 1000, "allowPrivilegeEscalation": False},
    }
    volume = {"name": "documents", "configMap": {"name": "issuer", "items": items}}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container], "volumes": [volume]}
    ports = [{"port": 8000, "targetPort": 8000}]
    namespace.apply(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "issuer"}, "spec": {"selector": labels, "ports": ports}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "issuer", "labels": labels}, "spec": spec},
    )
    namespace.wait("pod/issuer", "condition=Ready")
    return issuer
