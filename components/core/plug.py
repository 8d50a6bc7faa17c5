"""The plug between patterns and the pod: what a pattern has, and what is wrong with one that is plugged in."""

import inspect
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from .app import Port
from .patch import PodPatch
from .view import PodView


@runtime_checkable
class Adds(Protocol):
    """A pattern that adds to a pod. It sees the app, and every port, as they finally are."""

    def patch(self, pod: PodView, /) -> PodPatch:
        """What it adds."""
        ...


@runtime_checkable
class Wraps(Protocol):
    """An ambassador: it takes over a port, and moves the process behind it inwards with `PodView.move`."""

    def wrap(self, pod: PodView, /) -> tuple[PodView, PodPatch]:
        """The pod as the next pattern sees it, and what it adds."""
        ...


Pattern = Adds | Wraps
"""Whatever adds to a pod. If it has an attribute `ports`, a sequence of Port, those are ports that it serves itself: the Service carries
them, and ambassadors can stand in front of them."""


def describe(pattern: object) -> str:
    """How messages call a pattern: its class, without `Args`, and its name."""
    name = getattr(pattern, "pulumi_resource_name", None) or getattr(pattern, "name", None)
    kind = type(pattern).__name__.removesuffix("Args")
    return f"{kind} {name!r}" if isinstance(name, str) else kind


def served(pattern: Pattern) -> Sequence[Port]:
    """The ports that it serves itself."""
    ports: Sequence[Port] = getattr(pattern, "ports", ())
    return ports


def problems(patterns: object) -> list[str]:
    """Why these cannot be the patterns of a pod; nothing of them has been called."""
    if isinstance(patterns, str | bytes) or not isinstance(patterns, Sequence):
        return [f"patterns must be a list of patterns, but is {_a(patterns)}"]
    return [line for index, pattern in enumerate(patterns) for line in _problems(f"patterns[{index}]", pattern)]


def _problems(where: str, pattern: object) -> list[str]:
    if isinstance(pattern, type):
        return [f"{where} is the class {pattern.__name__}; write {pattern.__name__}(...)"]
    members = {name: getattr(pattern, name, None) for name in ("patch", "wrap")}
    if not any(callable(member) for member in members.values()) and not isinstance(getattr(pattern, "ports", None), Sequence):
        return [f"{where} is not a pattern: {_a(pattern)} has neither patch(pod) nor wrap(pod)"]
    wrong = [name for name, member in members.items() if not _fits(member)]
    found = [f"{where}: {name}(pod) of {describe(pattern)} must take the pod, and nothing else" for name in wrong]
    ports = getattr(pattern, "ports", ())
    if isinstance(ports, str) or not isinstance(ports, Sequence) or not all(isinstance(port, Port) for port in ports):
        return [*found, f"{where}: ports of {describe(pattern)} must be a list of Port"]
    return found + [f"{describe(pattern)}: {line}" for port in ports for line in port.problems()]


def _fits(method: object) -> bool:
    if method is None:
        return True
    if not callable(method):
        return False
    try:
        inspect.signature(method).bind(None)
    except TypeError:
        return False
    return True


def _a(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def wrapped(pattern: Wraps, pod: PodView) -> tuple[PodView, PodPatch]:
    """What `wrap` returns; something else is a problem of the patch."""
    result: Any = pattern.wrap(pod)
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], PodView) and isinstance(result[1], PodPatch):
        return result
    return pod, PodPatch(problems=(f"wrap(pod) must return (PodView, PodPatch), but returned {_a(result)}",))


def added(pattern: Adds, pod: PodView) -> PodPatch:
    """What `patch` returns; something else is a problem of the patch."""
    result: Any = pattern.patch(pod)
    return result if isinstance(result, PodPatch) else PodPatch(problems=(f"patch(pod) must return a PodPatch, but returned {_a(result)}",))
