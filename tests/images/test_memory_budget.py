"""The memory that decodes share: a caller without room waits, and then gets a transient error."""

from __future__ import annotations

import threading

import pytest

from shared.errors import Busy, Transient
from shared.images.memory_budget import MIB, MemoryBudget, MemoryBudgets

LONG_S = 60
"""Reached only if something is broken."""


class Holder:
    """A thread that reserves room and holds it until ``let_go``."""

    def __init__(self, budget: MemoryBudget, needed_bytes: int) -> None:
        self.is_in = threading.Event()
        self.may_go = threading.Event()
        self._thread = threading.Thread(target=self._hold, args=(budget, needed_bytes))
        self._thread.start()

    def _hold(self, budget: MemoryBudget, needed_bytes: int) -> None:
        with budget.room_for(needed_bytes):
            self.is_in.set()
            self.may_go.wait(LONG_S)

    def let_go(self) -> None:
        self.may_go.set()
        self._thread.join(LONG_S)


def test_memory_budget_admits_immediately_where_there_is_room() -> None:
    budget = MemoryBudget(10, timeout_s=0)
    with budget.room_for(4), budget.room_for(6):
        pass


def test_memory_budget_lets_a_caller_wait_for_room() -> None:
    budget = MemoryBudget(10, timeout_s=LONG_S)
    first = Holder(budget, 7)
    assert first.is_in.wait(LONG_S)
    second = Holder(budget, 7)
    assert not second.is_in.wait(0.05)
    first.let_go()
    assert second.is_in.wait(LONG_S)
    second.let_go()


def test_memory_budget_raises_a_transient_error_after_its_timeout() -> None:
    budget = MemoryBudget(10, timeout_s=0.01)
    with budget.room_for(7), pytest.raises(Busy, match="try again") as busy, budget.room_for(4):
        pass
    assert isinstance(busy.value, Transient)
    assert (busy.value.http_status, busy.value.retry_after_s) == (429, 1)


def test_memory_budget_reserves_nothing_for_a_refused_caller() -> None:
    budget = MemoryBudget(10, timeout_s=0)
    with budget.room_for(7):
        with pytest.raises(Busy), budget.room_for(4):
            pass
        with budget.room_for(3):
            pass


def test_memory_budget_is_released_when_the_work_fails() -> None:
    budget = MemoryBudget(10, timeout_s=0)
    with pytest.raises(ZeroDivisionError), budget.room_for(10):
        raise ZeroDivisionError
    with budget.room_for(10):
        pass


def test_memory_budget_admits_a_need_over_its_capacity_alone() -> None:
    budget = MemoryBudget(10, timeout_s=0)
    with budget.room_for(1_000_000), pytest.raises(Busy), budget.room_for(1):
        pass
    with budget.room_for(1), pytest.raises(Busy), budget.room_for(1_000_000):
        pass
    with budget.room_for(10):
        pass


def test_memory_budget_of_many_threads_is_never_exceeded() -> None:
    budget, lock = MemoryBudget(10, timeout_s=LONG_S), threading.Lock()
    held = most = 0

    def work(needed_bytes: int) -> None:
        nonlocal held, most
        for _ in range(50):
            with budget.room_for(needed_bytes):
                with lock:
                    held += needed_bytes
                    most = max(most, held)
                with lock:
                    held -= needed_bytes

    threads = [threading.Thread(target=work, args=(needed,)) for needed in (1, 3, 4, 6, 7, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert held == 0
    assert 0 < most <= 10


def test_memory_budgets_are_half_of_the_instances_memory() -> None:
    memory = MemoryBudgets.of_instance(512)
    assert memory.decodes.capacity_bytes == 208 * MIB
    assert memory.files.capacity_bytes == 32 * MIB
    assert memory.decodes.capacity_bytes + memory.files.capacity_bytes < 512 * MIB / 2


def test_memory_budgets_count_a_files_bytes_twice() -> None:
    memory = MemoryBudgets(files=MemoryBudget(10, timeout_s=0), decodes=MemoryBudget(1))
    with memory.room_for_file(3), memory.files.room_for(4), pytest.raises(Busy), memory.files.room_for(1):
        pass


def test_memory_budget_admits_the_waiting_caller_that_fits() -> None:
    """If only one waiting caller were woken, a small one after a large one would wait although there is room."""
    budget = MemoryBudget(10, timeout_s=LONG_S)
    first, second = Holder(budget, 3), Holder(budget, 7)
    assert first.is_in.wait(LONG_S)
    assert second.is_in.wait(LONG_S)
    large = Holder(budget, 10)
    assert not large.is_in.wait(0.05)
    small = Holder(budget, 2)
    assert not small.is_in.wait(0.05)
    first.let_go()
    assert small.is_in.wait(LONG_S)
    assert not large.is_in.is_set()
    for holder in (second, small, large):
        holder.let_go()
