"""The body of one request: read once, within the memory, size and time that the request may take."""

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
"""The text of a body, and of an image in it the bytes and once more what is sent to the archive: 1 + 0.75 + 0.75."""


class RequestBody:
    """Reads a body, and holds the memory that it takes until the request is answered.

    Args:
        request: whose body it is.
        budget: of the process, for files in flight.
        room: closed when the request is answered; then the memory is given back.
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
        """What the request holds of the budget."""

    def file(self) -> bytes:
        """Return a body that is a file, and hold room for it.

        Raises:
            Busy: there is no room for it; it was not read.
            BadRequest: it came too slowly, not to its end, or compressed.
        """
        self.hold(COPIES_OF_A_FILE * self.stated_length)
        return read_body.read_all(self._request, self._seconds_left())

    def text_or_file(self) -> bytes:
        """Return a body that is JSON or a file, and hold room for an image in it, as it is or in base64.

        Raises:
            Busy: there is no room for it; it was not read.
            BadRequest: it came too slowly, not to its end, or compressed.
        """
        if (length := self.stated_length) > read_body.SMALL_BYTES:
            self.hold(math.ceil(COPIES_OF_BASE64 * length))
        return read_body.read_all(self._request, self._seconds_left())

    def document(self) -> dict[str, Any]:
        """Return the JSON object that the body is, and hold room for its text, its values and an image in it.

        Raises:
            Busy: there is no room for it.
            BadRequest: it is no JSON object, or would take more memory than there is for all requests.
        """
        return self.parse(self.text_or_file())

    def parse(self, content: bytes) -> dict[str, Any]:
        """Return the JSON object in a part of the body that was read, and hold room for its values.

        Raises:
            Busy: there is no room for them.
            BadRequest: it is no JSON object, or would take more memory than there is for all requests.
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
        return read_body.parsed(content)

    def hold(self, size_bytes: int) -> None:
        """Hold memory of the budget until the request is answered.

        Raises:
            Busy: there is no room.
            BadRequest: the request alone needs more than there is.
        """
        self._room.enter_context(self.memory.room_for(size_bytes))

    @property
    def stated_length(self) -> int:
        """The bytes of the body, as the client stated them.

        Raises:
            RequestEntityTooLarge: more than a request may have.
        """
        return read_body.stated_length(self._request)
