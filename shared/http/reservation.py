"""The memory that one request holds: reserved part by part, with one limit for all parts together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import BadRequest
from shared.images.memory_budget import MemoryBudget


class Reservation:
    """The memory of a budget that one request holds. Not thread-safe: one thread answers a request.

    A request that holds one part and needs a second would wait for itself if the budget cannot hold both, and a retry
    would fail in the same way. So such a request is refused immediately.
    """

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self._held_bytes = 0

    @contextmanager
    def room_for(self, size_bytes: int) -> Iterator[None]:
        """Hold memory for the length of the block; a first part that is larger than the budget takes all of it.

        Raises:
            BadRequest: status 413: with the parts it holds, this request alone needs more than the budget has.
            Busy: other requests hold it.
        """
        size_bytes = min(size_bytes, self._budget.capacity_bytes)
        together_bytes = self._held_bytes + size_bytes
        if self._held_bytes and together_bytes > self._budget.capacity_bytes:
            raise BadRequest(
                f"The request needs {together_bytes:,} bytes of memory, and all requests together have "
                f"{self._budget.capacity_bytes:,}; send its images one at a time.",
                413,
                "too_much_memory",
            )
        with self._budget.room_for(size_bytes):
            self._held_bytes = together_bytes
            try:
                yield
            finally:
                self._held_bytes -= size_bytes
