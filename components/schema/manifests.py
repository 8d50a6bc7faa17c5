"""Objects in manifest form in JSON Schema: as core/checks.py and core/app.py look at them, and as core/pod_fields.json knows them."""

from collections.abc import Mapping
from typing import Any

from ..core import checks, pod_fields, pod_values, quantities
from ..core.handlers import HANDLERS

Schema = dict[str, Any]

_SCALARS = ("string", "integer", "number", "boolean")
_ANY: Schema = {"type": "object"}


def of_manifest(kind: str) -> Schema:
    """The schema of an object; those of DEFINITIONS stand beside it."""
    return _ANY if kind == "any" else {"$ref": f"#/definitions/{_named(kind)}"}


def _named(kind: str) -> str:
    return f"manifest.{kind}"


def _of_field(wanted: str) -> Schema:
    """A type of the table; null is left out by the API."""
    if wanted in _SCALARS:
        return {"type": [wanted, "null"]}
    if wanted[0] == "[":
        return {"type": ["array", "null"], "items": _of_field(wanted[1:-1])}
    if wanted[0] == "{":
        return {"type": ["object", "null"], "additionalProperties": _of_field(wanted[1:-1])}
    if wanted in pod_fields.known():
        return {"if": {"type": "null"}, "else": of_manifest(wanted)}
    return {} if wanted == "any" else {"type": ["object", "null"]}


def _of_value(kind: str, field: str) -> Schema:
    """What the tables of values say of a field."""
    if field in pod_values.CHOICES.get(kind, {}):
        return {"enum": [*pod_values.CHOICES[kind][field], None]}
    if field in pod_values.RANGES.get(kind, {}):
        least, most = pod_values.RANGES[kind][field]
        return {"minimum": least, "maximum": checks.whole(least, most).limit if most is None else most}
    check = pod_values.CHECKED.get(kind, {}).get(field)
    return {"pattern": f"^({check.pattern})$"} if isinstance(check, checks.Shaped | checks.Outlined) else {}


def _of_kind(kind: str) -> Schema:
    required = pod_fields.required(kind)
    properties = {name: _of_field(wanted.removesuffix("!")) | _of_value(kind, name) for name, wanted in pod_fields.known()[kind].items()}
    properties |= {name: {"allOf": [properties[name], {"not": {"enum": [None, "", []]}}]} for name in required}
    return {"type": "object", "properties": properties, "additionalProperties": False, **({"required": required} if required else {})}


def _without_null(found: Schema, names: Any) -> Schema:
    """The object with these fields as mappings that are none."""
    changed = {name: of if name not in names else {"allOf": [of, {"type": "object"}]} for name, of in found["properties"].items()}
    return {**found, "properties": changed}


def _probe() -> Schema:
    handlers = ("exec", *HANDLERS)
    return {**_without_null(_of_kind("Probe"), handlers), "oneOf": [{"required": [name]} for name in handlers]}


def _with_name(found: Schema) -> Schema:
    return {**found, "properties": {**found["properties"], "name": {"type": "string"}}, "required": ["name"]}


def _volume() -> Schema:
    found = _of_kind("Volume")
    return _with_name(_without_null(found, [name for name in found["properties"] if name != "name"]))


_QUANTITY: Schema = {
    "anyOf": [{"type": "string", "pattern": f"^({quantities.SHAPE.pattern.replace('(?P<', '(?<')})$"}, {"type": "number", "minimum": 0}]
}


def _amounts(*required: str) -> Schema:
    return {"type": "object", "properties": {}, "additionalProperties": _QUANTITY, "required": list(required)}


_RESOURCES: Schema = {
    "type": "object",
    "properties": {"requests": _amounts("cpu", "memory"), "limits": _amounts("memory"), "claims": {}},
    "required": ["requests", "limits"],
    "additionalProperties": False,
}


def _env_source() -> Schema:
    named = {"name": checks.object_name.pattern, "key": checks.data_key.pattern}
    sources: dict[str, Schema] = {}
    for kind, keys in checks.ENV_SOURCES.items():
        given: dict[str, Schema] = {key: {"not": {"enum": [None, ""]}} for key in keys}
        if kind in ("secretKeyRef", "configMapKeyRef"):
            given = {key: {**found, "pattern": f"^({named[key]})$"} for key, found in given.items()}
        sources[kind] = {"type": "object", "properties": given, "required": list(keys)}
    sources["fieldRef"]["properties"]["fieldPath"]["pattern"] = f"^({checks.FIELD_PATH.pattern})$"
    source = {"type": "object", "properties": sources, "additionalProperties": False, "minProperties": 1, "maxProperties": 1}
    return {"type": "object", "properties": {"valueFrom": source}, "required": ["valueFrom"], "additionalProperties": False}


def _definitions() -> Mapping[str, Schema]:
    own = {
        "Probe": _probe(),
        "Volume": _volume(),
        "VolumeMount": _with_name(_of_kind("VolumeMount")),
        "resources": _RESOURCES,
        "env_source": _env_source(),
    }
    return {_named(kind): own.get(kind) or _of_kind(kind) for kind in sorted({*pod_fields.known(), *own})}


DEFINITIONS = _definitions()
"""Every object, by the name of its definition."""
