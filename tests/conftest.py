"""Settings of all tests."""

import pytest
from hypothesis import settings

# the same examples in every run, however slow the machine
settings.register_profile("tests", deadline=None, derandomize=True, database=None)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-goldens", action="store_true", help="write tests/golden anew instead of comparing with it")
