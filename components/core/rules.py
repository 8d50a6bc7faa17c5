"""Rules at the fields of arguments: the type of a field, and in its annotation what the type cannot say."""

import types
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
Rule = Callable[[str, Any], list[str]]
"""Takes the place of a value, and the value; what is wrong with it."""
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
    known = _rules(cls) if is_dataclass(cls) else {}
    return [line for name, value in values.items() if name in known for line in known[name](f"{path}{name}", value)]


def of_value(hint: Any, path: str, value: Any) -> list[str]:
    """What is wrong with a value by its hint."""
    return _rule(hint)(path, value)


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


@cache
def _rules(cls: type) -> Mapping[str, Rule]:
    return {name: _rule(hint) for name, hint in hints(cls).items()}


@cache
def _rule(hint: Any) -> Rule:
    """What is wrong with a value by its hint; what that says is found out once, and not for each value."""
    origin, parameters = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _of_annotated(*parameters)
    if is_union(hint):
        return _of_union(parameters)
    fits, inside = _shape(hint), _inside(hint)
    if origin is Literal:
        alike, is_text = {type(known) for known in parameters}, isinstance(parameters[0], str)
        # YAML reads 0400 as a number
        return lambda path, value: (
            checks.one_of(path, value, parameters) if type(value) in alike else [misfit(path, _phrase(hint), value, quotes=is_text)]
        )
    return lambda path, value: inside(path, value) if fits(value) else [misfit(path, _phrase(hint), value)]


def _of_annotated(base: Any, *notes: Any) -> Rule:
    rule, fits, checked = _rule(base), _shape(base), [note for note in notes if note is not Elsewhere]
    is_elsewhere = Elsewhere in notes

    def annotated(path: str, value: Any) -> list[str]:
        wrong = [] if is_elsewhere and fits(value) else rule(path, value)
        return wrong or [line for note in checked for line in note(path, value)]

    return annotated


def _of_union(members: tuple[Any, ...]) -> Rule:
    plain = [(_shape(m), _rule(m), m) for m in members if m is not type(None) and not is_late(m)]
    may_lack, may_be_late = type(None) in members, any(map(is_late, members))

    def union(path: str, value: Any) -> list[str]:
        if (value is None and may_lack) or (may_be_late and not checks.is_plain(value)):
            return []
        for fits, rule, _ in plain:
            if len(plain) == 1 or fits(value):
                return rule(path, value)
        return [misfit(path, " or ".join(_phrase(m) for _, _, m in plain), value)]

    return union


def _inside(hint: Any) -> Rule:
    """What is wrong with the parts of a value that fits."""
    origin, parameters = get_origin(hint), get_args(hint)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        of_key, of_item = map(_rule, parameters)
        return lambda path, value: [
            line for key, item in value.items() for line in (*of_key(f"{path} key", key), *of_item(f"{path}[{checks.shown(key)}]", item))
        ]
    if isinstance(origin, type) and issubclass(origin, Sequence) and (len(parameters) == 1 or parameters[1:] == (...,)):
        of_each = _rule(parameters[0])
        return lambda path, value: [line for index, item in enumerate(value) for line in of_each(f"{path}[{index}]", item)]
    if isinstance(hint, type) and is_dataclass(hint):
        return lambda path, value: problems(value, f"{path}.")
    return lambda _path, _value: []


@cache
def _shape(hint: Any) -> Callable[[Any], bool]:
    """Whether a value has the outer shape of the hint."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _shape(get_args(hint)[0])
    if origin is Literal:
        # True == 1
        return lambda value: any(value == known and type(value) is type(known) for known in get_args(hint))
    if hint in (int, float):
        # a bool is an int; a whole number is a fine float
        return lambda value: type(value) in (int, hint)
    expected = origin or hint
    if hint is Any or not isinstance(expected, type) or getattr(expected, "_is_protocol", False):
        return lambda _: True
    if origin is not None and issubclass(origin, Sequence):
        return lambda value: isinstance(value, Sequence) and not isinstance(value, str | bytes)
    return lambda value: isinstance(value, expected)


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
