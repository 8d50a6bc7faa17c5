"""From what the engine sends to arguments: the parser of the stack file, with the names of other languages, Outputs and components."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, get_args, get_origin

import pulumi

from ..core import rules
from ..declared import kinds
from ..declared.parser import BROKEN, Parser, join
from ..declared.pattern_list import Written
from ..schema.naming import camel
from ..schema.package import UNSET
from .inputs import Given, Reference


class InputParser(Parser):
    """Turns the inputs of a component into arguments."""

    def __init__(self, hidden: Mapping[type, Iterable[str]], made: Mapping[str, pulumi.Resource]) -> None:
        """made: the components that this process has made, by URN."""
        super().__init__(hidden)
        self._made = made

    def key(self, name: str) -> str:
        """How the data spell a field."""
        return camel(name)

    def stands(self, hint: Any) -> bool:
        """Whether a value of that type can stand in the data: here components can."""
        return not rules.is_late(hint)

    def values(self, cls: type, given: Any, path: str, *, beside: Iterable[str] = ()) -> dict[str, Any]:
        """The given fields of the dataclass. Nothing, where nothing has no meaning, is as if it were not there."""
        if isinstance(given, Given):
            given = self._settled(given, path)
            if given is BROKEN:
                return {}
        if not isinstance(given, Mapping):
            return super().values(cls, given, path, beside=beside)
        nullable = {camel(field.name): field for field in fields(cls) if _may_be_none(rules.hints(cls)[field.name])}
        known = {key: value for key, value in given.items() if value is not None or key in nullable}
        others = {key: field.name for key, field in nullable.items() if field.default is not None}
        nothing = self._unset(known.pop(UNSET, None), others, join(path, UNSET))
        return super().values(cls, known, path, beside=beside) | dict.fromkeys(nothing)

    def value(self, hint: Any, given: Any, path: str) -> Any:
        """The given value: an Output where the type has one, and a component in place of the reference to it."""
        if isinstance(given, Given):
            if _may_be_late(hint):
                # what is known, and may be shown, is looked at as if it were plain
                self.problems += rules.of_value(hint, path, given.given_value) if given.is_open else []
                return given
            given = self._settled(given, path)
        if isinstance(given, Reference):
            given = self._component(given, path)
        return given if given is BROKEN else super().value(hint, given, path)

    def chosen(self, classes: Mapping[str, type], given: Any, path: str) -> Any:
        """An instance of the one of the dataclasses whose name is the only key."""
        written = self.only(classes, given, path)
        instance = None if written is None else self.instance(written.cls, written.arguments, written.path)
        return BROKEN if instance is None else instance

    def only(self, classes: Mapping[str, type], given: Any, path: str) -> Written | None:
        """The one of several classes whose name is the only key that is set; its value are the arguments."""
        known = {camel(name): cls for name, cls in classes.items()}
        if isinstance(given, Given):
            given = self._settled(given, path)
        if given is BROKEN:
            return None
        if not isinstance(given, Mapping):
            self.wrong(path, f"an object with one of {', '.join(sorted(known))}", given)
            return None
        keys = [key for key, value in given.items() if value is not None]
        unknown = [key for key in keys if key not in known]
        for key in unknown:
            self.unknown(join(path, key), key, known)
        if unknown:
            return None
        if len(keys) != 1:
            has = f"has {' and '.join(keys)}" if keys else "is empty"
            self.problems.append(f"{path} {has}; set exactly one of {', '.join(sorted(known))}")
            return None
        return Written(known[keys[0]], given[keys[0]], join(path, keys[0]))

    def plain(self, given: Mapping[str, Any], key: str) -> Any:
        """The list or object at the top that is read by others; None if it is not known."""
        value = given.get(key)
        found = self._settled(value, key) if isinstance(value, Given) else value
        return None if found is BROKEN else found

    def _unset(self, given: Any, nullable: Mapping[str, str], path: str) -> list[str]:
        """The fields that have no value: not every language can say null."""
        named = self.value(Sequence[str], [] if given is None else given, path)
        if named is BROKEN or not isinstance(named, list):
            self.wrong(path, "a list of names", named) if named is not BROKEN else None
            return []
        for index, name in enumerate(named):
            self.choice(name, nullable, f"{path}[{index}]")
        return [nullable[name] for name in named if name in nullable]

    def _settled(self, given: Given, path: str) -> Any:
        """The value of an Output where a plain value must stand."""
        if not given.given_known:
            self.problems.append(
                f"{path} must be known in every preview, because the pod is composed then, but is an output that is known only later; "
                "write a plain value"
            )
        elif given.given_secret:
            self.problems.append(f"{path} must be a plain value, because it can be read in the pod, but is a secret; write a plain value")
        else:
            return given.given_value
        return BROKEN

    def _component(self, given: Reference, path: str) -> Any:
        """The component that a reference stands for."""
        if given.urn in self._made:
            return self._made[given.urn]
        self.problems.append(
            f"{path} is a component of another provider process ({given.urn}); give both components the same `provider`, or none"
        )
        return BROKEN


def by_key(parser: Parser, item: Any, path: str) -> Written | None:
    """A pattern of a list, written as the one key that is set."""
    assert isinstance(parser, InputParser)
    return parser.only(kinds.shipped(), item, path)


def _may_be_late(hint: Any) -> bool:
    """Whether an Output can stand there as it is."""
    if get_origin(hint) is not None and not rules.is_union(hint):
        return _may_be_late(get_args(hint)[0]) if hasattr(hint, "__metadata__") else False
    return hint is Any or any(map(rules.is_late, get_args(hint)))


def _may_be_none(hint: Any) -> bool:
    if hasattr(hint, "__metadata__"):
        return _may_be_none(get_args(hint)[0])
    return hint is Any or type(None) in get_args(hint)
