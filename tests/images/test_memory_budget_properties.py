"""Whatever callers do in whatever order, a budget is never taken twice, never lost, and never idle while some wait."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Queue

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from shared.errors import Busy
from shared.images.memory_budget import MemoryBudget
from tests.properties import FEW

CAPACITY = 10
LONG_S = 20
"""Never waited for in full, unless something is broken."""

QUICK = (Phase.explicit, Phase.generate)
"""A failure may cost the whole wait, so what fails is not made small."""

sizes = st.integers(0, CAPACITY + 3)


class Caller(threading.Thread):
    """A thread that takes room, says so, and holds it until it is let go; it may fail while it does."""

    def __init__(self, budget: MemoryBudget, size: int, entered: Queue[Caller]) -> None:
        super().__init__(daemon=True)
        self.size = min(size, CAPACITY)
        self._budget, self._asked, self._entered = budget, size, entered
        self._may_go = threading.Event()
        self._fails = False

    def run(self) -> None:
        with suppress(ZeroDivisionError), self._budget.room_for(self._asked):
            self._entered.put(self)
            self._may_go.wait(LONG_S)
            if self._fails:
                raise ZeroDivisionError

    def let_go(self, fails: bool = False) -> None:
        self._fails = fails
        self._may_go.set()
        self.join(LONG_S)
        assert not self.is_alive()


class Budget(RuleBasedStateMachine):
    """A budget, and a model of it: the sizes that are in, and the callers that wait."""

    waiting_or_in = Bundle("waiting_or_in")

    def __init__(self) -> None:
        super().__init__()
        self.budget = MemoryBudget(CAPACITY, timeout_s=LONG_S)
        self.entered: Queue[Caller] = Queue()
        self.inside: list[Caller] = []
        self.waiting: list[Caller] = []

    @property
    def taken(self) -> int:
        return sum(caller.size for caller in self.inside)

    def settle(self) -> None:
        """Take note of all that must be let in by now, in whatever order they were."""
        while any(self.taken + caller.size <= CAPACITY for caller in self.waiting):
            caller = self.entered.get(timeout=LONG_S)
            self.waiting.remove(caller)
            self.inside.append(caller)
            assert self.taken <= CAPACITY

    @rule(target=waiting_or_in, size=sizes)
    def come(self, size: int) -> Caller:
        caller = Caller(self.budget, size, self.entered)
        self.waiting.append(caller)
        caller.start()
        self.settle()
        return caller

    @rule(size=sizes)
    def come_without_patience(self, size: int) -> None:
        fits = self.taken + min(size, CAPACITY) <= CAPACITY
        self.budget.timeout_s = 0
        try:
            with self.budget.room_for(size):
                assert fits
        except Busy:
            assert not fits
        finally:
            self.budget.timeout_s = LONG_S
        self.settle()

    @precondition(lambda self: self.inside)
    @rule(caller=consumes(waiting_or_in), fails=st.booleans())
    def go(self, caller: Caller, fails: bool) -> None:
        if caller not in self.inside:
            caller = self.inside[0]
        self.inside.remove(caller)
        caller.let_go(fails)
        self.settle()

    @invariant()
    def nothing_is_taken_but_by_those_who_are_in(self) -> None:
        assert self.budget._taken_bytes == self.taken <= CAPACITY
        assert self.entered.empty()

    def teardown(self) -> None:
        while self.inside:
            self.inside.pop().let_go()
            self.settle()
        assert not self.waiting
        assert self.budget._taken_bytes == 0


TestBudget = Budget.TestCase
TestBudget.settings = settings(FEW, max_examples=25, stateful_step_count=20, phases=QUICK)
