"""The schemas of files: an editor accepts what the parser accepts, and marks what the parser refuses by shape."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, get_args

import jsonschema_rs
import pytest
import yaml

from components.core import rules
from components.declared import stack_file
from components.declared.injections import InjectionFile
from components.declared.stack_file import StackFile
from components.schema import reading
from components.schema.editors import Editors, portable
from components.schema.types import Scalar
from tests.fuzz.words import NASTY, WHOLE, WORDS
from tests.schema import made, shapes
from tests.schema.judging import OF_INJECTIONS, OF_STACK, config, marks
from tests.support.programs import need
from tools.project import PROJECT
from tools.schema import INJECTIONS, STACK_FILE, schemas

STACKS = sorted(PROJECT.glob("stacks/Pulumi.*.yaml"))
# no file has half a surrogate pair
TEXTS = [text for text in (*WORDS, *NASTY, *WHOLE) if text.isascii() or text.encode("utf-8", "ignore").decode() == text]


def of_keys(keys: Mapping[str, Any]) -> list[str]:
    """What the parser refuses by shape, as Pulumi hands the keys over."""
    return shapes.of_stack_file(stack_file.keys(config(keys)["config"]))


@pytest.mark.parametrize("path", [STACK_FILE, INJECTIONS], ids=lambda path: path.name)
def test_the_files_are_what_the_types_say(path: Path) -> None:
    assert json.loads(path.read_text(encoding="utf-8")) == schemas()[path], "run `make schema`"


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_stack_files_are_accepted_and_name_their_schema(path: Path) -> None:
    first, _, text = path.read_text(encoding="utf-8").partition("\n")
    assert (path.parent / first.removeprefix("# yaml-language-server: $schema=")).resolve() == STACK_FILE
    OF_STACK.validate(yaml.safe_load(text))


WEB = {"name": "web", "image": "web:1"}
VAULT = {"kind": "VaultInit", "role": "web", "secrets": [{"path": "a", "file": "a", "field": "a"}]}
REFUSED: dict[str, tuple[Mapping[str, Any], str]] = {
    "an unknown key": ({"app": WEB, "pattern": []}, "config.pod-patterns:pattern: False schema does not allow []"),
    "an unknown argument": (
        {"app": {**WEB, "imgae": "x"}},
        "config.pod-patterns:app: Additional properties are not allowed ('imgae' was unexpected)",
    ),
    "a missing argument": ({"app": {"name": "web"}}, 'config.pod-patterns:app: "image" is a required property'),
    "another type": ({"app": {**WEB, "uid": "1000"}}, 'config.pod-patterns:app.uid: "1000" is not of types "null", "integer"'),
    "a version as a number": (
        {"app": WEB, "workload": {"kubernetes_version": 1.3}},
        'config.pod-patterns:workload.kubernetes_version: 1.3 is not of type "string"',
    ),
    "a number out of range": (
        {"app": WEB, "patterns": [{"kind": "MetricsAdapter", "port": 70000}]},
        "config.pod-patterns:patterns.0.port: 70000 is greater than the maximum of 65535",
    ),
    "an unknown kind": (
        {"app": WEB, "patterns": [{"kind": "TlsAmbasador"}]},
        "config.pod-patterns:patterns.0.kind: \"TlsAmbasador\" is not valid under any of the schemas listed in the 'anyOf' keyword",
    ),
    "no kind": ({"app": WEB, "patterns": [{}]}, 'config.pod-patterns:patterns.0: "kind" is a required property'),
    "an argument of another pattern": (
        {"app": WEB, "patterns": [{"kind": "TlsAmbassador", "sysctls": {}}]},
        "config.pod-patterns:patterns.0: Additional properties are not allowed ('sysctls' was unexpected)",
    ),
    "no app": ({"patterns": []}, 'config: "pod-patterns:app" is a required property'),
    "no Vault": ({"app": WEB, "patterns": [VAULT]}, 'config.pod-patterns:patterns.0: "address" is a required property'),
    "a field that Kubernetes does not know": (
        {"app": {**WEB, "startup_probe": {"httpGet": {"prot": 1}}}},
        "config.pod-patterns:app.startup_probe.httpGet: Additional properties are not allowed ('prot' was unexpected)",
    ),
    "an argument that a list of the file sets": (
        {"app": WEB, "workload": {"patterns": []}},
        "config.pod-patterns:workload: Additional properties are not allowed ('patterns' was unexpected)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_marked_where_it_stands(name: str) -> None:
    keys, line = REFUSED[name]
    found = marks(OF_STACK, config(keys))
    assert line in found
    assert of_keys(keys) != []


@pytest.mark.parametrize(
    "keys",
    [
        {"app": {"preset": "elasticsearch"}},
        {"app": {**WEB, "uid": None, "env": {"A": "b", "NODE": {"valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}}}},
        {"app": WEB, "demo_vault": True, "patterns": [VAULT]},
        {"app": WEB, "demo_vault": "true", "patterns": [VAULT]},
        {"app": WEB, "patterns": [{"kind": "my_package.MyPattern", "text": "hello"}]},
        {"app": WEB, "workload": {"kind": {"kind": "Job", "backoff_limit": 1}, "strategy": {"max_surge": "25%"}}},
        {"app": json.dumps(WEB), "authority": None},
    ],
    ids=str,
)
def test_what_the_parser_accepts_is_accepted(keys: Mapping[str, Any]) -> None:
    assert marks(OF_STACK, config(keys)) == []
    assert [line for line in of_keys(keys) if "cannot be imported" not in line] == []


def test_a_secret_is_marked_wherever_it_stands() -> None:
    for keys in ({"app": {**WEB, "container": {"workingDir": {"secure": "v1:x"}}}}, {"app": {"secure": "v1:x"}}):
        assert marks(OF_STACK, config(keys))
        assert any("holds a secret" in line for line in of_keys(keys))


def test_keys_of_providers_and_of_pulumi_itself_are_none_of_our_business() -> None:
    file = {**config({"app": WEB}), "encryptionsalt": "v1:x"}
    file["config"] |= {"kubernetes:context": "kind", "aws:region": "eu-central-1"}
    assert marks(OF_STACK, file) == []


def usable(value: Any) -> bool:
    """Whether a file can say it."""
    try:
        return bool(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())
    except (TypeError, ValueError):
        return False


def cases(make: Any, seeds: int) -> Iterator[Any]:
    """Files that were made, and each with one thing changed, several times."""
    for seed in range(seeds):
        random = Random(seed)
        value = make(random)
        if usable(value):
            yield value
            yield from filter(usable, (made.changed(value, random) for _ in range(10)))


@pytest.mark.parametrize(
    ("make", "validator", "of_shape", "whole"),
    [
        (made.stack_keys, OF_STACK, of_keys, config),
        (made.injection_file, OF_INJECTIONS, shapes.of_injections, dict),
    ],
    ids=["stack files", "files of injections"],
)
def test_the_schema_and_the_parser_agree_on_the_shape(make: Any, validator: Any, of_shape: Any, whole: Any) -> None:
    verdicts = {True: 0, False: 0}
    for value in cases(make, 40):
        lines = of_shape(value)
        if any("cannot be imported" in line for line in lines):
            continue
        verdicts[bool(lines)] += 1
        marked = marks(validator, whole(value))
        assert bool(marked) == bool(lines), json.dumps({"file": value, "parser": lines, "schema": marked}, indent=1)
    assert min(verdicts.values()) > 80


def scalars() -> Mapping[Any, Scalar]:
    """The hints of all fields that are a text, a number, true or false."""
    hints = [hint for cls in reading.records([StackFile, InjectionFile]) for hint in rules.hints(cls).values()]
    members = {m for hint in hints for m in (get_args(hint) if rules.is_union(hint) else (hint,)) if not rules.is_late(m)}
    return {hint: found for hint in members if hint not in (Any, type(None)) and isinstance(found := reading.read(hint), Scalar)}


def test_single_values_are_judged_alike() -> None:
    found = scalars()
    assert len(found) > 50
    for hint, of in found.items():
        validator = jsonschema_rs.validator_for(Editors().of(of))
        for value in (*TEXTS, *made.JUNK, 1024, 65535, 65536, 86401):
            assert validator.is_valid(value) == (not shapes.of_value(hint, value)), (hint, value)


def test_patterns_mean_the_same_in_javascript() -> None:
    patterns = sorted({pattern for of in scalars().values() for pattern in of.patterns})
    given = {portable(pattern): TEXTS for pattern in patterns}
    done = subprocess.run(
        [need("node"), Path(__file__).with_name("judge.mjs")], input=json.dumps(given), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    for pattern in patterns:
        matching = [text for text, matches in zip(TEXTS, said[portable(pattern)], strict=True) if matches]
        assert matching == [text for text in TEXTS if re.fullmatch(pattern, text)], pattern
