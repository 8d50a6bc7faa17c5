"""Plain data from YAML into frozen dataclasses, strictly: by field names and type hints, with every problem collected."""

import difflib
import types
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

import pulumi

# pulumi.Input[T] names its Output[T] by a forward reference
_INPUT = {"Output": pulumi.Output, "T": Any}
_SCALARS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


class Parser:
    """Turns data into instances and notes what is wrong with it in `problems`, each line starting with the path.

    A value with a problem comes back as None; whoever wants to know looks at `problems`.
    """

    def __init__(self, hidden: Mapping[type, Iterable[str]]) -> None:
        """hidden: fields of dataclasses that may not be given, because somebody else sets them."""
        self.problems: list[str] = []
        self._hidden = {cls: frozenset(names) for cls, names in hidden.items()}

    def instance(self, cls: type, given: Any, path: str, *, defaults: Mapping[str, Any] | None = None, beside: Iterable[str] = ()) -> Any:
        """An instance of the dataclass; `defaults` stand in for fields of those names that are not given. `beside`: see `values`."""
        before = len(self.problems)
        values, hints = self.values(cls, given, path, beside=beside), self._hints(cls)
        values = {name: value for name, value in (defaults or {}).items() if name in hints} | values
        for field in fields(cls):
            required = field.default is MISSING and field.default_factory is MISSING
            if required and field.name in hints and field.name not in values and isinstance(given, Mapping):
                self.problems.append(f"{_join(path, field.name)}: missing")
        return cls(**values) if len(self.problems) == before else None

    def values(self, cls: type, given: Any, path: str, *, beside: Iterable[str] = ()) -> dict[str, Any]:
        """The given fields of the dataclass as keyword arguments; `beside`: keys that stand beside them and are left out."""
        if not isinstance(given, Mapping):
            self.wrong(path, "a mapping", given)
            return {}
        hints, values = self._hints(cls), {}
        for key, value in given.items():
            if key in hints:
                values[key] = self.value(hints[key], value, _join(path, key))
            elif key not in beside:
                self.unknown(_join(path, str(key)), str(key), [*hints, *beside])
        return values

    def value(self, hint: Any, given: Any, path: str) -> Any:
        """The given value as its type hint wants it: lists as tuples, mappings as dataclasses, scalars as they are."""
        if hint is Any:
            return given
        if hint in _SCALARS:
            return self._scalar(hint, given, path)
        if is_dataclass(hint) and isinstance(hint, type):
            return self.instance(hint, given, path)
        origin, parameters = get_origin(hint), get_args(hint)
        if origin in (Union, types.UnionType):
            return self._union(parameters, given, path)
        if origin is tuple:
            if not isinstance(given, list):
                return self.wrong(path, "a list", given)
            return tuple(self.value(parameters[0], item, f"{path}[{index}]") for index, item in enumerate(given))
        if isinstance(origin, type) and issubclass(origin, Mapping):
            if not isinstance(given, Mapping):
                return self.wrong(path, "a mapping", given)
            return {self.value(parameters[0], k, path): self.value(parameters[1], v, _join(path, str(k))) for k, v in given.items()}
        raise TypeError(f"{path}: a stack file cannot hold a {hint}")

    def choice(self, given: Any, known: Iterable[str], path: str) -> str | None:
        """The given name, if it is one of the known ones."""
        if given is None:
            self.problems.append(f"{path}: missing; known: {', '.join(sorted(known))}")
        elif not isinstance(given, str):
            self.wrong(path, _SCALARS[str], given)
        elif given in known:
            return given
        else:
            self.unknown(path, given, known, f"value {given!r}")
        return None

    def unknown(self, path: str, name: str, known: Iterable[str], what: str = "key") -> None:
        """Notes that there is no such key, with the known ones and the nearest."""
        names = sorted(known)
        nearest = difflib.get_close_matches(name, names, n=1)
        hint = f", did you mean {nearest[0]!r}?" if nearest else ";"
        self.problems.append(f"{path}: unknown {what}{hint} known: {', '.join(names)}")

    def _hints(self, cls: type) -> dict[str, Any]:
        """The type hints of the fields that may be given, by name."""
        hints = get_type_hints(cls, localns=_INPUT)
        hidden = self._hidden.get(cls, ())
        return {f.name: hints[f.name] for f in fields(cls) if f.name not in hidden and _can_stand(hints[f.name])}

    def _scalar(self, hint: type, given: Any, path: str) -> Any:
        # by type, because a bool is an int; a whole number is a fine float
        if type(given) is hint or (hint is float and type(given) is int):
            return given
        return self.wrong(path, _SCALARS[hint], given, quotes=hint is str)

    def _union(self, parameters: tuple[Any, ...], given: Any, path: str) -> Any:
        if given is None and type(None) in parameters:
            return None
        plain = [p for p in parameters if p is not type(None) and _can_stand(p)]
        if len(plain) == 1:
            return self.value(plain[0], given, path)
        fitting = [p for p in plain if _fits(p, given)]
        return self.value(fitting[0], given, path) if fitting else self.wrong(path, " or ".join(_phrase(p) for p in plain), given)

    def wrong(self, path: str, wanted: str, given: Any, *, quotes: bool = False) -> None:
        """Notes that the value is not what was wanted."""
        way_out = "; put it in quotes" if quotes and isinstance(given, bool | int | float) else ""
        self.problems.append(f"{path}: must be {wanted}, but is {_describe(given)}{way_out}")


def _can_stand(hint: Any) -> bool:
    """Whether a value of that type can stand in a file: a resource cannot, nor what Pulumi knows only later (part of every Input)."""
    if get_origin(hint) in (Union, types.UnionType):
        return any(_can_stand(p) for p in get_args(hint) if p is not type(None))
    return not (get_origin(hint) in (Awaitable, pulumi.Output) or (isinstance(hint, type) and issubclass(hint, pulumi.Resource)))


def _phrase(hint: Any) -> str:
    if hint in _SCALARS:
        return _SCALARS[hint]
    return "a list" if get_origin(hint) is tuple else "a mapping"


def _fits(hint: Any, given: Any) -> bool:
    """Whether a value has the outer shape of the hint, one of several."""
    if hint in _SCALARS:
        return type(given) is hint
    return isinstance(given, list) if get_origin(hint) is tuple else isinstance(given, Mapping)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _describe(given: Any) -> str:
    if given is None:
        return "empty"
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, int | float):
        return f"the number {given}"
    if isinstance(given, str):
        return f"the text {given!r}"
    return "a mapping" if isinstance(given, Mapping) else "a list"
