"""A small place: what limits a process here, chosen by what this machine permits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Protocol

from tests.environments import Impossible
from tests.system.small_places.cgroups import NoGroup, group_of
from tests.system.small_places.duty_cycle import duty_cycle_of, is_possible
from tests.system.small_places.size import Size

WAYS = ("cgroup", "limits")


class Place(Protocol):
    """Whatever limits."""

    @property
    def how(self) -> str:
        """What limits, in words."""

    def command(self, words: Sequence[str]) -> list[str]:
        """Return what to start instead of a program, so that it is limited."""

    def watch(self, pid: int) -> None:
        """Take note of the process that was started."""

    def killed(self) -> int:
        """Return how many processes were killed for want of memory."""

    def charged_mib(self) -> float | None:
        """Return the most memory that was charged at any moment; None where nobody counts."""


class Anywhere:
    """No limits at all, to compare with."""

    how = "no limits"

    def command(self, words: Sequence[str]) -> list[str]:
        """Return the program as it is."""
        return list(words)

    def watch(self, pid: int) -> None:
        """Nothing is to be done."""

    def killed(self) -> int:
        """Return 0: there is no limit to be killed for."""
        return 0

    def charged_mib(self) -> float | None:
        """Return None: nobody counts."""
        return None


@contextmanager
def small_place(size: Size, way: str | None = None) -> Iterator[Place]:
    """Have a place of a size for the length of the block; what runs in it must have ended by then.

    Args:
        size: what there is in it.
        way: one of ``WAYS``; None for the first that works.

    Raises:
        Impossible: neither way works here.
    """
    with ExitStack() as stack:
        yield stack.enter_context(duty_cycle_of(size)) if way == "limits" else _first_that_works(size, way, stack)


def _first_that_works(size: Size, way: str | None, stack: ExitStack) -> Place:
    try:
        return stack.enter_context(group_of(size))
    except NoGroup as error:
        if way == "cgroup" or not is_possible():
            raise Impossible(f"{error}; run it on Linux, as root") from error
    return stack.enter_context(duty_cycle_of(size))
