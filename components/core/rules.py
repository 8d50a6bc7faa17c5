"""Rules at the fields of arguments: the type of a field, and in its annotation what the type cannot say."""

import types
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pulumi

from . import checks

Label = Annotated[str, checks.label]
"""RFC 1123 label: names of containers, volumes, namespaces."""
ServiceName = Annotated[str, checks.service_name]
ObjectName = Annotated[str, checks.object_name]
"""metadata.name of an object."""
DataKey = Annotated[str, checks.data_key]
"""Key in the data of a Secret or ConfigMap."""
PortName = Annotated[str, checks.port_name]
PortNumber = Annotated[int, checks.port]
HighPort = Annotated[int, checks.whole(1024, 65535)]
"""Port number that takes no privilege."""
DnsName = Annotated[str, checks.dns_name]
IpAddress = Annotated[str, checks.address]
Path = Annotated[str, checks.path]
FileName = Annotated[str, checks.file_name]
FileGlob = Annotated[str, checks.file_glob]
"""A file name, or several: `*` and `?` stand for other characters."""
EnvName = Annotated[str, checks.env_name]
EnvSource = Annotated[Mapping[str, Any], checks.env_source]
"""What an environment variable is read from, in manifest form: `{"valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}`."""
HeaderName = Annotated[str, checks.header_name]
Image = Annotated[str, checks.image]
Pem = Annotated[str, checks.pem]
Quantity = Annotated[str, checks.quantity]
Resources = Annotated[Mapping[str, Any], checks.resources]
"""Requests and limits in manifest form; a memory limit and both requests are required."""
Text = Annotated[str, checks.text]
SomeText = Annotated[str, checks.some_text]
Positive = Annotated[int, checks.whole(1)]
"""Seconds, hours or a count, 1 or more."""
NotNegative = Annotated[int, checks.whole(0)]
Uid = Annotated[int, checks.uid]
"""User or group id, not root's."""
Manifest = Mapping[str, Any]
"""An object as it stands in a manifest."""

_SCALARS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
_TEXTS = (_SCALARS[str], f"{_SCALARS[str]} or a mapping")
# pulumi.Input[T] names its Output[T] by a forward reference
_INPUT = {"Output": pulumi.Output, "T": Any}
_Rule = Callable[[str, Any], Iterator[str]]


class Misfit(str):
    """A line for a value of another type; rules between fields cannot be looked at."""

    __slots__ = ()


class Elsewhere:
    """In an annotation: what is in the value is looked at by whoever uses it."""


def problems(args: object, path: str = "") -> list[str]:
    """What is wrong with arguments on their own: first their fields, then what their method `problems()` finds between them.

    path: what stands in front of each field's name.
    """
    values = {field.name: getattr(args, field.name) for field in fields(args)} if is_dataclass(args) else {}
    found = of_values(type(args), values, path)
    between = getattr(args, "problems", None)
    if callable(between) and not any(isinstance(line, Misfit) for line in found):
        found += [f"{path.removesuffix('.')}: {line}" if path else line for line in between()]
    return found


def of_values(cls: type, values: Mapping[str, Any], path: str = "") -> list[str]:
    """What is wrong with values for fields of a dataclass, each on its own."""
    rules = _rules(cls)
    return [line for name, value in values.items() if name in rules for line in rules[name](f"{path}{name}", value)]


@cache
def hints(cls: type) -> Mapping[str, Any]:
    """The type hints of a dataclass with their annotations, by field."""
    found = get_type_hints(cls, localns=_INPUT, include_extras=True)
    return {field.name: found[field.name] for field in fields(cls)}


@cache
def _rules(cls: type) -> Mapping[str, _Rule]:
    return {name: _rule(hint) for name, hint in hints(cls).items()} if is_dataclass(cls) else {}


def is_union(hint: Any) -> bool:
    """Whether the hint is a union, of an Input or with None."""
    return get_origin(hint) in (Union, types.UnionType)


def is_late(hint: Any) -> bool:
    """Whether the hint is that of a value that Pulumi knows only later, part of every Input."""
    return get_origin(hint) in (Awaitable, pulumi.Output)


def _rule(hint: Any) -> _Rule:
    """The check of a value by its hint."""
    origin, parameters = get_origin(hint), get_args(hint)
    if origin is Annotated:
        base, *notes = parameters
        typed = _typed(base) if Elsewhere in notes else _rule(base)
        return _noted(typed, [note for note in notes if callable(note) and note is not Elsewhere])
    if is_union(hint):
        return _of_union(parameters)
    if origin is Literal:
        return lambda path, value: iter(checks.one_of(path, value, parameters))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _of_mapping(_typed(hint), *map(_rule, parameters))
    if isinstance(origin, type) and issubclass(origin, Sequence) and (len(parameters) == 1 or parameters[1] is ...):
        return _of_sequence(_typed(hint), _rule(parameters[0]))
    if isinstance(hint, type) and is_dataclass(hint):
        return _of_dataclass(_typed(hint))
    return _typed(hint)


def _noted(typed: _Rule, notes: Sequence[Any]) -> _Rule:
    def check(path: str, value: Any) -> Iterator[str]:
        wrong = False
        for line in typed(path, value):
            wrong = True
            yield line
        if not wrong:
            for note in notes:
                yield from note(path, value)

    return check


def _of_union(parameters: tuple[Any, ...]) -> _Rule:
    plain = [p for p in parameters if p is not type(None) and not is_late(p)]
    optional, late = type(None) in parameters, any(map(is_late, parameters))
    members = [(p, _rule(p)) for p in plain]

    def check(path: str, value: Any) -> Iterator[str]:
        if (value is None and optional) or (late and not checks.is_plain(value)):
            return
        if len(members) == 1:
            yield from members[0][1](path, value)
            return
        rule = next((rule for hint, rule in members if fits(hint, value)), None)
        yield from rule(path, value) if rule else [misfit(path, " or ".join(map(_phrase, plain)), value)]

    return check


def _of_mapping(typed: _Rule, of_key: _Rule, of_value: _Rule) -> _Rule:
    def check(path: str, value: Any) -> Iterator[str]:
        wrong = list(typed(path, value))
        yield from wrong
        for key, inner in () if wrong else value.items():
            yield from of_key(f"{path} key", key)
            yield from of_value(f"{path}[{key!r}]", inner)

    return check


def _of_sequence(typed: _Rule, of_item: _Rule) -> _Rule:
    def check(path: str, value: Any) -> Iterator[str]:
        wrong = list(typed(path, value))
        yield from wrong
        for index, item in enumerate(() if wrong else value):
            yield from of_item(f"{path}[{index}]", item)

    return check


def _of_dataclass(typed: _Rule) -> _Rule:
    def check(path: str, value: Any) -> Iterator[str]:
        yield from list(typed(path, value)) or problems(value, f"{path}.")

    return check


def _typed(hint: Any) -> _Rule:
    """The check of the outer type alone."""

    def check(path: str, value: Any) -> Iterator[str]:
        if not fits(hint, value):
            yield misfit(path, _phrase(hint), value)

    return check


def fits(hint: Any, value: Any) -> bool:
    """Whether a value has the outer shape of the hint."""
    origin = get_origin(hint)
    if hint is Any:
        return True
    if origin is Annotated:
        return fits(get_args(hint)[0], value)
    if origin is Literal:
        return value in get_args(hint)
    if hint in (int, float):
        # a bool is an int; a whole number is a fine float
        return type(value) is int or type(value) is hint
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return isinstance(value, Sequence) and not isinstance(value, str | bytes)
    expected = origin or hint
    return not isinstance(expected, type) or getattr(expected, "_is_protocol", False) or isinstance(value, expected)


def _phrase(hint: Any) -> str:
    origin = get_origin(hint)
    if origin is Annotated:
        return _phrase(get_args(hint)[0])
    if origin is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    if hint in _SCALARS:
        return _SCALARS[hint]
    if isinstance(origin, type):
        return "a mapping" if issubclass(origin, Mapping) else "a list"
    return f"a {hint.__name__}"


def misfit(path: str, wanted: str, value: Any) -> Misfit:
    """The line for a value that is not what was wanted."""
    if not checks.is_plain(value):
        return Misfit(f"{path} must be a plain value, not an Output")
    quotes = "; put it in quotes" if wanted in _TEXTS and isinstance(value, bool | int | float) else ""
    return Misfit(f"{path} must be {wanted}, but is {described(value)}{quotes}")


def described(value: Any) -> str:
    """A value in words, for messages."""
    match value:
        case None:
            return "empty"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value!r}"
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case type():
            return f"the class {value.__name__}"
    return f"a {type(value).__name__}"
