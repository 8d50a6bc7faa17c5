"""The fields that Kubernetes knows in a pod: what it does not know, the API would reject, or leave out without a word."""

import difflib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from . import checks, pod_values
from .rules import Misfit, misfit

_FEW = 10
_SCALARS: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "string": ("a text", (str,)),
    "integer": ("a whole number", (int,)),
    "number": ("a number", (int, float)),
    "boolean": ("true or false", (bool,)),
}


@cache
def known() -> Mapping[str, Mapping[str, str]]:
    """Kind of object -> its fields and their types, a `!` behind those that it must have: of the newest Kubernetes; older ones have none
    that it has not."""
    table: Mapping[str, Mapping[str, str]] = json.loads(
        resources.files(__package__).joinpath("pod_fields.json").read_text(encoding="utf-8")
    )
    return table


@cache
def required(kind: str) -> list[str]:
    """The fields that an object of that kind must have."""
    return [key for key, wanted in known()[kind].items() if wanted.endswith("!")]


def of_object(kind: str, value: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """A line for everything in an object in manifest form that is not a field of its kind, has another type, or a value that the API
    rejects. `path`: its place."""
    fields = known()[kind]
    is_readable = True
    for key, inner in value.items():
        if key in fields:
            for line in of_field(fields[key].removesuffix("!"), inner, f"{path}.{key}" if path else key):
                is_readable = is_readable and not isinstance(line, Misfit)
                yield line
        else:
            yield f"{path}: {unknown(kind, key)}" if path else unknown(kind, key)
    # a field that is spelt wrong is not missing as well
    if value.keys() <= fields.keys():
        missing = [key for key in required(kind) if value.get(key) in (None, "", [], ())]
        yield from (f"{path}.{key} is missing" if path else f"{key} is missing" for key in missing)
    if is_readable:
        yield from pod_values.problems(kind, value, path)


def of_field(wanted: str, value: Any, path: str) -> Iterator[str]:
    """A line for everything in a value that does not fit a type of the table. Null is left out by the API; an Output is not known yet."""
    if value is None or not checks.is_plain(value):
        return
    if wanted in _SCALARS:
        phrase, types = _SCALARS[wanted]
        # a bool is an int
        if not isinstance(value, types) or (isinstance(value, bool) and wanted != "boolean"):
            yield misfit(path, phrase, value)
    elif wanted[0] == "[":
        if isinstance(value, list | tuple):
            for index, item in enumerate(value):
                yield from of_field(wanted[1:-1], item, f"{path}[{index}]")
        else:
            yield misfit(path, "a list", value)
    elif wanted != "any" and not isinstance(value, Mapping):
        yield misfit(path, "a mapping", value)
    elif wanted[0] == "{":
        for key, inner in value.items():
            yield from of_field(wanted[1:-1], inner, f"{path}[{key!r}]")
    elif wanted in known():
        yield from of_object(wanted, value, path)


def unknown(kind: str, key: str) -> str:
    """The line for an unknown key, with the nearest one, or with all that there are if those are few."""
    fields = known()[kind]
    nearest = difflib.get_close_matches(key, fields, n=1)
    way_out = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(fields)}" if len(fields) <= _FEW else "remove it"
    return f"{key!r} is not a field of the {kind}; {way_out}"
