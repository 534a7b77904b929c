"""The memory that one request holds: asked for part by part, and limited for all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import BadRequest
from shared.images.memory_budget import MemoryBudget


class Reservation:
    """Holds memory of a budget for one request, which one thread answers.

    A request that holds a part and asks for another would wait for itself where there is no room for both, and come
    again for nothing: that it cannot be answered is known at once.
    """

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self._held_bytes = 0

    @contextmanager
    def room_for(self, size_bytes: int) -> Iterator[None]:
        """Hold memory for the length of the block; a first part that is more than there is at all is let in alone.

        Raises:
            BadRequest: with status 413: with what it holds already, the request alone needs more than there is.
            Busy: others hold it.
        """
        size_bytes = min(size_bytes, self._budget.capacity_bytes)
        together_bytes = self._held_bytes + size_bytes
        if self._held_bytes and together_bytes > self._budget.capacity_bytes:
            raise BadRequest(
                f"The request needs {together_bytes:,} bytes of memory at once, and there are "
                f"{self._budget.capacity_bytes:,} for all; send its images one at a time.",
                413,
                "too_much_memory",
            )
        with self._budget.room_for(size_bytes):
            self._held_bytes = together_bytes
            try:
                yield
            finally:
                self._held_bytes -= size_bytes
