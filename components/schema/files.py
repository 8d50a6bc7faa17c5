"""The schemas of the files that people write: stack files, and files of injections."""

from typing import Any

from ..declared.injections import InjectionFile
from ..declared.stack_file import HIDDEN, PREFIX, PRESETS, StackFile
from . import docstrings
from .editors import Editors, Schema
from .reading import patterns, properties

_DRAFT = "http://json-schema.org/draft-07/schema#"
# nothing here takes a secret
_PLAIN: Schema = {
    "not": {"type": "object", "required": ["secure"], "maxProperties": 1},
    "additionalProperties": {"$ref": "#/definitions/plain"},
    "items": {"$ref": "#/definitions/plain"},
}
# what Pulumi takes for JSON is no text any more
_JSON = r"^(true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|NaN|-?Infinity)$"
_VAULT = "demo_vault"


def stack_file() -> Schema:
    """A stack file of the project: stacks/Pulumi.<stack>.yaml."""
    address = frozenset({"address"})
    editors = Editors(hidden=HIDDEN, given=address)
    keys = {f"{PREFIX}{p.name}": _key(editors.property(p)) for p in properties(StackFile)}
    app = editors.definitions["App"]
    # the preset has the rest
    required, app["required"] = app["required"], []
    app["properties"] = {"preset": {"enum": list(PRESETS), "description": "An app that is known well."}, **app["properties"]}
    app |= {"if": {"required": ["preset"]}, "then": {}, "else": {"required": required}}
    editors.definitions["plain"] = _PLAIN
    config: Schema = {
        "description": "Settings: those of this project, each with `pod-patterns:` in front, and those of providers.",
        "type": "object",
        "properties": keys,
        # editors stop at the first that fits: they would show the second at every key
        "patternProperties": {f"^{PREFIX}(?!({'|'.join(_names())})$)": False, f"^{PREFIX}": {"$ref": "#/definitions/plain"}},
        "required": [f"{PREFIX}app"],
        # the demonstration Vault stands in for an address
        "if": {"required": [f"{PREFIX}{_VAULT}"], "properties": {f"{PREFIX}{_VAULT}": {"enum": [True, "true"]}}},
        "then": {},
        "else": {"properties": {f"{PREFIX}patterns": {"items": _with_address(), "doNotSuggest": True}}},
    }
    return {
        "$schema": _DRAFT,
        "title": "Stack file of pod-patterns",
        "description": docstrings.of_class(StackFile),
        "type": "object",
        "properties": {"config": config},
        "required": ["config"],
        "definitions": dict(sorted(editors.definitions.items())),
    }


def injections() -> Schema:
    """A file of injections: patterns.yaml of `pod-patterns inject`."""
    editors = Editors()
    file = editors.object(InjectionFile, docstrings.of_class(InjectionFile), {})
    file["properties"]["injections"]["minItems"] = 1
    return {"$schema": _DRAFT, "title": "Injections of pod-patterns", **file, "definitions": dict(sorted(editors.definitions.items()))}


def _names() -> list[str]:
    return [p.name for p in properties(StackFile)]


def _key(found: Schema) -> Schema:
    """A key of a stack file: Pulumi writes `true` as a text, and objects perhaps as JSON."""
    said: Schema = {key: found.pop(key) for key in ("description", "default") if key in found}
    if found.get("type") == "boolean":
        return {**said, "enum": [True, False, "true", "false"]}
    if "enum" in found:
        return {**said, **found}
    if "pattern" in found:
        return {**said, **found, "not": {"pattern": _JSON, "type": "string"}}
    return {**said, "if": {"type": "string"}, "then": {"pattern": r"^\s*[\[{]"}, "else": found}


def _with_address() -> Schema:
    addressed = [kind for kind, of in patterns().among.items() if any(p.name == "address" for p in properties(of.of))]
    is_one: dict[str, Any] = {"required": ["kind"], "properties": {"kind": {"enum": addressed}}}
    return {"if": is_one, "then": {"required": ["address"]}}
