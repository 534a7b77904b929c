"""The body of one request: read once, within the limits of memory, size and time."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from flask import Request

from shared.errors import BadRequest
from shared.http import read_body
from shared.http.reservation import Reservation
from shared.images.memory_budget import COPIES_OF_A_FILE, MemoryBudget

COPIES_OF_BASE64 = 2.5
"""Memory of a JSON body with an image, per byte: the text 1, the image 0.75, the copy for the archive 0.75."""


class RequestBody:
    """The body of a request. It holds the memory that it takes until the request is answered.

    Args:
        request: the request.
        budget: the process's memory for files in flight.
        room: closed when the request is answered, which releases the memory.
        seconds_left: returns how long the request may still take.
    """

    def __init__(
        self, request: Request, budget: MemoryBudget, room: ExitStack, seconds_left: Callable[[], float]
    ) -> None:
        self._request = request
        self._budget = budget
        self._room = room
        self._seconds_left = seconds_left
        self.memory = Reservation(budget)
        """The part of the budget that the request holds."""

    def file(self) -> bytes:
        """Read a body that is a file, and hold memory for it.

        Raises:
            Busy: the memory for it is in use; the body was not read.
            BadRequest: it arrived too slowly, ended early, or is compressed.
        """
        self.hold(COPIES_OF_A_FILE * self.stated_length)
        return read_body.read_all(self._request, self._seconds_left())

    def text_or_file(self) -> bytes:
        """Read a body that is JSON or a file, and hold memory for an image in it, raw or in base64.

        Raises:
            Busy: the memory for it is in use; the body was not read.
            BadRequest: it arrived too slowly, ended early, or is compressed.
        """
        if (length := self.stated_length) > read_body.SMALL_BYTES:
            self.hold(math.ceil(COPIES_OF_BASE64 * length))
        return read_body.read_all(self._request, self._seconds_left())

    def document(self) -> dict[str, Any]:
        """Read and parse a body that is a JSON object; hold memory for its text, its values and an image in it.

        Raises:
            Busy: the memory for it is in use.
            BadRequest: it is not a JSON object, or would take more memory than all requests have.
        """
        return self.parse(self.text_or_file())

    def parse(self, content: bytes) -> dict[str, Any]:
        """Parse a JSON object in a part of the body that was read, and hold memory for its values.

        Raises:
            Busy: the memory for them is in use.
            BadRequest: it is not a JSON object, or would take more memory than all requests have.
        """
        cost_bytes = read_body.cost_of_parsing(content)
        if cost_bytes > self._budget.capacity_bytes:
            raise BadRequest(
                f"The JSON has so many values that they would take {cost_bytes:,} bytes of memory; send images as "
                "base64, or as binary tensors.",
                413,
                "too_much_memory",
            )
        if cost_bytes > read_body.SMALL_BYTES:
            self.hold(cost_bytes)
        return read_body.parse_object(content)

    def hold(self, size_bytes: int) -> None:
        """Hold memory of the budget until the request is answered.

        Raises:
            Busy: other requests hold it.
            BadRequest: this request alone needs more than the budget has.
        """
        self._room.enter_context(self.memory.room_for(size_bytes))

    @property
    def stated_length(self) -> int:
        """The body's Content-Length in bytes; without one, the limit.

        Raises:
            RequestEntityTooLarge: it is over the limit.
        """
        return read_body.stated_length(self._request)
