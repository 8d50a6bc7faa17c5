"""One provider's process for all tests; each begins a run of its own."""

from collections.abc import Iterator

import pytest

from ..support import provider


@pytest.fixture(scope="package")
def _process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[provider.Engine]:
    engine = provider.Engine(tmp_path_factory.mktemp("library"))
    yield engine
    # nothing that the tests did made it say anything that the engine would show
    assert engine.end() == (0, "")


@pytest.fixture
def engine(_process: provider.Engine) -> provider.Engine:
    """An engine, and the provider that it started; nothing is registered yet."""
    _process.begin()
    return _process
