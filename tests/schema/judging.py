"""A judge of files that tests parse: the schema for editors marks what the parser refuses by shape, and no more."""

import json
from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from components.declared import kinds, stack_file
from components.schema import files
from tests.schema import shapes

OF_STACK = jsonschema_rs.validator_for(files.stack_file())
OF_INJECTIONS = jsonschema_rs.validator_for(files.injections())


def marks(validator: Any, instance: Any) -> list[str]:
    """What the schema marks, each with its place."""
    return sorted({f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(instance)})


def config(keys: Mapping[str, Any]) -> dict[str, Any]:
    """The stack file with these keys."""
    return {"config": {f"{stack_file.PREFIX}{key}": value for key, value in keys.items()}}


def judge_stack_file(keys: Mapping[str, Any]) -> None:
    """Fails if parser and schema differ."""
    _judge(keys, shapes.of_stack_file(keys), marks(OF_STACK, config(keys)))


def judge_injections(given: Any) -> None:
    """Fails if parser and schema differ."""
    _judge(given, shapes.of_injections(given), marks(OF_INJECTIONS, given))


def _judge(given: Any, lines: list[str], marked: list[str]) -> None:
    # of others' patterns an editor knows nothing
    others = [kind for kind in _kinds(given) if kind not in kinds.shipped() and ("." in kind or kind in kinds.kinds())]
    assert others or bool(marked) == bool(lines), json.dumps({"file": given, "parser": lines, "schema": marked}, indent=1, default=str)


def _kinds(value: Any) -> list[str]:
    """Every `kind` in it that is a text."""
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    own = [value["kind"]] if isinstance(value, Mapping) and isinstance(value.get("kind"), str) else []
    return own + [kind for item in inner for kind in _kinds(item)]
