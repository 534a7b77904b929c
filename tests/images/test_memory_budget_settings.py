"""The shares of an instance's memory, and what is set in glibc's allocator: exact numbers."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import pytest

from shared.errors import Busy
from shared.images.memory_budget import MIB, UNLIMITED, MemoryBudget, MemoryBudgets, configure_malloc


@pytest.mark.parametrize(("memory_mb", "share"), [(1, 32_768), (3, 98_304), (512, 16 * MIB), (2048, 64 * MIB)])
def test_decodes_get_13_of_32_parts_of_the_memory_and_files_2(memory_mb: int, share: int) -> None:
    memory = MemoryBudgets.of_instance(memory_mb)
    assert memory.decodes.capacity_bytes == 13 * share
    assert memory.files.capacity_bytes == 2 * share
    assert memory.files.timeout_s == memory.decodes.timeout_s == 5.0


def test_budget_waits_five_seconds_and_the_unlimited_has_room_for_anything() -> None:
    assert MIB == 1_048_576
    assert MemoryBudget(1).timeout_s == 5.0
    assert UNLIMITED.capacity_bytes == 4_611_686_018_427_387_904
    with UNLIMITED.room_for(1 << 50), UNLIMITED.room_for(1 << 50):
        pass


def test_files_room_is_given_back_even_if_the_work_fails() -> None:
    memory = MemoryBudgets(files=MemoryBudget(10, timeout_s=0), decodes=MemoryBudget(1, timeout_s=0))
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), memory.room_for_file(5):
            raise ZeroDivisionError
    with memory.room_for_file(5), memory.decodes.room_for(1), pytest.raises(Busy), memory.files.room_for(1):
        pass


def test_busy_says_that_the_images_in_flight_fill_the_memory() -> None:
    budget = MemoryBudget(10, timeout_s=0)
    with budget.room_for(10), pytest.raises(Busy) as busy, budget.room_for(1):
        pass
    assert str(busy.value) == "The images in flight fill the memory for them; try again in a second."


@pytest.mark.parametrize(("held", "needed", "fits"), [(4, 5, True), (4, 6, True), (4, 7, False), (10, 0, True)])
def test_budget_admits_to_its_last_byte(held: int, needed: int, fits: bool) -> None:
    budget = MemoryBudget(10, timeout_s=0)
    with budget.room_for(held):
        if fits:
            with budget.room_for(needed):
                pass
        else:
            with pytest.raises(Busy), budget.room_for(needed):
                pass
    with budget.room_for(10):
        pass


def test_room_that_is_given_back_wakes_every_waiting_caller() -> None:
    budget = MemoryBudget(10, timeout_s=60)
    taken = threading.Barrier(3, timeout=60)

    def take() -> None:
        with budget.room_for(3):
            taken.wait()

    waiting = [threading.Thread(target=take) for _ in range(3)]
    with budget.room_for(10):
        for thread in waiting:
            thread.start()
        while len(budget._freed._waiters) < 3:  # type: ignore[attr-defined]
            threading.Event().wait(0.001)
    for thread in waiting:
        thread.join()
    assert not taken.broken


class Libc:
    """A C library that writes down what is set."""

    def __init__(self) -> None:
        self.settings: dict[int, int] = {}

    def mallopt(self, parameter: int, value: int) -> None:
        self.settings[parameter] = value


def test_glibc_keeps_two_heaps_and_returns_blocks_of_a_mebibyte(monkeypatch: pytest.MonkeyPatch) -> None:
    libc, loaded = Libc(), []

    def load(name: Any) -> Libc:
        loaded.append(name)
        return libc

    monkeypatch.setattr(ctypes, "CDLL", load)
    configure_malloc()
    configure_malloc()
    assert libc.settings == {-8: 2, -3: 1_048_576, -1: 1_048_576}
    assert set(loaded) == {None}


def test_c_library_without_such_settings_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    configure_malloc()
