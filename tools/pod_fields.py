"""Writes components/core/pod_fields.json, the fields of a PodSpec and of all that is in it, from Kubernetes' newest schema."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]

from .project import PROJECT

TABLE = PROJECT / "components" / "core" / "pod_fields.json"
_PREFIX = "io.k8s.api.core.v1."
_OPEN = "any"
# only Kubernetes 1.35 knows the first; a probe of App may name its port; the next are looked at where their rules are; without the last
# ones, the API rejects a pod, though its schema has them as optional
_OURS = {
    "PodSpec": {"workloadRef": _OPEN},
    "GRPCAction": {"port": _OPEN},
    "ContainerPort": {"containerPort": _OPEN},
    "EnvVar": {"name": _OPEN, "value": _OPEN},
    "ExecAction": {"command": "[string]!"},
    "SecretVolumeSource": {"secretName": "string!"},
    **{
        f"{kind}{use}": {"name": "string!"}
        for kind, use in (
            ("ConfigMap", "EnvSource"),
            ("ConfigMap", "Projection"),
            ("ConfigMap", "VolumeSource"),
            ("Secret", "EnvSource"),
            ("Secret", "Projection"),
        )
    },
}


# what they lack is reported where their rules are
_REPORTED = {
    "Container",
    "ContainerPort",
    "EnvVar",
    "EphemeralContainer",
    "GRPCAction",
    "HTTPGetAction",
    "PodSpec",
    "Volume",
    "VolumeMount",
}


def _definitions() -> Mapping[str, Any]:
    schemas = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    text = (schemas / f"v{kubernetes_validate.latest_version()}-local" / "_definitions.json").read_text(encoding="utf-8")
    definitions: Mapping[str, Any] = json.loads(text)["$defs"]
    return definitions


def _type(schema: Mapping[str, Any]) -> str:
    """`string`, `integer`, `number` or `boolean`, a kind of object, `[of what]`, `{of what}` by the user's keys, or `any`."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    given = schema.get("type")
    kind = next((name for name in given if name != "null"), None) if isinstance(given, list) else given
    if kind == "array":
        return f"[{_type(schema['items'])}]"
    if kind == "object":
        return f"{{{_type(schema.get('additionalProperties', {}))}}}"
    return str(kind or _OPEN)


def _kinds(definitions: Mapping[str, Any], name: str, found: dict[str, dict[str, str]]) -> str:
    """The type as the table has it; every kind of object that it leads to is in `found` then."""
    if name[0] in "[{":
        return f"{name[0]}{_kinds(definitions, name[1:-1], found)}{name[-1]}"
    if "." not in name:
        return name
    properties = definitions[name].get("properties")
    if properties is None:
        # a quantity, a number or a text, a time
        return _OPEN
    kind = name.rpartition(".")[2]
    if kind not in found:
        found[kind] = {}
        required = () if kind in _REPORTED else definitions[name].get("required", ())
        for field, schema in properties.items():
            found[kind][field] = _kinds(definitions, _type(schema), found) + ("!" if field in required else "")
    return kind


def table() -> dict[str, dict[str, str]]:
    """Kind of object -> its fields and their types; a `!` behind the type of those that it must have."""
    found: dict[str, dict[str, str]] = {}
    _kinds(_definitions(), f"{_PREFIX}PodSpec", found)
    return {kind: dict(sorted({**fields, **_OURS.get(kind, {})}.items())) for kind, fields in sorted(found.items())}


def _lines() -> Iterator[str]:
    yield from (f"{json.dumps(kind)}: {json.dumps(fields)}" for kind, fields in table().items())


def text() -> str:
    """The file."""
    return "{\n" + ",\n".join(_lines()) + "\n}\n"


if __name__ == "__main__":
    TABLE.write_text(text(), encoding="utf-8")
