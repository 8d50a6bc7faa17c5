"""The cluster that a pod is composed for: its version, and how it runs sidecars."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from . import checks

DEFAULT_KUBERNETES = "1.30"
"""The oldest cluster that the defaults suit: native sidecars (1.29) and the preStop sleep action (1.30)."""

SIDECARS = ("native", "classic")

IpFamily = Literal["IPv4", "IPv6"]

Release = tuple[int, int]
"""A Kubernetes version, major and minor."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What of a cluster decides how a pod is written."""

    version: Release
    """Of the oldest one."""
    classic: bool
    """Whether sidecars are ordinary containers, for clusters before 1.29."""
    ip_families: tuple[str, ...] = ("IPv4",)
    """Of the pods' addresses, the preferred one first. Default: IPv4."""


_VERSION = r"v?([0-9]{1,3})\.([0-9]{1,3})([.+-][0-9A-Za-z.+-]*)?"


def version(text: str) -> Release:
    """A Kubernetes version such as 1.30 or v1.30.2 as (major, minor). Raises ValueError for anything else."""
    # a number would have lost its last zero
    found = re.fullmatch(_VERSION, text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f"{checks.shown(text)} is not a valid Kubernetes version; write it as '1.30'")
    return int(found.group(1)), int(found.group(2))


DEFAULT_RELEASE = version(DEFAULT_KUBERNETES)


@checks.outlined(_VERSION)
def _version_problems(what: str, text: str) -> list[str]:
    try:
        version(text)
    except ValueError as error:
        return [f"{what} {error}"]
    return []


Version = Annotated[str, _version_problems]
"""The annotation of a field with a Kubernetes version."""


def cluster(kubernetes_version: str, sidecars: str, ip_families: Sequence[str] = ("IPv4",)) -> tuple[Cluster, list[str]]:
    """The cluster, and what is wrong with these arguments."""
    wrong = _version_problems("kubernetes_version", kubernetes_version)
    problems = checks.one_of("sidecars", sidecars, SIDECARS) + wrong
    kubernetes = DEFAULT_RELEASE if wrong else version(kubernetes_version)
    if sidecars == "native" and kubernetes < (1, 29):
        problems.append(f"native sidecars need Kubernetes 1.29, but kubernetes_version is {kubernetes_version}; set sidecars='classic'")
    if not ip_families or len(set(ip_families)) < len(ip_families) or not set(ip_families) <= set(get_args(IpFamily)):
        problems.append(f"ip_families {list(ip_families)!r} is not allowed: IPv4, IPv6 or both")
    return Cluster(version=kubernetes, classic=sidecars == "classic", ip_families=tuple(ip_families)), problems
