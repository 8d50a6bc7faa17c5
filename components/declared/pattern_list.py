"""A list of patterns written as data: arguments, each with its kind."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..core import plug, rules
from . import kinds
from .parser import Parser


class Written(NamedTuple):
    """A pattern as it is written."""

    cls: type[Any]
    """Its arguments' class."""
    arguments: Any
    path: str
    """Where the arguments are."""
    beside: tuple[str, ...] = ()
    """Keys that stand beside them."""


Reader = Callable[[Parser, Any, str], Written | None]
"""Reads an item of the list; None if there is a problem, which is noted."""


def by_kind(parser: Parser, item: Any, path: str) -> Written | None:
    """A mapping of the pattern's kind and its arguments."""
    if not isinstance(item, Mapping):
        parser.wrong(path, "a mapping with a kind", item)
        return None
    cls = _kind(parser, item.get("kind"), f"{path}.kind")
    return None if cls is None else Written(cls, item, path, ("kind",))


def patterns(
    parser: Parser,
    given: Any,
    facts: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    at: str = "patterns",
    read: Reader = by_kind,
) -> tuple[Any, ...]:
    """The patterns that could be read; what they find wrong with themselves, once they know the facts, is noted.

    facts: what their workload will tell them. defaults: stand in for arguments of those names that are not given. at: the path of the list.
    read: how an item is written (default: with a `kind`).
    """
    found: list[Any] = []
    for index, item in enumerate(given if isinstance(given, list) else ()):
        written = read(parser, item, f"{at}[{index}]")
        if written is None:
            continue
        cls, arguments, path, beside = written
        args = parser.instance(cls, arguments, path, defaults=defaults or {}, beside=beside)
        if args is None:
            continue
        checked(parser, args.completed(facts) if isinstance(args, plug.PatternArgs) else args, path)
        name = getattr(args, "name", None)
        if any((type(args), name) == (type(other), getattr(other, "name", None)) for other in found):
            parser.problems.append(f"{path}.name: there is a {plug.describe(args)} already; give this one a name of its own")
        found.append(args)
    return tuple(found)


def _kind(parser: Parser, kind: Any, path: str) -> type[Any] | None:
    """The arguments of that kind, this package's or somebody else's."""
    if isinstance(kind, str) and kind in kinds.shipped():
        return kinds.shipped()[kind]
    if isinstance(kind, str) and "." in kind:
        found, problem = kinds.by_path(kind)
        parser.problems += [f"{path}: {problem}"] if problem else []
        return found
    known = kinds.kinds()
    chosen = parser.choice(kind, known, path)
    return None if chosen is None else known[chosen]


def checked(parser: Parser, instance: Any, path: str) -> Any:
    """The instance; what it finds wrong with itself is noted."""
    if instance is not None:
        parser.problems += rules.problems(instance, f"{path}.")
    return instance
