"""A part that fails where a test chooses: before or after the calls of one name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Killed(BaseException):
    """Stands for SIGKILL between two steps: no code of the product may catch it."""


class Faulty:
    """A wrapper that passes calls on to a part and notes their order; it may fail before or after those of one name.

    Args:
        part: a store or a warehouse, real or in memory.
        notes: gets the names of the calls that succeeded.
        at: the name of the calls that fail.
        before: raised in place of the call.
        after: raised once the call was made.
    """

    def __init__(
        self,
        part: Any,
        notes: list[str] | None = None,
        at: str = "",
        before: BaseException | None = None,
        after: BaseException | None = None,
    ) -> None:
        self._part, self._notes, self._at, self._before, self._after = part, notes, at, before, after

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._part, name)
        return self._passing(name, real) if callable(real) else real

    def _passing(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def passed_on(*args: Any, **kwargs: Any) -> Any:
            if name == self._at and self._before:
                raise self._before
            result = real(*args, **kwargs)
            if self._notes is not None:
                self._notes.append(name)
            if name == self._at and self._after:
                raise self._after
            return result

        return passed_on
