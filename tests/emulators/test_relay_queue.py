"""The relay's queue and its events, without a process."""

from __future__ import annotations

import asyncio
import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

from shared.emulators.eventarc.cloudevents import CloudEvent, cloud_event_from
from shared.emulators.eventarc.delivery import Delivery, Policy
from shared.emulators.eventarc.duplicates import Duplicates
from shared.emulators.eventarc.queue import DeliveryQueue, QueueUnusable

EVENT = CloudEvent("e1", {"ce-id": "e1"}, b"{}")
RESOURCE = {"bucket": "uploads", "name": "photo", "generation": 1795254867399766, "size": 5}


def event(**changes: object) -> CloudEvent:
    """Return the event of an upload whose resource is changed."""
    return cloud_event_from("e1", RESOURCE | changes)


def test_queue_returns_deliveries_in_order_of_due_time(tmp_path: Path) -> None:
    queue = DeliveryQueue(tmp_path / "queue.sqlite")
    names = ("third", "first", "second")
    queue.add((CloudEvent(name, {}, b""), due_at) for name, due_at in zip(names, (30.0, 10.0, 20.0), strict=True))
    assert [queue.take().event.id for _ in names] == ["first", "second", "third"]
    assert (queue.next_due_at(), queue.pending) == (None, 3)
    queue.close()


def test_queue_returns_copies_with_equal_due_times_together(tmp_path: Path) -> None:
    queue = DeliveryQueue(tmp_path / "queue.sqlite")
    other = CloudEvent("e2", {}, b"")
    queue.add([(EVENT, 5.0), (EVENT, 5.0), (other, 5.0), (other, 6.0), (EVENT, 6.0)])
    taken = [[queued.event.id for queued in queue.take_copies()] for _ in range(4)]
    assert taken == [["e1", "e1"], ["e2"], ["e2"], ["e1"]]
    assert (queue.next_due_at(), queue.pending) == (None, 5)
    queue.close()


def test_due_times_of_copies_follow_the_disorder() -> None:
    chance = random.Random(1)
    assert Duplicates().due_times(100.0, chance) == [100.0]
    assert Duplicates(together=1).due_times(100.0, chance) == [100.0, 100.0]
    pairs = [Duplicates(duplicates=1).due_times(100.0, chance) for _ in range(200)]
    at_once = sum(first == second for first, second in pairs)
    assert 60 < at_once < 140
    assert all(first == 100.0 <= second <= 102.0 for first, second in pairs)
    lost = [Duplicates(lost=0.5).due_times(100.0, chance) for _ in range(200)]
    assert 60 < lost.count([]) < 140
    delayed = [Duplicates(delay_s=3).due_times(100.0, chance) for _ in range(200)]
    assert all(len(times) == 1 and 100 <= times[0] <= 103 for times in delayed)
    assert delayed != sorted(delayed)


def test_queue_keeps_unfinished_events_when_reopened(tmp_path: Path) -> None:
    queue = DeliveryQueue(tmp_path / "queue.sqlite")
    queue.add([(EVENT, 1.0), (CloudEvent("e2", {"ce-subject": "objects/ä"}, b"\0\xff"), 2.0)])
    queue.done(queue.take())
    queue.postpone(queue.take(), 50.0)
    queue.close()
    again = DeliveryQueue(tmp_path / "queue.sqlite")
    assert (again.next_due_at(), again.pending) == (50.0, 1)
    queued = again.take()
    assert (queued.event, queued.attempts) == (CloudEvent("e2", {"ce-subject": "objects/ä"}, b"\0\xff"), 1)
    again.close()


def test_queue_adds_all_events_of_a_call_or_none(tmp_path: Path) -> None:
    queue = DeliveryQueue(tmp_path / "queue.sqlite")
    broken = CloudEvent("e2", {}, None)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="NOT NULL"):
        queue.add([(EVENT, 1.0), (broken, 2.0)])
    assert (queue.next_due_at(), queue.pending, queue.oldest_added_at()) == (None, 0, None)
    queue.add([(EVENT, 1.0)])
    assert queue.pending == 1
    queue.close()


def test_queue_is_used_by_one_relay_at_a_time(tmp_path: Path) -> None:
    first = DeliveryQueue(tmp_path / "queue.sqlite")
    with pytest.raises(QueueUnusable, match="another relay"):
        DeliveryQueue(tmp_path / "queue.sqlite")
    first.close()
    DeliveryQueue(tmp_path / "queue.sqlite").close()


def test_event_resource_has_the_format_of_cloud_storage() -> None:
    resource = json.loads(event(timeCreated="2026-11-21T10:54:27.5+01:00", metadata={"a": "b"}).body)
    assert resource == {
        "kind": "storage#object",
        "id": "uploads/photo/1795254867399766",
        "bucket": "uploads",
        "name": "photo",
        "generation": "1795254867399766",
        "metageneration": "1",
        "size": "5",
        "timeCreated": "2026-11-21T09:54:27.500Z",
        "updated": "2026-11-21T09:54:27.399Z",
        "timeStorageClassUpdated": "2026-11-21T09:54:27.500Z",
        "metadata": {"a": "b"},
    }


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("a/b c.jpg", "objects/a/b%20c.jpg"),
        ('100 % "sure"', "objects/100%20%25%20%22sure%22"),
        ("naïve-日本.png", "objects/na%C3%AFve-%E6%97%A5%E6%9C%AC.png"),
        ("a#b?c&d=e;f,g'h~[i]", "objects/a#b?c&d=e;f,g'h~[i]"),
        ("tab\there\x7f", "objects/tab%09here%7F"),
    ],
)
def test_event_subject_is_encoded_as_in_the_http_binding(name: str, subject: str) -> None:
    made = cloud_event_from("e1", RESOURCE | {"name": name})
    assert made.headers["ce-subject"] == subject
    assert json.loads(made.body)["name"] == name


@pytest.mark.parametrize(
    "resource",
    [
        {},
        {"bucket": "uploads", "name": "photo"},
        [],
        "photo",
        RESOURCE | {"updated": "yesterday"},
        RESOURCE | {"generation": "newest"},
    ],
)
def test_event_from_an_invalid_resource_is_refused(resource: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        cloud_event_from("e1", resource)


async def _pauses(tmp_path: Path, attempts: int) -> list[float]:
    queue = DeliveryQueue(tmp_path / "queue.sqlite")
    delivery = Delivery(queue, Policy("http://127.0.0.1:1/"), None, random.Random(1))  # type: ignore[arg-type]
    queue.close()
    return [delivery._pause_s(attempts) for _ in range(500)]


@pytest.mark.parametrize(("attempts", "ceiling"), [(0, 0.2), (1, 0.4), (3, 1.6), (6, 10.0), (5000, 10.0)])
def test_retry_pauses_grow_to_a_ceiling_and_are_random_below_it(tmp_path: Path, attempts: int, ceiling: float) -> None:
    pauses = asyncio.run(_pauses(tmp_path, attempts))
    assert 0 <= min(pauses) < ceiling * 0.1
    assert ceiling * 0.9 < max(pauses) <= ceiling


def test_queue_has_the_time_of_its_oldest_event(tmp_path: Path) -> None:
    queue = DeliveryQueue(tmp_path / "queue.sqlite")
    before = time.time()
    queue.add([(EVENT, 1.0)])
    assert before <= (queue.oldest_added_at() or 0) <= time.time()
    queue.close()
