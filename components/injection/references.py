from collections.abc import Sequence
from typing import Any
def references(before: Any, after: Any, injections: Any) -> list[str]:
    return []
