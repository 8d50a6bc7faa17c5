"""The schema of the Pulumi package: complete, as the library is, and such as Pulumi's binder takes."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from components.schema import reading
from components.schema.naming import camel
from components.schema.package import UNSET, token
from components.workload import WorkloadArgs
from tools.schema import PACKAGE, schemas

SCHEMA: Mapping[str, Any] = json.loads(PACKAGE.read_text(encoding="utf-8"))
TYPES, RESOURCES = SCHEMA["types"], SCHEMA["resources"]
OBJECTS = {name: found for name, found in TYPES.items() if found["type"] == "object"}


def objects() -> Iterator[tuple[str, Mapping[str, Any], list[str]]]:
    """Every object with properties, what it has, and what is required of it."""
    for name, found in OBJECTS.items():
        yield name, found["properties"], found.get("required", [])
    for name, found in RESOURCES.items():
        yield f"{name} inputs", found["inputProperties"], found["requiredInputs"]
        yield f"{name} outputs", found["properties"], found["required"]


def specs(spec: Any) -> Iterator[Mapping[str, Any]]:
    """A type and those in it."""
    yield spec
    for inner in (spec.get("items"), spec.get("additionalProperties"), *spec.get("oneOf", ())):
        if inner is not None:
            yield from specs(inner)


PROPERTIES = [(f"{where}.{name}", spec) for where, found, _ in objects() for name, spec in found.items()]


def test_the_file_is_what_the_types_say() -> None:
    assert schemas()[PACKAGE] == SCHEMA, "run `make schema`"


def test_every_property_is_described() -> None:
    assert [where for where, spec in PROPERTIES if not spec.get("description")] == []
    assert [name for name, found in (OBJECTS | RESOURCES).items() if not found.get("description")] == []


def test_names_are_in_camel_case_in_the_descriptions_too() -> None:
    assert [where for where, _ in PROPERTIES if not re.fullmatch("[a-z][A-Za-z0-9]*", where.rpartition(".")[2])] == []
    names = {p.name for cls in reading.records([WorkloadArgs]) for p in reading.properties(cls) if "_" in p.name}
    assert [where for where, spec in PROPERTIES if names & set(re.findall(r"\w+", spec["description"]))] == []


def test_what_is_named_is_there() -> None:
    refs = {spec["$ref"] for _, found in PROPERTIES for spec in specs(found) if "$ref" in spec}
    assert refs - {f"#/types/{name}" for name in TYPES} == {"pulumi.json#/Any", f"#/resources/{token('CertificateAuthority')}"}
    assert {f"#/types/{name}" for name in TYPES} <= refs
    assert [where for where, found, required in objects() if not set(required) <= set(found)] == []


def test_a_type_says_one_thing() -> None:
    for where, found in PROPERTIES:
        for spec in specs(found):
            shape = set(spec) - {"plain", "description", "default"}
            assert shape in ({"type"}, {"$ref"}, {"oneOf"}, {"type", "items"}, {"type", "additionalProperties"}), where
            assert spec.get("type") != "array" or "items" in spec, where
            assert len(spec.get("oneOf", (1, 2))) == 2, f"{where}: C# and Java have no unions of three"


def test_defaults_are_those_of_python() -> None:
    for cls in reading.records([WorkloadArgs]):
        for p in reading.properties(cls):
            where = token({"WorkloadArgs": "Workload", "InjectionItem": "Injection"}.get(cls.__name__, cls.__name__.removesuffix("Args")))
            found = RESOURCES[where]["inputProperties"] if cls is WorkloadArgs else TYPES[where]["properties"]
            spec = found[camel(p.name)]
            assert spec.get("default", p.default) == p.default
            assert "default" not in spec or isinstance(spec["default"], str | int | float | bool)


def test_of_a_choice_of_kinds_each_is_an_optional_property() -> None:
    carriers = ["deployment", "statefulSet", "daemonSet", "job", "cronJob"]
    for name, kinds in (("Pattern", [camel(kind) for kind in reading.patterns().among]), ("WorkloadKind", carriers)):
        assert list(TYPES[token(name)]["properties"]) == kinds
        assert "required" not in TYPES[token(name)]


@pytest.mark.parametrize(
    ("where", "names"),
    [("Workload inputs", ["replicas"]), ("App", ["uid", "gid"]), ("VaultSecret", ["kvVersion"]), ("NetworkPolicy", ["connects"])],
)
def test_what_has_no_value_in_place_of_a_default_can_be_said(where: str, names: list[str]) -> None:
    spec = dict(PROPERTIES)[token(f"{where}.{UNSET}")]
    assert [member["value"] for member in TYPES[spec["items"]["$ref"].removeprefix("#/types/")]["enum"]] == names


PLAIN = ("App.name", "App.ports", "App.logFiles", "Workload inputs.replicas", "Workload inputs.patterns", "Workload inputs.authority")


@pytest.mark.parametrize("where", PLAIN)
def test_structure_is_plain(where: str) -> None:
    assert dict(PROPERTIES)[token(where)]["plain"] is True


@pytest.mark.parametrize("where", ["App.image", "Workload inputs.namespace", "SecretKey.name", "Workload outputs.endpoints"])
def test_contents_are_not(where: str) -> None:
    assert "plain" not in dict(PROPERTIES)[token(where)]


def test_contents_in_a_plain_list_or_mapping_are_not_plain() -> None:
    properties = dict(PROPERTIES)
    assert properties[token("App.args")]["plain"] is True
    assert properties[token("App.args")]["items"] == {"type": "string"}
    assert properties[token("App.env")]["additionalProperties"]["oneOf"][0] == {"type": "string"}
    assert properties[token("EgressTarget.env")]["additionalProperties"] == {"type": "string", "plain": True}


def test_no_two_types_are_called_the_same_in_another_case() -> None:
    lower = [name.lower() for name in (*TYPES, *RESOURCES)]
    assert len(set(lower)) == len(lower)


def test_no_type_has_a_property_of_its_own_name() -> None:
    # which C# would not take
    for where, found, _ in objects():
        assert where.rpartition(":")[2].split()[0].lower() not in map(str.lower, found)


def test_members_of_enums_have_names_that_every_language_takes() -> None:
    for name, found in TYPES.items():
        members = [member["name"] for member in found.get("enum", ())]
        assert len(set(members)) == len(members), name
        assert all(re.fullmatch("[A-Z][A-Za-z0-9]*", member) for member in members), name
