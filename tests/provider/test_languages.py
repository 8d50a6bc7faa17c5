"""The examples in other languages: what they write is in the schema, and the provider makes it."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..support.provider import ROOT, Engine, reference

EXAMPLES = ROOT / "examples" / "languages"
SCHEMA: Mapping[str, Any] = json.loads((ROOT / "provider" / "schema.json").read_text(encoding="utf-8"))
YAML: Mapping[str, Any] = yaml.safe_load((EXAMPLES / "yaml" / "Pulumi.yaml").read_text(encoding="utf-8"))
_SCALARS = {"string": str, "integer": int, "number": (int, float), "boolean": bool}


def problems(spec: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    """What of a value is not as the schema has it. A whole `${expression}` may be anything."""
    ref = spec.get("$ref", "")
    if (isinstance(value, str) and re.fullmatch(r"\$\{.*\}", value)) or ref == "pulumi.json#/Any":
        return
    if ref.startswith("#/types/"):
        yield from object_problems(SCHEMA["types"][ref.removeprefix("#/types/")], value, path)
    elif "oneOf" in spec:
        if all(list(problems(member, value, path)) for member in spec["oneOf"]):
            yield f"{path}: none of {spec['oneOf']}"
    elif spec.get("type") == "array" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from problems(spec["items"], item, f"{path}[{index}]")
    elif spec.get("type") == "object" and isinstance(value, dict):
        for key, inner in value.items():
            yield from problems(spec["additionalProperties"], inner, f"{path}.{key}")
    elif not isinstance(value, _SCALARS.get(spec.get("type", ""), ())):
        yield f"{path}: {value!r} is no {spec}"


def object_problems(found: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    if "enum" in found:
        yield from () if value in [member["value"] for member in found["enum"]] else [f"{path}: {value!r} is no member"]
        return
    known, required = found.get("inputProperties", found["properties"]), found.get("requiredInputs", found.get("required", ()))
    yield from (f"{path}.{name}: missing" for name in required if name not in value)
    for name, inner in value.items():
        yield from problems(known[name], inner, f"{path}.{name}") if name in known else [f"{path}.{name}: unknown"]


def resolved(value: Any, made: Mapping[str, str]) -> Any:
    """A value with references in place of `${name}`, and whole numbers as the engine sends them."""
    match value:
        case dict():
            return {key: resolved(inner, made) for key, inner in value.items()}
        case list():
            return [resolved(inner, made) for inner in value]
        case bool():
            return value
        case int():
            return float(value)
        case str() if value.startswith("${"):
            return reference(made[value[2:-1]])
    return value


@pytest.mark.parametrize("name", YAML["resources"])
def test_the_program_in_yaml_is_as_the_schema_has_it(name: str) -> None:
    resource = YAML["resources"][name]
    assert list(object_problems(SCHEMA["resources"][resource["type"]], resource["properties"], name)) == []


def test_the_schema_rejects_what_is_misspelt() -> None:
    given = {"app": {"name": "web", "imag": "web:1", "uid": "x"}, "patterns": [{"tls": {}}], "serviceType": "Clusterip"}
    assert [line.partition(" is no")[0] for line in object_problems(SCHEMA["resources"]["pod-patterns:index:Workload"], given, "w")] == [
        "w.app.image: missing",
        "w.app.imag: unknown",
        "w.app.uid: 'x'",
        "w.patterns[0].tls: unknown",
        "w.serviceType: 'Clusterip'",
    ]


@pytest.mark.parametrize("preview", [False, True])
def test_the_program_in_yaml_runs(engine: Engine, preview: bool) -> None:
    engine.begin(preview=preview)
    made: dict[str, str] = {}
    answers = {}
    for name, resource in YAML["resources"].items():
        inputs = resolved(resource["properties"], made)
        answers[name] = engine.construct(resource["type"].rpartition(":")[2], name, inputs)
        made[name] = answers[name]["urn"]
    (deployment,) = (r for r in engine.registrations.values() if r.type == "kubernetes:apps/v1:Deployment")
    spec = deployment.inputs["spec"]["template"]["spec"]
    assert [c["name"] for c in (*spec["initContainers"], *spec["containers"])] == ["wait-for", "nginx-proxy", "podinfo"]
    for output in YAML["outputs"].values():
        name, _, key = re.fullmatch(r"\$\{(\w+)(\.)(\w+).*\}", output).groups()  # type: ignore[union-attr]
        assert key in answers[name]


@pytest.mark.parametrize("readme", [*EXAMPLES.glob("*/README.md")], ids=lambda path: path.parent.name)
def test_the_commands_are_those_of_this_repository(readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")
    (source,) = re.findall(r"^    pulumi package add (\.\S+)$", text, re.MULTILINE)
    assert (readme.parent / source / "PulumiPlugin.yaml").is_file()
    assert (readme.parent / "Pulumi.yaml").is_file()
    assert all((readme.parent / link).exists() for link in re.findall(r"\]\(([^)#:]+)\)", text))
