"""The library under the name that its wheel gives it, as programs of users import it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_COMPONENTS = Path(__file__).resolve().parent.parent.parent / "components"


@contextmanager
def installed(directory: Path) -> Iterator[None]:
    """`import pod_patterns` works meanwhile, by a link in that directory."""
    (directory / "pod_patterns").symlink_to(_COMPONENTS)
    sys.path.insert(0, str(directory))
    try:
        yield
    finally:
        sys.path.remove(str(directory))
        for name in [n for n in sys.modules if n.partition(".")[0] == "pod_patterns"]:
            del sys.modules[name]
