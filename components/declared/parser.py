"""Plain data from YAML into frozen dataclasses, strictly: by field names and type hints, with every problem collected."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Annotated, Any, get_args, get_origin

import pulumi

from ..core import rules

BROKEN = object()
"""Stands for a value whose problem has been noted."""


class Parser:
    """Turns data into instances and notes what is wrong with it in `problems`, each line starting with the path.

    `key`, `stands`, `value` and `chosen` are what data of another origin may have otherwise.
    """

    def __init__(self, hidden: Mapping[type, Iterable[str]]) -> None:
        """hidden: fields of dataclasses that may not be given, because somebody else sets them."""
        self.problems: list[str] = []
        self._hidden = {cls: frozenset(names) for cls, names in hidden.items()}

    def instance(self, cls: type, given: Any, path: str, *, defaults: Mapping[str, Any] | None = None, beside: Iterable[str] = ()) -> Any:
        """An instance of the dataclass, or None if there is a problem; `defaults` stand in for fields of those names that are not given.
        `beside`: see `values`."""
        before = len(self.problems)
        values, hints = self.values(cls, given, path, beside=beside), self._hints(cls)
        values = {name: value for name, value in (defaults or {}).items() if name in hints} | values
        if isinstance(given, Mapping):
            self.missing(cls, values, path)
        return cls(**values) if len(self.problems) == before else None

    def missing(self, cls: type, values: Mapping[str, Any], path: str) -> None:
        """Notes the fields of the dataclass that may be given, have no default, and are not among the values."""
        hints = self._hints(cls)
        for field in fields(cls):
            required = field.default is MISSING and field.default_factory is MISSING
            if required and field.name in hints and field.name not in values:
                self.problems.append(f"{join(path, self.key(field.name))}: missing")

    def values(self, cls: type, given: Any, path: str, *, beside: Iterable[str] = ()) -> dict[str, Any]:
        """The given fields of the dataclass as keyword arguments; `beside`: keys that stand beside them and are left out."""
        if not isinstance(given, Mapping):
            self.wrong(path, "a mapping", given)
            return {}
        hints = self._hints(cls)
        names = {self.key(name): name for name in hints}
        for key in given:
            if key not in names and key not in beside:
                self.unknown(join(path, str(key)), str(key), [*names, *beside])
        values = {names[key]: self.value(hints[names[key]], value, join(path, key)) for key, value in given.items() if key in names}
        usable = {key: value for key, value in values.items() if value is not BROKEN}
        self.problems += [line for line in rules.of_values(cls, usable, f"{path}." if path else "") if isinstance(line, rules.Misfit)]
        return values

    def key(self, name: str) -> str:
        """How the data spell a field."""
        return name

    def stands(self, hint: Any) -> bool:
        """Whether a value of that type can stand in the data: a resource cannot, nor what Pulumi knows only later (part of every Input)."""
        return not (rules.is_late(hint) or (isinstance(hint, type) and issubclass(hint, pulumi.Resource)))

    def choice(self, given: Any, known: Iterable[str], path: str) -> str | None:
        """The given name, if it is one of the known ones."""
        if given is None:
            self.problems.append(f"{path}: missing; known: {', '.join(sorted(known))}")
        elif not isinstance(given, str):
            self.wrong(path, "a text", given)
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

    def wrong(self, path: str, wanted: str, given: Any) -> None:
        """Notes that the value is not what was wanted."""
        self.problems.append(rules.misfit(path, wanted, given))

    def value(self, hint: Any, given: Any, path: str) -> Any:
        """The given value with mappings as the dataclasses that its hint names; of other types, whatever it is."""
        origin, parameters = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self.value(parameters[0], given, path)
        if rules.is_union(hint):
            plain = [p for p in parameters if p is not type(None) and self.stands(p)]
            classes = {p.__name__: p for p in plain if isinstance(p, type) and is_dataclass(p)}
            if given is not None and len(classes) > 1:
                return self.chosen(classes, given, path)
            if given is None or (len(plain) > 1 and not isinstance(given, Mapping)):
                return given
            return self.value(next(iter(classes.values()), plain[0]), given, path)
        if isinstance(hint, type) and is_dataclass(hint):
            instance = self.instance(hint, given, path)
            return BROKEN if instance is None else instance
        if isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(given, Mapping):
            values = {key: self.value(parameters[1], value, join(path, str(key))) for key, value in given.items()}
            return BROKEN if BROKEN in values.values() else values
        if isinstance(origin, type) and issubclass(origin, Sequence) and isinstance(given, list):
            items = [self.value(parameters[0], item, f"{path}[{index}]") for index, item in enumerate(given)]
            return BROKEN if BROKEN in items else items
        return given

    def chosen(self, classes: Mapping[str, type], given: Any, path: str) -> Any:
        """An instance of the one of the dataclasses, by name, that the given `kind` names; BROKEN if there is a problem."""
        if not isinstance(given, Mapping):
            self.wrong(path, "a mapping with a kind", given)
            return BROKEN
        kind = self.choice(given.get("kind"), classes, join(path, "kind"))
        instance = None if kind is None else self.instance(classes[kind], given, path, beside=("kind",))
        return BROKEN if instance is None else instance

    def _hints(self, cls: type) -> dict[str, Any]:
        """The type hints of the fields that may be given, by name."""
        hidden = self._hidden.get(cls, ())
        return {name: hint for name, hint in rules.hints(cls).items() if name not in hidden and self._can_stand(hint)}

    def _can_stand(self, hint: Any) -> bool:
        if rules.is_union(hint):
            return any(self._can_stand(p) for p in get_args(hint) if p is not type(None))
        return self.stands(hint)


def join(path: str, key: str) -> str:
    """The path of a key."""
    return f"{path}.{key}" if path else key
