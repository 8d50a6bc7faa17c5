"""Where what patterns own is, and where the pod is: a pod sees the Secrets of its own namespace alone."""

from collections.abc import Sequence

import pulumi

from . import checks, plug
from .errors import CompositionError


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


def agreed(where: str, patterns: object, namespace: pulumi.Input[str], way_out: str) -> pulumi.Input[str]:
    """The namespace; CompositionError as soon as it is known that a pattern made by hand has another."""
    others = owned(patterns)
    if all(checks.is_plain(known) for known in (namespace, *(n for _, n in others))):
        return namespace

    def check(known: list[str]) -> str:
        ours, *theirs = known
        pairs = [(pattern, their) for (pattern, _), their in zip(others, theirs, strict=True) if their != ours]
        wrong = [disagreement(pattern, their, ours, way_out) for pattern, their in pairs]
        if wrong:
            raise CompositionError(where, wrong)
        return ours

    return pulumi.Output.all(namespace, *(theirs for _, theirs in others)).apply(check)


def service_names(service: str, namespace: object) -> list[str]:
    """The names of a Service; without the namespace's where that is known only later."""
    return [service, *([f"{service}.{namespace}", f"{service}.{namespace}.svc"] if isinstance(namespace, str) else [])]


def pod_names(headless: str, namespace: object) -> list[str]:
    """The names of a headless Service, and those that it gives to its pods."""
    names = service_names(headless, namespace)
    return [*names, *(f"*.{name}" for name in names)]
