"""Limits of the core: at the limit, one below and one above."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.backlog.attempts import Attempts, BeingTried
from shared.errors import Busy, Misconfigured, OverRate, TriedTooOften
from shared.http.metrics import SECONDS, _Histogram
from shared.images.memory_budget import MemoryBudget
from shared.pipeline.rate_limit import WINDOW_S, RateLimit
from shared.pipeline.receive import FINALIZED, LONGEST_NAME_BYTES, MalformedEvent, upload_from
from shared.settings import Settings
from shared.types import ObjectRef
from tests.worlds import World

TIMEOUT_S = 300
EVENT: dict[str, Any] = {"bucket": "b", "name": "n", "generation": "1", "size": "1"}
SECOND, MOMENT = timedelta(seconds=1), timedelta(microseconds=1)


def is_taken(act: Callable[[], object], refusal: type[Exception]) -> bool:
    """Return whether a call succeeds instead of raising the refusal."""
    try:
        act()
    except refusal:
        return False
    return True


@pytest.fixture
def upload(memory_world: World, tmp_path: Path) -> ObjectRef:
    memory_world.put("a.jpg", b"not looked at", tmp_path)
    return memory_world.store.find(memory_world.uploads, "a.jpg").ref


@pytest.fixture
def attempts(memory_world: World) -> Attempts:
    return Attempts(memory_world.store, memory_world.quarantine, TIMEOUT_S, {})


@pytest.mark.parametrize(
    ("later", "error"), [(-MOMENT, BeingTried), (timedelta(0), TriedTooOften), (MOMENT, TriedTooOften)]
)
def test_attempt_is_dead_from_the_timeout_on(
    attempts: Attempts, upload: ObjectRef, later: timedelta, error: type[Exception]
) -> None:
    last = [attempts.begin_next(upload, datetime.max) for _ in range(2)][1].marker.created_at
    with pytest.raises(error):
        attempts.begin_next(upload, last + TIMEOUT_S * SECOND + later)


@pytest.mark.parametrize(("later", "stays"), [(-MOMENT, True), (timedelta(0), False), (MOMENT, False)])
def test_marker_may_be_a_leftover_from_the_timeout_on(
    memory_world: World, attempts: Attempts, upload: ObjectRef, later: timedelta, stays: bool
) -> None:
    attempt = attempts.begin_first(upload)
    assert attempt
    memory_world.store.delete(upload)
    attempts.remove_leftovers(attempt.marker.created_at + TIMEOUT_S * SECOND + later, lambda _: False)
    assert (memory_world.names_in(memory_world.quarantine) == [attempt.marker.name]) is stays


@pytest.mark.parametrize(
    ("after_s", "retry_s"), [(0.0, 60), (0.5, 60), (59.0, 1), (59.999, 1), (60.0, None), (61, None)]
)
def test_rate_limit_error_names_the_first_second_with_room(after_s: float, retry_s: int | None) -> None:
    now = [1000.0]
    rate = RateLimit(1, lambda: now[0])
    rate.take()
    now[0] += after_s
    if retry_s is None:
        rate.take()
    else:
        with pytest.raises(OverRate) as refused:
            rate.take()
        assert refused.value.retry_after_s == retry_s
        assert after_s + refused.value.retry_after_s >= WINDOW_S, "a request after that time is admitted"


@pytest.mark.parametrize("limit", [1, 2, 30])
def test_rate_limit_takes_exactly_its_limit_of_images(limit: int) -> None:
    rate = RateLimit(limit, lambda: 1000.0)
    assert [is_taken(rate.take, OverRate) for _ in range(limit + 2)] == [True] * limit + [False] * 2


@pytest.mark.parametrize(("first", "second", "fits"), [(6, 3, True), (6, 4, True), (6, 5, False), (10, 1, False)])
def test_memory_budget_is_usable_to_its_last_byte(first: int, second: int, fits: bool) -> None:
    budget = MemoryBudget(10, timeout_s=0)

    def take() -> None:
        with budget.room_for(first), budget.room_for(second):
            pass

    assert is_taken(take, Busy) is fits


@pytest.mark.parametrize("field", ["bucket", "name"])
@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("x" * (LONGEST_NAME_BYTES - 1), True),
        ("x" * LONGEST_NAME_BYTES, True),
        ("x" * (LONGEST_NAME_BYTES + 1), False),
        ("é" * (LONGEST_NAME_BYTES // 2), True),
        ("é" * (LONGEST_NAME_BYTES // 2) + "x", False),
    ],
    ids=["1023", "1024", "1025", "1024 of 512 characters", "1025 of 513 characters"],
)
def test_event_name_may_be_as_long_as_an_object_name(field: str, text: str, fits: bool) -> None:
    assert is_taken(lambda: upload_from({"type": FINALIZED}, EVENT | {field: text}), MalformedEvent) is fits


def _settings(**changes: str) -> Settings:
    buckets = {"UPLOAD_BUCKET": "uploads", "ARCHIVE_BUCKET": "archive", "QUARANTINE_BUCKET": "quarantine"}
    return Settings.from_environment({"GOOGLE_CLOUD_PROJECT": "p", **buckets, **changes})


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("LABEL_KEYS", "k" * 31, False),
        ("LABEL_KEYS", "k" * 32, True),
        ("LABEL_KEYS", f"{'k' * 32},{'l' * 31}", False),
        ("THREADS", "0", False),
        ("THREADS", "1", True),
        ("UPLOAD_BUCKET", "uu", False),
        ("UPLOAD_BUCKET", "uuu", True),
        ("UPLOAD_BUCKET", "u" * 222, True),
        ("UPLOAD_BUCKET", "u" * 223, False),
        ("BIGQUERY_DATASET", "d", True),
        ("BIGQUERY_DATASET", "d" * 1024, True),
        ("BIGQUERY_DATASET", "d" * 1025, False),
        ("ATTEMPT_TIMEOUT_S", "99", False),  # 4 calls of 20 s and one of 20 s
        ("ATTEMPT_TIMEOUT_S", "100", False),
        ("ATTEMPT_TIMEOUT_S", "101", True),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_setting_is_accepted_up_to_its_limit(name: str, value: str, fits: bool) -> None:
    assert is_taken(lambda: _settings(**{name: value}), Misconfigured) is fits


@pytest.mark.parametrize("bound", SECONDS)
def test_histogram_counts_a_step_as_long_as_a_bound_in_its_bucket(bound: float) -> None:
    """Prometheus' buckets include their upper bound, which is what ``le`` means."""
    histogram = _Histogram()
    for seconds in (bound - 1e-9, bound, bound + 1e-9):
        histogram.add(seconds)
    assert dict(histogram.buckets())[str(bound)] == 2
    assert histogram.buckets()[-1] == ("+Inf", 3)
