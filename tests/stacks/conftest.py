"""Every stack file that a test parses is judged by the schema for editors, too."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from components.declared import stack_file
from stacks import settings
from tests.schema.judging import judge_stack_file


@pytest.fixture(autouse=True)
def _judged(monkeypatch: pytest.MonkeyPatch) -> None:
    parse = stack_file.parse

    def judged(given: Mapping[str, Any], where: str, secrets: Iterable[str] = ()) -> stack_file.Settings:
        if where:
            # the judge itself asks without
            judge_stack_file(given)
        return parse(given, where, secrets)

    monkeypatch.setattr(stack_file, "parse", judged)
    monkeypatch.setattr(settings, "parse", judged)
