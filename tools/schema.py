"""Writes the schemas for those who write no Python, made from the types and docstrings; `--check` fails if one is stale."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.schema import files
from components.schema.package import package
from components.version import VERSION

from .generated import keep
from .project import PROJECT

PACKAGE = PROJECT / "provider" / "schema.json"
STACK_FILE = PROJECT / "schemas" / "stack.schema.json"
INJECTIONS = PROJECT / "schemas" / "injections.schema.json"


def schemas() -> Mapping[Path, dict[str, Any]]:
    """Every schema, by its file."""
    return {PACKAGE: package(VERSION), STACK_FILE: files.stack_file(), INJECTIONS: files.injections()}


def main() -> None:
    """Writes them, or with --check compares them."""
    for path, schema in schemas().items():
        keep(path, json.dumps(schema, indent=2, ensure_ascii=False) + "\n", command="make schema")


if __name__ == "__main__":
    main()
