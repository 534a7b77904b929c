"""The requests between the functions and one service: held, failed, and recorded."""

from __future__ import annotations

from shared.emulators.faults.record import Record
from tests.emulators.fault_client import FaultControl
from tests.system.chaos.eventually import NothingCame
from tests.system.chaos.steps import Step

HOLD_S = 60.0
"""Longer than any client waits: a held request is released by ``clear``."""
ANSWER_S = 30.0


class Wire(FaultControl):
    """A service's faults and records, and how many requests have met a fault."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._struck = 0

    def hold(
        self,
        step: Step,
        name: str | None = None,
        *,
        count: int | None = 1,
        seconds: float = HOLD_S,
        after: bool = False,
        late: bool = False,
    ) -> int:
        """Hold the next requests of a step, for the upload of one name or for any; returns the fault's number."""
        more = {"count": count, "seconds": seconds, "after": after, "late": late}
        number: int = self.set("stall", method=step.method, path=step.path(name), **more)
        return number

    def held(self, count: int = 1) -> list[Record]:
        """Return the requests that are held, once there are ``count``.

        Raises:
            NothingCame: there were fewer for a long time.
        """
        try:
            return self.wait_held(count, ANSWER_S)
        except TimeoutError as error:
            raise NothingCame(str(error)) from error

    def clear(self, number: int | None = None) -> None:
        """Remove a fault, or all, and release the requests that it holds."""
        self._struck += sum(fault["struck"] for fault in self.faults() if number in (None, fault["number"]))
        super().clear(number)

    @property
    def struck(self) -> int:
        """Number of requests that met a fault, without those that a killed process had counted."""
        return self._struck + sum(int(fault["struck"]) for fault in self.faults())
