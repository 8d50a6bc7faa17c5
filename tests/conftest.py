"""Settings of all tests, what is said of skipped ones, and the library as a user's program imports it."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests.support.library import installed

pytest_plugins = ["tests.support.leaks"]

# the same examples in every run, however slow the machine
settings.register_profile("tests", deadline=None, derandomize=True, database=None)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-goldens", action="store_true", help="write tests/golden anew instead of comparing with it")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What was skipped, with the reasons, and the one command that would run it."""
    skipped = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", ()))
    if not skipped:
        return
    terminalreporter.section("skipped")
    for reason, number in sorted(skipped.items(), key=lambda item: (-item[1], item[0])):
        terminalreporter.write_line(f"{number:5}  {reason}")
    terminalreporter.write_line(
        f"{skipped.total()} tests were skipped. This installs what they need, and runs all (Debian, as root): .ci/run"
    )


@pytest.fixture
def pod_patterns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The library under the name that its wheel gives it."""
    with installed(tmp_path_factory.mktemp("library")):
        yield


@pytest.fixture(scope="module", autouse=True)
def loop() -> Iterator[None]:
    """An event loop for Outputs that a test makes outside of a program: from Python 3.14 on, nobody makes one for them."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    yield
    made.close()
