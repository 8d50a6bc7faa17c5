"""Settings of all tests, and the library as a user's program imports it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["tests.support.leaks"]

# the same examples in every run, however slow the machine
settings.register_profile("tests", deadline=None, derandomize=True, database=None)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-goldens", action="store_true", help="write tests/golden anew instead of comparing with it")


@pytest.fixture
def pod_patterns(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The library under the name that its wheel gives it."""
    directory = tmp_path_factory.mktemp("library")
    (directory / "pod_patterns").symlink_to(Path(__file__).resolve().parent.parent / "components")
    monkeypatch.syspath_prepend(str(directory))
    yield
    for name in [n for n in sys.modules if n.partition(".")[0] == "pod_patterns"]:
        del sys.modules[name]
