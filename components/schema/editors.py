"""Neutral types in JSON Schema, draft 7: what editors complete and check in YAML."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import docstrings
from .manifests import DEFINITIONS, of_manifest
from .naming import token_name
from .reading import properties
from .types import REQUIRED, Choice, Items, Manifest, Map, OneOf, Property, Record, Resource, Scalar, Type

Schema = dict[str, Any]

NULL: Schema = {"type": "null"}
_IMPORTED = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$"
# half a surrogate pair, which is no character in a file
_SURROGATES = r"\0\ud800-\udfff"


@dataclass(frozen=True, kw_only=True)
class Editors:
    """Writes one schema."""

    hidden: Mapping[type, Iterable[str]] = field(default_factory=dict)
    """Arguments that the file does not take, by their class. Default: none."""
    given: frozenset[str] = frozenset()
    """Arguments that something else stands in for, so that they are not required. Default: none."""
    definitions: dict[str, Schema] = field(default_factory=dict)
    """What it refers to, as it is met."""

    def of(self, found: Type) -> Schema:
        """The schema of a type."""
        if isinstance(found, Scalar):
            return _scalar(found)
        schema = self._of(found)
        # an editor says what is wrong in the object, and not that it is none of two
        return {"if": NULL, "else": schema} if found.nullable else schema

    def _of(self, found: Type) -> Schema:
        match found:
            case Items(of=item):
                return {"type": "array", "items": self.of(item)}
            case Map(keys=keys, values=values):
                names = {key: value for key, value in _scalar(keys).items() if key != "type"}
                return {"type": "object", "propertyNames": names, "additionalProperties": self.of(values)}
            case Record(of=cls):
                return self._record(token_name(cls), cls)
            case Manifest(of=kind):
                self.definitions.update(DEFINITIONS)
                return of_manifest(kind)
            case Choice(among=among):
                return {"anyOf": [self.of(member) for member in among]}
            case OneOf():
                return self._one_of(found)
        return {}

    def _record(self, name: str, cls: type, beside: Mapping[str, Schema] | None = None) -> Schema:
        """The arguments of a class. beside: what stands beside them, and is required."""
        if name not in self.definitions:
            # before its properties, which may name it
            self.definitions[name] = {}
            self.definitions[name] |= self.object(cls, docstrings.of_kind(cls), beside or {})
        return {"$ref": f"#/definitions/{name}"}

    def object(self, cls: type, description: str, beside: Mapping[str, Schema]) -> Schema:
        """The object that a class of arguments is."""
        found = [p for p in properties(cls) if p.name not in self.hidden.get(cls, ()) and not isinstance(p.of, Resource)]
        required = [p.name for p in found if p.default is REQUIRED and p.name not in self.given]
        return {
            "description": description,
            "type": "object",
            "properties": {**beside, **{p.name: self.property(p) for p in found}},
            "required": [*beside, *required],
            "additionalProperties": False,
        }

    def property(self, of: Property) -> Schema:
        """The schema of an argument, with what is known of it."""
        default = {} if of.default is REQUIRED or of.default is None else {"default": of.default}
        return {**self.of(of.of), "description": of.description, **default}

    def _one_of(self, found: OneOf) -> Schema:
        kinds = [
            {
                "if": {"required": ["kind"], "properties": {"kind": {"const": kind}}},
                "then": self._record(f"kind.{kind}", record.of, {"kind": {"const": kind}}),
            }
            for kind, record in found.among.items()
        ]
        described = [docstrings.brief(record.of) for record in found.among.values()]
        kind: Schema = {"enum": list(found.among), "enumDescriptions": described}
        if found.open:
            # or of somebody else, by its import path
            kind = {"anyOf": [kind, {"type": "string", "pattern": _IMPORTED}]}
        return {"type": "object", "required": ["kind"], "properties": {"kind": kind}, "allOf": kinds}


def _scalar(found: Scalar) -> Schema:
    if found.choices:
        return {"enum": [*found.choices, *([None] if found.nullable else [])]}
    schema: Schema = {"type": [found.kind, "null"] if found.nullable else found.kind}
    patterns = [{"pattern": portable(pattern)} for pattern in found.patterns]
    schema |= patterns[0] if len(patterns) == 1 else {"allOf": patterns} if patterns else {}
    # words of the YAML language server's own
    schema |= {"patternErrorMessage": f"not allowed: {found.rule}"} if found.rule else {}
    limits = {"minimum": found.least, "maximum": found.most}
    return schema | {key: limit for key, limit in limits.items() if limit is not None}


def portable(pattern: str) -> str:
    """The pattern of a whole text as JavaScript has it."""
    named = re.sub(r"\(\?P<", "(?<", pattern.replace(_SURROGATES, r"\u0000"))
    return f"^({named})$" if "|" in named else f"^{named}$"
