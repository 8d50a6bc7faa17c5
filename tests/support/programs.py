"""Real programs for behaviour tests: found, or the test is skipped with a reason (in CI: fails)."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

_CACHE = Path.home() / ".cache"
# where programs live that are not on an ordinary user's PATH: what `.ci/run` built, and what the testbed did
_MORE = (
    "/usr/sbin",
    "/sbin",
    str(_CACHE / "pod-patterns" / "bin"),
    str(_CACHE / "pod-patterns" / "npm" / "node_modules" / ".bin"),
    str(Path(os.environ.get("TESTBED_HOME", _CACHE / "testbed")) / "bin"),
)


def missing(reason: str) -> NoReturn:
    """Skips the test, or fails it where POD_PATTERNS_REQUIRE_PROGRAMS is 1."""
    if os.environ.get("POD_PATTERNS_REQUIRE_PROGRAMS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def need(name: str) -> str:
    """The path of a program; without it the test is `missing` something."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *_MORE)))
    if found is None:
        missing(f"{name} is not installed; `.ci/run` installs what the behaviour tests run")
    return found
