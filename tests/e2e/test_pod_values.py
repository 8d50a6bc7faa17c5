"""The API server rejects what composition rejects in the fields of a pod, and accepts what composition accepts."""

import json
from typing import Any

import pytest

from tests.core.test_pod_values import ACCEPTED, REJECTED

from .cluster import Namespace


def answer(namespace: Namespace, spec: dict[str, Any]) -> str:
    """What the API says to a Deployment of such pods; nothing is made."""
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": spec}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    return namespace.try_kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(deployment)).text


@pytest.mark.parametrize("name", REJECTED)
def test_the_api_rejects_it(module_namespace: Namespace, name: str) -> None:
    assert "is invalid" in answer(module_namespace, REJECTED[name][0])


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_api_accepts_it(module_namespace: Namespace, name: str) -> None:
    assert "created" in answer(module_namespace, ACCEPTED[name])
