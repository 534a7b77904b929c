"""Choose what limits a process, by what this machine permits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Protocol

from tests.environments import Impossible
from tests.system.small_places.cgroups import NoGroup, group_of
from tests.system.small_places.duty_cycle import duty_cycle_of, is_possible
from tests.system.small_places.size import Size

WAYS = ("cgroup", "limits")


class Limiter(Protocol):
    """Something that limits processes."""

    @property
    def how(self) -> str:
        """Description of the limiter."""

    def command(self, words: Sequence[str]) -> list[str]:
        """Return the command that starts a program with the limits."""

    def watch(self, pid: int) -> None:
        """Begin to limit the process that was started."""

    def killed(self) -> int:
        """Return how many processes were killed because memory ran out."""

    def charged_mib(self) -> float | None:
        """Return the highest memory that was charged; None where nothing is charged."""


class Unlimited:
    """No limits, to compare with."""

    how = "no limits"

    def command(self, words: Sequence[str]) -> list[str]:
        """Return the program as it is."""
        return list(words)

    def watch(self, pid: int) -> None:
        """Do nothing."""

    def killed(self) -> int:
        """Return 0: there is no limit."""
        return 0

    def charged_mib(self) -> float | None:
        """Return None: nothing is charged."""
        return None


@contextmanager
def limited(size: Size, way: str | None = None) -> Iterator[Limiter]:
    """Limit processes to a size for the length of the block; they must have ended by then.

    Args:
        size: the limits.
        way: one of ``WAYS``; None for the first that works.

    Raises:
        Impossible: no way works here.
    """
    with ExitStack() as stack:
        yield stack.enter_context(duty_cycle_of(size)) if way == "limits" else _first_that_works(size, way, stack)


def _first_that_works(size: Size, way: str | None, stack: ExitStack) -> Limiter:
    try:
        return stack.enter_context(group_of(size))
    except NoGroup as error:
        if way == "cgroup" or not is_possible():
            raise Impossible(f"{error}; run it on Linux, as root") from error
    return stack.enter_context(duty_cycle_of(size))
