"""Shell scripts as files beside the component that runs them."""

from functools import cache
from importlib import resources


@cache
def script(package: str, name: str) -> str:
    """The text of a script; `package` is where it lies, a module's `__package__`."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")
