"""What one request holds of the memory for files: it never waits for itself, and gives back all of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.errors import BadRequest, Busy
from shared.http.reservation import Reservation
from shared.images.memory_budget import MIB, MemoryBudget, MemoryBudgets
from tests.http.conftest import MakeClient, b64
from tests.worlds import World

CAPACITY = 100


@pytest.fixture
def budget() -> MemoryBudget:
    return MemoryBudget(CAPACITY, timeout_s=0.05)


def is_free(budget: MemoryBudget) -> bool:
    """Whether all of it can be had."""
    with budget.room_for(CAPACITY):
        return True


@pytest.mark.parametrize(
    ("first", "second", "fits"), [(60, 39, True), (60, 40, True), (60, 41, False), (100, 1, False)]
)
def test_a_request_grows_to_all_that_there_is_and_no_further(
    budget: MemoryBudget, first: int, second: int, fits: bool
) -> None:
    request = Reservation(budget)
    with request.room_for(first):
        if fits:
            with request.room_for(second):
                pass
        else:
            with pytest.raises(BadRequest, match="at once") as refused, request.room_for(second):
                pass
            assert (refused.value.http_status, refused.value.reason) == (413, "too_much_memory")
    assert is_free(budget)


def test_a_first_part_larger_than_all_is_let_in_alone(budget: MemoryBudget) -> None:
    with Reservation(budget).room_for(10 * CAPACITY), pytest.raises(Busy), budget.room_for(1):
        pass
    assert is_free(budget)


def test_who_waits_for_others_may_come_again(budget: MemoryBudget) -> None:
    request = Reservation(budget)
    with budget.room_for(50), request.room_for(40), pytest.raises(Busy), request.room_for(20):
        pass
    assert is_free(budget)


def test_parts_that_were_given_back_count_no_more(budget: MemoryBudget) -> None:
    request = Reservation(budget)
    for _ in range(3):
        with request.room_for(40), request.room_for(60):
            pass
    with pytest.raises(ValueError, match="broken"), request.room_for(90):
        raise ValueError("broken")
    with request.room_for(CAPACITY):
        pass


def test_many_requests_at_once_hold_no_more_than_there_is_and_leave_nothing(budget: MemoryBudget) -> None:
    def answer(size: int) -> bool:
        request = Reservation(budget)
        try:
            with request.room_for(size), request.room_for(size):
                return budget._taken_bytes <= CAPACITY
        except (Busy, BadRequest):
            return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(answer, [5, 20, 35, 50, 51, 80] * 10))
    assert is_free(budget)


def test_a_request_that_alone_needs_more_than_there_is_hears_it_at_once(
    client_with: MakeClient, world: World, daisy: bytes, tmp_path: Path
) -> None:
    """13 MiB of JSON take all 32 MiB that there are, so an object beside them will never have room."""
    capacity = MemoryBudgets.of_instance(512).files.capacity_bytes
    text = "A" * (capacity * 2 // 5 + MIB)
    world.put("daisy.jpg", daisy, tmp_path)
    client = client_with(MEMORY_MB="512")
    row = {"calls": [[b64(daisy)], [f"gs://{world.uploads}/daisy.jpg"]], "padding": text}
    first, second = client.post("/v1/bigquery:call", json=row).get_json()["replies"]
    assert first["label"] == "daisy"
    assert second["reason"] == "too_much_memory"
    both = {"instances": [{"content": b64(daisy)}, {"gcsUri": f"gs://{world.uploads}/daisy.jpg"}], "padding": text}
    assert client.post("/v1/models/flowers:predict", json=both).status_code == 413
