"""The Helm chart of examples/chart, rendered by Helm: a workload that is not made by this library."""

import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.programs import need

CHART = Path(__file__).parent.parent.parent / "examples" / "chart" / "charts" / "orders"
DEFAULTS = ""
"""The chart's own values."""
FULL = "full"
"""Everything switched on: ci/full-values.yaml."""
RELEASE, NAMESPACE, KUBERNETES = "orders", "shop", "1.33"


def helm(*arguments: str) -> str:
    """What Helm prints; it reads nothing of the user's and keeps nothing."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "KUBECONFIG": "/dev/null", **{f"HELM_{kind}_HOME": home for kind in ("CACHE", "CONFIG", "DATA")}}
        done = subprocess.run([need("helm"), *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def values(name: str) -> tuple[str, ...]:
    """The arguments that give Helm the values of that name."""
    return ("--values", str(CHART / "ci" / f"{name}-values.yaml")) if name else ()


def template(*arguments: str, release: str = RELEASE) -> list[dict[str, Any]]:
    """The chart's manifests in the order in which Helm prints them, hooks at the end."""
    text = helm("template", release, str(CHART), "--namespace", NAMESPACE, "--kube-version", KUBERNETES, *arguments)
    return [document for document in yaml.safe_load_all(text) if document]


@cache
def chart(name: str = FULL) -> list[dict[str, Any]]:
    """The manifests with those values; nobody changes them."""
    return template(*values(name))
