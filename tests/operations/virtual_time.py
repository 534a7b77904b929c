"""An event loop whose clock jumps to the next timer: a minute of load takes no time, the same each time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class _Selector(selectors.SelectSelector):
    """Waits for nothing: what would have been waited is added to the clock."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise AssertionError("everything waits, and no timer will end that")
        if not ready:
            self.now_s += timeout or 0.0
        return ready


class VirtualTime(asyncio.SelectorEventLoop):
    """Its ``time`` begins at 0."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s


def run(main: Coroutine[Any, Any, Result]) -> Result:
    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        return runner.run(main)
