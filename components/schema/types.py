"""What a value may be, whoever checks it: an editor, a compiler of another language."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

REQUIRED: Any = object()
"""Stands for the default of what has none."""


@dataclass(frozen=True, kw_only=True)
class Type:
    """What a value may be."""

    nullable: bool = False
    """Whether there may be none."""
    late: bool = False
    """Whether an Output is welcome; everything else is plain."""


@dataclass(frozen=True, kw_only=True)
class Scalar(Type):
    """A text, a number, true or false."""

    kind: Literal["string", "integer", "number", "boolean"]
    patterns: tuple[str, ...] = ()
    """What the whole text must match. Default: none, any text."""
    rule: str = ""
    """The patterns in words. Default: none."""
    choices: tuple[str | int, ...] = ()
    """The only values. Default: none, all."""
    least: int | None = None
    """The least number. Default: None, any."""
    most: int | None = None
    """The greatest number. Default: None, any."""


@dataclass(frozen=True, kw_only=True)
class Items(Type):
    """A list."""

    of: Type
    """What each item is."""


@dataclass(frozen=True, kw_only=True)
class Map(Type):
    """A mapping with keys of the user's own."""

    keys: Scalar
    values: Type


@dataclass(frozen=True, kw_only=True)
class Record(Type):
    """Arguments: an object with properties."""

    of: type
    """Their dataclass; `reading.properties` has what it has."""


@dataclass(frozen=True, kw_only=True)
class Resource(Type):
    """A component."""

    of: type
    """Its class."""


@dataclass(frozen=True, kw_only=True)
class Choice(Type):
    """A value of one of several types."""

    among: tuple[Type, ...]


@dataclass(frozen=True, kw_only=True)
class OneOf(Type):
    """Arguments of one of several kinds."""

    among: Mapping[str, Record]
    """Kind to arguments."""
    open: bool = False
    """Whether others may add kinds. Default: False."""


@dataclass(frozen=True, kw_only=True)
class Manifest(Type):
    """An object as it stands in a manifest, Outputs at its leaves."""

    of: str = "any"
    """What it is: a kind of object in core/pod_fields.json, `resources` or `env_source`. Default: any."""


@dataclass(frozen=True, kw_only=True)
class Anything(Type):
    """Any value."""


@dataclass(frozen=True, kw_only=True)
class Property:
    """A property of an object: an argument, or an output."""

    name: str
    """As in Python, snake_case."""
    of: Type
    description: str
    default: Any = REQUIRED
    """What stands in for it, as JSON has it. Default: REQUIRED, nothing does."""
    owner: type
    """The class that says it, which may be a base of the one that has it."""
