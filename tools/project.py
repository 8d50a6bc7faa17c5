"""Where this repository is, and how its tools end."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pulumi

PROJECT = Path(__file__).resolve().parent.parent


@contextmanager
def reported() -> Iterator[None]:
    """Ends the program with what is wrong, if something is."""
    try:
        yield
    except pulumi.RunError as error:
        sys.exit(f"error: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: {(error.stderr or error.stdout or str(error)).strip()}")
