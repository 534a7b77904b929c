"""The rate limit: the most images that a process takes in a minute, so that the cost of a flood is bounded."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from shared.errors import OverRate

WINDOW_S = 60.0


class RateLimit:
    """A limit of ``images_per_minute`` images in any 60 seconds. Thread-safe.

    The window slides (it is not a minute of the clock), so two bursts, before and after a full minute, do not
    get twice the limit. The limit is for one process: an instance, or one task of a job.

    Args:
        images_per_minute: the limit, 1 or more.
        now: a monotonic clock, in seconds.
    """

    def __init__(self, images_per_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self.images_per_minute = images_per_minute
        self._now = now
        self._taken: deque[float] = deque(maxlen=images_per_minute)
        self._lock = threading.Lock()

    def take(self) -> None:
        """Count one image.

        Raises:
            OverRate: the limit is reached; the image is not counted. ``retry_after_s`` is the time until there is room.
        """
        with self._lock:
            wait_s = self._wait_s()
            if wait_s > 0:
                raise OverRate(self.images_per_minute, math.ceil(wait_s))
            self._taken.append(self._now())

    def wait(self, is_cancelled: threading.Event) -> bool:
        """Wait for room and count one image; return False if ``is_cancelled`` is set before that."""
        while not is_cancelled.is_set():
            with self._lock:
                wait_s = self._wait_s()
                if wait_s <= 0:
                    self._taken.append(self._now())
                    return True
            is_cancelled.wait(wait_s)
        return False

    def _wait_s(self) -> float:
        """Return the seconds until the oldest image leaves a full window; 0 or less if there is room."""
        if len(self._taken) < self.images_per_minute:
            return 0.0
        return self._taken[0] + WINDOW_S - self._now()
