"""Wait for what must happen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_S = 0.05


class NothingCame(Exception):
    """What a scenario waited for did not happen, so it has no verdict."""


def eventually(look: Callable[[], T], otherwise: str, timeout_s: float = 60) -> T:
    """Return the first true value that ``look`` returns.

    Raises:
        NothingCame: there was none within ``timeout_s`` seconds; the message is ``otherwise``.
    """
    give_up_at = time.monotonic() + timeout_s
    while not (value := look()):
        if time.monotonic() > give_up_at:
            raise NothingCame(f"{otherwise} within {timeout_s:.0f} s")
        time.sleep(POLL_S)
    return value
