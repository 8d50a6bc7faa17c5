"""Rules at the fields of arguments: the type of a field, and in its annotation what the type cannot say."""

import types
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pulumi

from . import checks
from .errors import refuse

Label = Annotated[str, checks.label]
"""RFC 1123 label: names of containers, volumes, namespaces."""
ServiceName = Annotated[str, checks.service_name]
ObjectName = Annotated[str, checks.object_name]
"""metadata.name of an object."""
DataKey = Annotated[str, checks.data_key]
"""Key in the data of a Secret or ConfigMap."""
LabelKey = Annotated[str, checks.qualified_name]
"""Key of a label or an annotation."""
LabelValue = Annotated[str, checks.label_value]
PortName = Annotated[str, checks.port_name]
PortNumber = Annotated[int, checks.port]
HighPort = Annotated[int, checks.whole(1024, 65535)]
"""Port number that takes no privilege."""
DnsName = Annotated[str, checks.dns_name]
Cidr = Annotated[str, checks.cidr]
"""Range of addresses."""
IpAddress = Annotated[str, checks.address]
Path = Annotated[str, checks.path]
FileName = Annotated[str, checks.file_name]
FileGlob = Annotated[str, checks.file_glob]
"""A file name, or several: `*` and `?` stand for other characters."""
EnvName = Annotated[str, checks.env_name]
EnvSource = Annotated[Mapping[str, Any], checks.env_source]
"""What an environment variable is read from, in manifest form: `{"valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}`."""
HeaderName = Annotated[str, checks.header_name]
AlpnName = Annotated[str, checks.alpn_name]
"""Name of a protocol as it is agreed on in a TLS handshake (ALPN)."""
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
Manifest = Annotated[Mapping[str, Any], checks.manifest]
"""An object as it stands in a manifest."""

_SCALARS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
_TEXTS = (_SCALARS[str], f"{_SCALARS[str]} or a mapping")
# pulumi.Input[T] names its Output[T] by a forward reference
_INPUT = {"Output": pulumi.Output, "T": Any}


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
    known = hints(cls) if is_dataclass(cls) else {}
    return [line for name, value in values.items() if name in known for line in _lines(known[name], f"{path}{name}", value)]


def of_value(hint: Any, path: str, value: Any) -> list[str]:
    """What is wrong with a value by its hint."""
    return list(_lines(hint, path, value))


@cache
def hints(cls: type) -> Mapping[str, Any]:
    """The type hints of a dataclass with their annotations, by field. Raises ArgumentError if one of them names what is not there."""
    try:
        found = get_type_hints(cls, localns=_INPUT, include_extras=True)
    except NameError as error:
        refuse(cls.__name__, [f"its type hints cannot be read: {error}; import it outside of TYPE_CHECKING"])
        raise
    return {field.name: found[field.name] for field in fields(cls)}


@cache
def is_union(hint: Any) -> bool:
    """Whether the hint is a union, of an Input or with None."""
    return get_origin(hint) in (Union, types.UnionType)


@cache
def is_late(hint: Any) -> bool:
    """Whether the hint is that of a value that Pulumi knows only later, part of every Input."""
    return get_origin(hint) in (Awaitable, pulumi.Output)


def _lines(hint: Any, path: str, value: Any) -> Iterator[str]:
    """What is wrong with a value by its hint."""
    origin, parameters = _parts(hint)
    if origin is Annotated:
        base, *notes = parameters
        wrong = list(_lines(base, path, value)) if Elsewhere not in notes or not fits(base, value) else []
        yield from wrong or (line for note in notes if note is not Elsewhere for line in note(path, value))
    elif is_union(hint):
        yield from _of_union(parameters, path, value)
    elif origin is Literal and type(value) in {type(known) for known in parameters}:
        yield from checks.one_of(path, value, parameters)
    elif not fits(hint, value):
        # YAML reads 0400 as a number
        yield misfit(path, _phrase(hint), value, quotes=origin is Literal and isinstance(parameters[0], str))
    elif isinstance(value, Mapping) and parameters:
        for key, inner in value.items():
            yield from _lines(parameters[0], f"{path} key", key)
            yield from _lines(parameters[1], f"{path}[{checks.shown(key)}]", inner)
    elif isinstance(value, Sequence) and (len(parameters) == 1 or parameters[1:] == (...,)):
        for index, item in enumerate(value):
            yield from _lines(parameters[0], f"{path}[{index}]", item)
    elif isinstance(hint, type) and is_dataclass(hint):
        yield from problems(value, f"{path}.")


def _of_union(members: tuple[Any, ...], path: str, value: Any) -> Iterator[str]:
    plain = [m for m in members if m is not type(None) and not is_late(m)]
    if (value is None and type(None) in members) or (not checks.is_plain(value) and any(map(is_late, members))):
        return
    fitting = plain if len(plain) == 1 else [m for m in plain if fits(m, value)]
    yield from _lines(fitting[0], path, value) if fitting else [misfit(path, " or ".join(map(_phrase, plain)), value)]


@cache
def _parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    return get_origin(hint), get_args(hint)


def fits(hint: Any, value: Any) -> bool:
    """Whether a value has the outer shape of the hint."""
    origin = get_origin(hint)
    if hint is Any:
        return True
    if origin is Annotated:
        return fits(get_args(hint)[0], value)
    if origin is Literal:
        # True == 1
        return any(value == known and type(value) is type(known) for known in get_args(hint))
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
    return _a(hint)


def _a(cls: type) -> str:
    return f"{'an' if cls.__name__[0] in 'AEIO' else 'a'} {cls.__name__}"


def misfit(path: str, wanted: str, value: Any, *, quotes: bool = False) -> Misfit:
    """The line for a value that is not what was wanted. quotes: whether a number in quotes could be it (default: for a text)."""
    if not checks.is_plain(value):
        return Misfit(f"{path} must be a plain value, not an Output")
    way_out = "; put it in quotes" if (quotes or wanted in _TEXTS) and isinstance(value, bool | int | float) else ""
    return Misfit(f"{path} must be {wanted}, but is {described(value)}{way_out}")


def misplaced(cls: type, value: Any, what: str = "args") -> list[str]:
    """A line if the value is not of the class."""
    return [] if isinstance(value, cls) else [misfit(what, _a(cls), value)]


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
    return _a(type(value))
