"""From one version of a stack file to another, one key and one pattern at a time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LONGEST = 60
_UNSET = object()


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change, and the keys of the file as they are with it and those before it."""

    titles: tuple[str, ...]
    """What was changed, and below it how."""
    given: dict[str, Any]


def steps(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Step]:
    """The steps from the keys of one version to those of the other; none if they are the same."""
    given = dict(before)
    for key in dict.fromkeys([*before, *after]):
        if key == "patterns" or before.get(key, _UNSET) == after.get(key, _UNSET):
            continue
        given = {name: value for name, value in given.items() if name != key} | ({key: after[key]} if key in after else {})
        yield Step(titles=(key, *(f"  {line}" for line in _edits(before.get(key, _UNSET), after.get(key, _UNSET)))), given=given)
    for titles, patterns in _patterns(_list(before), _list(after)):
        yield Step(titles=titles, given={**given, "patterns": patterns})


def _list(given: Mapping[str, Any]) -> list[Any]:
    found = given.get("patterns")
    return list(found) if isinstance(found, list) else []


def _patterns(before: Sequence[Any], after: Sequence[Any]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """What was changed, and the list then: patterns that are gone, those with other arguments, those that are new, and their order."""
    now = list(before)
    wanted = {_identity(item): item for item in after}
    for item in before:
        if _identity(item) not in wanted:
            now = [other for other in now if other is not item]
            yield (f"{_name(item)} removed",), now
    there = {_identity(item): item for item in now}
    for identity, item in wanted.items():
        if identity in there and item != there[identity]:
            now = [item if _identity(other) == identity else other for other in now]
            yield (_name(item), *(f"  {line}" for line in _edits(there[identity], item))), now
    for index, item in enumerate(after):
        if _identity(item) not in there:
            # behind the nearest of those that stand before it
            ahead = [_identity(other) for other in after[:index]]
            place = max((place for place, other in enumerate(now, 1) if _identity(other) in ahead), default=0)
            now = [*now[:place], item, *now[place:]]
            yield (f"{_name(item)} added",), now
    if now != list(after):
        yield ("order of patterns", f"  {', '.join(map(_name, now))} -> {', '.join(map(_name, after))}"), list(after)


def _identity(item: Any) -> str:
    """What a pattern keeps when its arguments change."""
    return json.dumps([item.get("kind"), item.get("name")] if isinstance(item, Mapping) else item, default=str)


def _name(item: Any) -> str:
    """How messages call it."""
    if not isinstance(item, Mapping):
        return _shown(item)
    return f"{item.get('kind')} {item['name']!r}" if "name" in item else str(item.get("kind"))


def _edits(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """What differs between two values, a line for each place."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            yield from _edits(before.get(key, _UNSET), after.get(key, _UNSET), f"{path}.{key}" if path else str(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _edits(old, new, f"{path}[{index}]")
    elif before != after:
        change = f"{_shown(before)} -> {_shown(after)}"
        yield f"{path}: {change}" if path else change


def _shown(value: Any) -> str:
    if value is _UNSET:
        return "(not set)"
    text = value if isinstance(value, str) and value else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _LONGEST and text.isprintable() else f"({len(text)} characters)"
