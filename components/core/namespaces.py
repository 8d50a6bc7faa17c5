"""Where what patterns own is, and where the pod is: a pod sees the Secrets of its own namespace alone."""

from collections.abc import Sequence

import pulumi

from . import plug


def owned(patterns: object) -> list[tuple[object, pulumi.Input[str]]]:
    """The patterns that own resources, and the namespaces of those."""
    given = patterns if isinstance(patterns, Sequence) else ()
    found = [(pattern, getattr(pattern, "namespace", None)) for pattern in given if isinstance(pattern, pulumi.Resource)]
    return [(pattern, namespace) for pattern, namespace in found if namespace is not None]


def disagreements(patterns: object, ours: object, way_out: str) -> list[str]:
    """A line for every pattern whose resources are in another namespace than the workload, as far as both are known."""
    known = [(pattern, theirs) for pattern, theirs in owned(patterns) if isinstance(theirs, str) and isinstance(ours, str)]
    return [disagreement(pattern, theirs, str(ours), way_out) for pattern, theirs in known if theirs != ours]


def disagreement(pattern: object, theirs: str, ours: str, way_out: str) -> str:
    """What is wrong, and the way out."""
    return f"{plug.describe(pattern)} makes its resources in namespace {theirs!r}, but the workload is in {ours!r}; {way_out}"
