"""Every file of injections that a test hands to the command is judged by the schema for editors, too."""

from typing import Any

import pytest

from components.declared import injections
from tests.schema.judging import judge_injections


@pytest.fixture(autouse=True)
def _judged(monkeypatch: pytest.MonkeyPatch) -> None:
    parse = injections.parse
    judging = False

    def judged(given: Any, **options: Any) -> Any:
        nonlocal judging
        if not judging:
            # the judge itself parses
            judging = True
            judge_injections(given)
            judging = False
        return parse(given, **options)

    monkeypatch.setattr(injections, "parse", judged)
