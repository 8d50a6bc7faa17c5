"""Files that are replaced as a whole or left alone."""

import os
import tempfile
from pathlib import Path

TEMPORARY = ".pod-patterns-"
"""How the names of temporary files begin; one that is left over belongs to a process that was killed."""


def replace(path: Path, content: bytes, mode: int) -> bool:
    """Gives the file that content; whether that changed it.

    Readers see the old file or the new one, never a part. An unchanged file keeps its time; access wider than `mode` is removed.
    """
    if path.is_file() and path.read_bytes() == content:
        now = path.stat().st_mode & 0o777
        if now & ~mode:
            path.chmod(now & mode)
        return False
    # created with 0600
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY, suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise
    return True
