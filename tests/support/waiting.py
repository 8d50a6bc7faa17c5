"""Waiting for what comes to be true."""

import time
from collections.abc import Callable
from typing import Any

_BUSY = 10
"""So many times as long may it take on a machine that does something else."""


def within(seconds: float, look: Callable[[], Any], what: str = "") -> Any:
    """What `look` returns, as soon as it is true. seconds: how long that takes at most on a machine that does nothing else."""
    end = time.monotonic() + seconds * _BUSY
    while not (found := look()):
        assert time.monotonic() < end, f"not within {seconds} s: {what or look}"
        time.sleep(0.05)
    return found
