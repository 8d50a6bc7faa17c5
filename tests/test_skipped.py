"""What `make test` says in the end of tests that were skipped."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
TESTS = """\
import pytest
@pytest.mark.skipif(True, reason="only root may do this")
def test_a(): pass
@pytest.mark.parametrize("number", range(3))
def test_b(number): pytest.skip("nginx is not installed")
def test_c(): pass
"""
SUMMARY = """\
ssss.                                                                    [100%]
=================================== skipped ====================================
    3  nginx is not installed
    1  only root may do this
4 tests were skipped. This installs what they need, and runs all (Debian, as root): .ci/run
"""


def summary(directory: Path, text: str) -> str:
    """What pytest prints, but its last line."""
    (directory / "test_it.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider", "--rootdir", str(directory)]
    done = subprocess.run([*command, str(directory)], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.rpartition("\n1 passed")[0] + "\n"


def test_the_end_names_the_reasons_and_the_command_that_runs_them(tmp_path: Path) -> None:
    assert summary(tmp_path, TESTS) == SUMMARY


def test_where_nothing_was_skipped_nothing_is_said(tmp_path: Path) -> None:
    assert "skipped" not in summary(tmp_path, "def test_a(): pass\n")
