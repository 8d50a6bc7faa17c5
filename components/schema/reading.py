"""From the type hints of arguments to neutral types: names, defaults and docstrings stand there already, and are not written twice."""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

import pulumi

from ..core import checks, plug, rules
from ..core.app import App
from ..declared import kinds
from ..declared.injections import InjectionFile, InjectionItem
from ..declared.stack_file import StackFile
from ..workload import WorkloadArgs
from . import docstrings
from .types import REQUIRED, Anything, Choice, Items, Manifest, Map, OneOf, Property, Record, Resource, Scalar, Type

_SCALARS: Mapping[Any, Literal["string", "integer", "number", "boolean"]] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
}
# what the checks of objects in manifest form look at
_MANIFESTS = {
    "resources": "resources",
    "env_source": "env_source",
    "_probe_problems": "Probe",
    "_mount_problems": "VolumeMount",
    "_volume_problems": "Volume",
    "_container_problems": "Container",
}
_PATTERNS = frozenset(get_args(plug.Pattern))


@cache
def patterns() -> OneOf:
    """A pattern of this package, by its kind."""
    return OneOf(among={kind: Record(of=cls) for kind, cls in sorted(kinds.shipped().items())}, open=True)


@cache
def _read_elsewhere() -> Mapping[tuple[type, str], Type]:
    """What `declared` reads step by step, so that its fields say nothing."""
    listed = Items(of=patterns())
    return {
        (StackFile, "app"): Record(of=App),
        (StackFile, "workload"): Record(of=WorkloadArgs),
        (StackFile, "patterns"): listed,
        (InjectionItem, "patterns"): listed,
        (InjectionFile, "injections"): Items(of=Record(of=InjectionItem)),
    }


@cache
def properties(cls: type) -> tuple[Property, ...]:
    """The arguments in a dataclass, in the order of its fields."""
    texts, hints = docstrings.of_fields(cls), rules.hints(cls)
    return tuple(
        Property(
            name=field.name,
            of=_read_elsewhere().get((cls, field.name)) or read(hints[field.name]),
            description=texts[field.name],
            default=_default(field),
            owner=docstrings.owner(cls, field.name),
        )
        for field in fields(cls)
    )


@cache
def outputs(component: type[pulumi.ComponentResource]) -> tuple[Property, ...]:
    """The outputs that a component has as annotations of its class."""
    texts = docstrings.of_fields(component)
    hints = {name: hint for base in reversed(component.__mro__) for name, hint in inspect.get_annotations(base).items()}
    found = {name: get_args(hints[name])[0] for name in texts if get_origin(hints[name]) is pulumi.Output}
    return tuple(
        Property(name=name, of=read(hint), description=texts[name], owner=docstrings.owner(component, name)) for name, hint in found.items()
    )


def records(classes: Iterable[type]) -> list[type]:
    """The classes of arguments, and of all that is in them."""
    found: dict[type, None] = {}
    left = list(classes)
    while left:
        cls = left.pop()
        if cls not in found:
            found[cls] = None
            left += [inner.of for p in properties(cls) for inner in _parts(p.of) if isinstance(inner, Record)]
    return list(found)


def _parts(of: Type) -> Iterator[Type]:
    """A type, and those in it, without what their records have."""
    yield of
    match of:
        case Items(of=item):
            yield from _parts(item)
        case Map(values=values):
            yield from _parts(values)
        case Choice(among=among):
            yield from (inner for member in among for inner in _parts(member))
        case OneOf(among=choices):
            yield from choices.values()


def read(hint: Any) -> Type:
    """What a type hint says."""
    base, notes = _noted(hint)
    origin, parameters = get_origin(base), get_args(base)
    if base in _SCALARS:
        return _scalar(_SCALARS[base], notes)
    if origin is Literal:
        (kind,) = {_SCALARS[type(value)] for value in parameters}
        return Scalar(kind=kind, choices=parameters)
    if rules.is_union(base):
        return _union(parameters)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        keys, values = read(parameters[0]), read(parameters[1])
        assert isinstance(keys, Scalar)
        found = [_MANIFESTS[name] for name in (getattr(note, "__name__", "") for note in notes) if name in _MANIFESTS]
        return Manifest(of=found[0] if found else "any") if isinstance(values, Anything) else Map(keys=keys, values=values)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return Items(of=read(parameters[0]))
    if isinstance(base, type) and is_dataclass(base):
        return Record(of=base)
    if isinstance(base, type) and issubclass(base, pulumi.Resource):
        return Resource(of=base)
    if base is Any:
        return Anything()
    raise TypeError(f"{hint} is not a type of an argument")


def _noted(hint: Any) -> tuple[Any, list[Any]]:
    base, notes = hint, []
    while get_origin(base) is Annotated:
        base, *more = get_args(base)
        notes += more
    return base, notes


def _scalar(kind: Literal["string", "integer", "number", "boolean"], notes: Sequence[Any]) -> Scalar:
    shapes = [note for note in notes if isinstance(note, checks.Shaped | checks.Outlined)]
    whole = next((note for note in notes if isinstance(note, checks.Whole)), None)
    return Scalar(
        kind=kind,
        patterns=tuple(note.pattern for note in shapes),
        rule="; ".join(note.rule for note in shapes if isinstance(note, checks.Shaped)),
        least=whole.least if whole else None,
        most=(whole.limit if whole.most is None else whole.most) if whole else None,
    )


def _union(members: Sequence[Any]) -> Type:
    plain = [member for member in members if member is not type(None) and not rules.is_late(member)]
    nullable, late = type(None) in members, any(map(rules.is_late, members))
    if set(plain) >= _PATTERNS:
        return patterns()
    among = tuple(read(member) for member in plain)
    records = {member.of.__name__: member for member in among if isinstance(member, Record)}
    if len(among) == 1:
        return replace(among[0], nullable=nullable, late=late)
    if len(records) == len(among):
        return OneOf(among=records, nullable=nullable, late=late)
    return Choice(among=among, nullable=nullable, late=late)


def _default(field: "Field[Any]") -> Any:
    if field.default is not MISSING:
        return plain(field.default)
    return REQUIRED if field.default_factory is MISSING else plain(field.default_factory())


def plain(value: Any) -> Any:
    """A default as JSON has it: of arguments what is not as by default."""
    if is_dataclass(value) and not isinstance(value, type):
        given = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: plain(inner) for name, inner in given.items() if plain(inner) != _default(_field(type(value), name))}
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _field(cls: type, name: str) -> "Field[Any]":
    return next(field for field in fields(cls) if field.name == name)
