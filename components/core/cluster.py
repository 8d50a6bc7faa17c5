"""The cluster that a pod is composed for: its version, and how it runs sidecars."""

import re
from dataclasses import dataclass
from typing import Annotated

from . import checks

DEFAULT_KUBERNETES = "1.30"
"""The oldest cluster that the defaults suit: native sidecars (1.29) and the preStop sleep action (1.30)."""

SIDECARS = ("native", "classic")

Release = tuple[int, int]
"""A Kubernetes version, major and minor."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What of a cluster decides how a pod is written."""

    version: Release
    """Of the oldest one."""
    classic: bool
    """Whether sidecars are ordinary containers, for clusters before 1.29."""


def version(text: str) -> Release:
    """A Kubernetes version such as 1.30 or v1.30.2 as (major, minor). Raises ValueError for anything else."""
    # a number would have lost its last zero
    found = re.fullmatch(r"v?(\d+)\.(\d+)(\..*)?", text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f"{text!r} is not a valid Kubernetes version; write it as '1.30'")
    return int(found.group(1)), int(found.group(2))


DEFAULT_RELEASE = version(DEFAULT_KUBERNETES)


def _version_problems(what: str, text: str) -> list[str]:
    try:
        version(text)
    except ValueError as error:
        return [f"{what} {error}"]
    return []


Version = Annotated[str, _version_problems]
"""The annotation of a field with a Kubernetes version."""


def cluster(kubernetes_version: str, sidecars: str) -> tuple[Cluster, list[str]]:
    """The cluster, and what is wrong with these arguments."""
    wrong = _version_problems("kubernetes_version", kubernetes_version)
    problems = checks.one_of("sidecars", sidecars, SIDECARS) + wrong
    kubernetes = DEFAULT_RELEASE if wrong else version(kubernetes_version)
    if sidecars == "native" and kubernetes < (1, 29):
        problems.append(f"native sidecars need Kubernetes 1.29, but kubernetes_version is {kubernetes_version}; set sidecars='classic'")
    return Cluster(version=kubernetes, classic=sidecars == "classic"), problems
