"""What is shown on a terminal only: colours, boxes, and what is waited for."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

PATIENCE_SECONDS = 2
"""What takes longer says what it is."""


def coloured(stream: TextIO) -> bool:
    """Whether colours may be written there: a terminal, whose user has not set NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def console() -> "Console | None":
    """Standard error as a terminal; None if it is none, or without rich (extra `cli`)."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return None
    try:
        # not at the top: nothing else needs it, and it takes time
        from rich.console import Console  # noqa: PLC0415
    except ImportError:
        return None
    return Console(stderr=True, color_system="auto" if coloured(sys.stderr) else None, highlight=False, emoji=False, markup=False)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Shows what is waited for, once that has taken a while; on standard error, if it is a terminal."""
    screen = console()
    if screen is None:
        yield
        return
    status = screen.status(f"{what} ...")
    timer = threading.Timer(PATIENCE_SECONDS, status.start)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()
