"""A generated file."""

import sys
from pathlib import Path

from .project import PROJECT


def keep(path: Path, text: str, *, command: str) -> None:
    """Writes the file. With --check among the arguments, ends the program if the file is not that text; the command writes it anew."""
    if "--check" not in sys.argv[1:]:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    elif not path.is_file() or path.read_text(encoding="utf-8") != text:
        sys.exit(f"{path.relative_to(PROJECT)} is stale; run `{command}`")
