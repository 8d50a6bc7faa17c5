"""Contribution: what one pattern did to a pod, and why."""

import re
import sys
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any

from . import plug, rules
from .patch import PodPatch
from .view import BoundPort, PodView

_LONGEST = 100


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """What one pattern did to a pod."""

    pattern: Any
    """The pattern itself."""
    patch: PodPatch
    """What it added."""
    before: PodView
    """The pod as it was handed to `wrap`; as it finally is, if the pattern only adds."""
    after: PodView
    """The pod as `wrap` left it; the same as `before`, if the pattern only adds."""

    @property
    def owner(self) -> str:
        """How messages call the pattern."""
        return plug.describe(self.pattern)

    @property
    def kind(self) -> str:
        """Its kind."""
        return plug.kind(self.pattern)

    @property
    def moves(self) -> list[tuple[BoundPort, BoundPort]]:
        """The ports that it took over or redirected, each before and after that."""
        pairs = ((port, self.after.port(port.name)) for port in self.before.ports)
        return [(old, new) for old, new in pairs if new is not None and new != old]

    @property
    def why(self) -> str:
        """What the pattern is for: the first line of its module if that begins with its kind, else of its class; empty without either."""
        cls = type(self.pattern)
        opening = _opening(getattr(sys.modules.get(cls.__module__), "__doc__", None))
        name, _, purpose = opening.partition(": ")
        return purpose if purpose and name == self.kind else "" if cls.__name__.startswith("_") else _opening(_own_doc(cls))

    @property
    def arguments(self) -> dict[str, str]:
        """Its arguments that are not as by default, as text."""
        args = getattr(self.pattern, "args", self.pattern)
        if not is_dataclass(args) or isinstance(args, type):
            return {}
        return {name: text for name, text in _given(args) if name != "name"}


def _given(args: Any) -> Iterator[tuple[str, str]]:
    for field in fields(args):
        value = getattr(args, field.name)
        default = field.default if field.default_factory is MISSING else field.default_factory()
        if default is MISSING or type(value) is not type(default) or value != default:
            yield field.name, written(value)


def written(value: Any) -> str:
    """A value of an argument in a few words; what is known only later, or is an object with a name, is called by that."""
    text = re.sub(r"<\S+\.Output object at \S+>", "(known later)", repr(value))
    name = getattr(value, "pulumi_resource_name", None)
    if name is not None:
        return f"{type(value).__name__} {name!r}"
    if repr(value).startswith("<"):
        return "(known later)" if "Output" in type(value).__name__ else rules.described(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def _own_doc(cls: type) -> str | None:
    doc = cls.__doc__
    # what @dataclass writes where there is none
    return None if doc and is_dataclass(cls) and doc.startswith(f"{cls.__name__}(") else doc


def _opening(doc: str | None) -> str:
    """The first paragraph, on one line."""
    return " ".join((doc or "").strip().split("\n\n")[0].split())
