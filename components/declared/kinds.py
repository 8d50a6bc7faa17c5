"""What `kind` may be where a pattern is written as data: the arguments that stand for it."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from .. import patterns
from ..core import plug

GROUP = "pod_patterns.patterns"
"""Entry points of this group add kinds: `MyPattern = "my_package:MyPatternArgs"`."""


@cache
def shipped() -> Mapping[str, type[plug.PatternArgs]]:
    """The arguments of this package's patterns, by kind."""
    found: dict[str, type[plug.PatternArgs]] = {}
    for module in pkgutil.iter_modules(patterns.__path__):
        if module.ispkg:
            continue
        name = f"{patterns.__name__}.{module.name}"
        for member in vars(importlib.import_module(name)).values():
            if inspect.isclass(member) and issubclass(member, plug.PatternArgs) and member.__module__ == name:
                found[member.__name__.removesuffix("Args")] = member
    return found


def kinds() -> Mapping[str, type[Any]]:
    """Every kind that has a name of its own: this package's, and those of installed packages."""
    return {**{point.name: point.load() for point in entry_points(group=GROUP)}, **shipped()}


def by_path(kind: str) -> tuple[type[Any] | None, str]:
    """The arguments at an import path, `my_package.MyPattern` or `my_package.MyPatternArgs`; or None, and why they cannot be used."""
    module, _, name = kind.rpartition(".")
    try:
        members = vars(importlib.import_module(module))
    except ImportError as error:
        return None, f"{kind!r} cannot be imported: {error}"
    found = members.get(f"{name}Args", members.get(name))
    if not inspect.isclass(found) or not is_dataclass(found):
        return None, f"{kind!r} is not a dataclass of arguments; {module} needs a dataclass {name.removesuffix('Args')}Args"
    if not any(callable(getattr(found, member, None)) for member in ("patch", "wrap", "plan")):
        return None, f"{kind!r} has neither patch(pod) nor wrap(pod)"
    return found, ""
