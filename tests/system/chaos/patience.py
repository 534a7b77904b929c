"""Waiting for what must come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_S = 0.05


class NothingCame(Exception):
    """What a scenario waited for did not happen: its verdict is then no verdict."""


def eventually(look: Callable[[], T], otherwise: str, patience_s: float = 60) -> T:
    """Return the first true value that ``look`` returns.

    Raises:
        NothingCame: there was none in ``patience_s`` seconds; the message is ``otherwise``.
    """
    give_up_at = time.monotonic() + patience_s
    while not (found := look()):
        if time.monotonic() > give_up_at:
            raise NothingCame(f"{otherwise} within {patience_s:.0f} s")
        time.sleep(POLL_S)
    return found
