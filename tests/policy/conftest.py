"""The policy pack, started once for the tests of a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.policy_pack import Pack, started

PROJECT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pack]:
    directory = tmp_path_factory.mktemp("library")
    (directory / "pod_patterns").symlink_to(PROJECT / "components")
    with started(directory) as pack:
        yield pack
