"""The plug between patterns and the pod: what a pattern has, and what is wrong with one that is plugged in."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, Protocol, Self, TypeGuard, cast

import pulumi

from . import checks, rules
from .app import Port
from .patch import PodPatch
from .rules import Label
from .view import PodView


class Adds(Protocol):
    """A pattern that adds to a pod. It sees the app, and every port, as they finally are."""

    def patch(self, pod: PodView, /) -> PodPatch:
        """What it adds."""
        ...


class Wraps(Protocol):
    """An ambassador: it takes over a port, and moves the process behind it inwards with `PodView.move`."""

    def wrap(self, pod: PodView, /) -> tuple[PodView, PodPatch]:
        """The pod as the next pattern sees it, and what it adds."""
        ...


class Planned(Protocol):
    """A pattern that owns resources, which do not exist yet: names stand for them until the composition is known to stand."""

    def create(self, name: str, opts: pulumi.ResourceOptions, /) -> "Adds | Wraps":
        """The same pattern with its resources."""
        ...


class Plans(Protocol):
    """Arguments of a pattern that owns resources."""

    def plan(self) -> "Adds | Wraps":
        """The pattern, as far as it can be without its resources."""
        ...


def adds(pattern: object) -> TypeGuard[Adds]:
    """Whether it has `patch`; asked by name, which takes a tenth of the time of a runtime-checkable protocol."""
    return callable(getattr(pattern, "patch", None))


def wraps(pattern: object) -> TypeGuard[Wraps]:
    """Whether it has `wrap`."""
    return callable(getattr(pattern, "wrap", None))


def is_planned(pattern: object) -> TypeGuard[Planned]:
    """Whether it has `create`."""
    return callable(getattr(pattern, "create", None))


def plans(pattern: object) -> TypeGuard[Plans]:
    """Whether it has `plan`."""
    return callable(getattr(pattern, "plan", None))


@dataclass(frozen=True, kw_only=True)
class PatternArgs:
    """Arguments of a pattern. In the list of a workload they stand for the pattern itself: the workload completes them, and creates what
    it owns as its own child."""

    name: Label | None = None
    """Name of the pattern, for messages and its resources; set it where a list has two of a kind. Default: None, in the list of a workload
    the workload's name and the kind."""

    def completed(self, facts: Mapping[str, Any]) -> Self:
        """These arguments, and what the workload knows where they say nothing."""
        own = {field.name for field in fields(self)}
        unset = {name: fact for name, fact in facts.items() if name in own and getattr(self, name) is None}
        return replace(self, **unset) if unset else self


Pattern = Adds | Wraps | Plans | PatternArgs
"""Whatever adds to a pod. If it has an attribute `ports`, a sequence of Port, those are ports that it serves itself: the Service carries
them, and ambassadors can stand in front of them."""


def kind(pattern: object) -> str:
    """Its class, without `Args`."""
    name: str = getattr(pattern, "kind", type(pattern).__name__.removesuffix("Args"))
    return name


def describe(pattern: object) -> str:
    """How messages call a pattern: its kind and its name."""
    name = getattr(pattern, "pulumi_resource_name", None) or getattr(pattern, "name", None)
    return f"{kind(pattern)} {name!r}" if isinstance(name, str) else kind(pattern)


def owned_name(pattern: object, workload: str) -> str:
    """The logical name of what a pattern of that workload owns."""
    kebab = re.sub("(?<=[a-z0-9])(?=[A-Z])", "-", kind(pattern)).lower()
    return getattr(pattern, "name", None) or f"{workload}-{kebab}"


def planned(patterns: Sequence[Pattern]) -> list["Adds | Wraps"]:
    """The patterns, those of which are arguments as far as they can be without their resources."""
    return [pattern.plan() if plans(pattern) else cast("Adds | Wraps", pattern) for pattern in patterns]


def unplanned(patterns: Sequence[object]) -> list[str]:
    """A line for each of the arguments whose resources nobody would create."""
    return [
        f"{describe(pattern)} owns resources; write it in the list of a Workload, or make the component yourself"
        for pattern in patterns
        if plans(pattern) and is_planned(pattern.plan())
    ]


def served(pattern: Pattern) -> Sequence[Port]:
    """The ports that it serves itself."""
    ports: Sequence[Port] = getattr(pattern, "ports", ())
    return ports


def misfits(patterns: object) -> list[str]:
    """Why these cannot be the patterns of a pod at all; nothing of them has been called."""
    if isinstance(patterns, str | bytes) or not isinstance(patterns, Sequence):
        return [f"patterns must be a list of patterns, but is {_a(patterns)}"]
    return [line for index, pattern in enumerate(patterns) for line in _misfits(f"patterns[{index}]", pattern)]


def problems(patterns: Sequence[object]) -> list[str]:
    """Why they cannot be the patterns of a pod, and what they find wrong with themselves."""
    return misfits(patterns) or [line for pattern in patterns for line in _own_problems(pattern)]


def _misfits(where: str, pattern: object) -> list[str]:
    if isinstance(pattern, type):
        return [f"{where} is the class {pattern.__name__}; write {pattern.__name__}(...)"]
    if not checks.is_plain(pattern):
        # it would pretend to have every attribute
        return [f"{where} must be a plain value, not an Output"]
    if plans(pattern):
        return []
    members = {name: getattr(pattern, name, None) for name in ("patch", "wrap")}
    ports = getattr(pattern, "ports", None)
    if not any(callable(member) for member in members.values()) and ports is None:
        return [f"{where} is not a pattern: {_a(pattern)} has neither patch(pod) nor wrap(pod)"]
    wrong = [name for name, member in members.items() if not _fits(member)]
    found = [f"{where}: {name}(pod) of {describe(pattern)} must take the pod, and nothing else" for name in wrong]
    if ports is not None and (isinstance(ports, str) or not isinstance(ports, Sequence) or not all(isinstance(p, Port) for p in ports)):
        found.append(f"{where}: ports of {describe(pattern)} must be a list of Port")
    return found


def _own_problems(pattern: object) -> list[str]:
    """What arguments in the list find wrong with themselves, and the ports; a component has looked at its own when it was made."""
    ports = [] if plans(pattern) else getattr(pattern, "ports", ())
    lines = [line for index, port in enumerate(ports) for line in rules.problems(port, f"ports[{index}].")]
    if isinstance(pattern, PatternArgs):
        lines += rules.problems(pattern)
    elif not isinstance(pattern, pulumi.Resource) and callable(getattr(pattern, "problems", None)):
        lines += pattern.problems()  # type: ignore[attr-defined]
    return [f"{describe(pattern)}: {line}" for line in lines]


def _fits(method: object) -> bool:
    if method is None:
        return True
    if not callable(method):
        return False
    function = getattr(method, "__func__", None)
    return _takes(method, 1) if function is None else _takes_known(function, 2)


def _takes(function: Callable[..., object], count: int) -> bool:
    """Whether it can be called with so many arguments."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    return True


# of a method, which has its object besides; a class has many objects
_takes_known = cache(_takes)


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
