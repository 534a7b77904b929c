"""The relay as a process: what it answered for is delivered, whatever happens to it or to its target."""

from __future__ import annotations

import json
import subprocess
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.emulators.storage_parts import (
    EVENT_BUCKET,
    ROOT,
    Process,
    Target,
    client_of,
    eventually,
    open_target,
    relay_process,
    running,
    running_storage,
    url_of,
)
from tests.ports import free_port

QUICK = ("--first-pause", "0.01", "--longest-pause", "0.05")


@pytest.fixture
def target() -> Iterator[Target]:
    """A function stand-in that listens."""
    with open_target() as target:
        yield target


def resource(name: str) -> dict[str, Any]:
    """Return the store's announcement of an object whose upload is finished."""
    facts = {"bucket": EVENT_BUCKET, "name": name, "generation": "1795254867399766"}
    return {**facts, "size": "5", "contentType": "image/jpeg"}


def announce(relay: Process, *resources: Any) -> list[str]:
    """Announce objects in one call, as the store does; returns the ids of their events."""
    events = [{"id": uuid.uuid4().hex, "resource": resource} for resource in resources]
    requests.post(f"{url_of(relay)}/events", json={"events": events}, timeout=10).raise_for_status()
    return [event["id"] for event in events]


def status(relay: Process) -> dict[str, Any]:
    """Return the relay's status."""
    answer: dict[str, Any] = requests.get(relay.ready_url, timeout=10).json()
    return answer


def ids(target: Target) -> Counter[str]:
    """Count the deliveries of each event."""
    return Counter(request.headers["ce-id"] for request in target.received)


def test_relay_sends_the_event_that_eventarc_sends(target: Target, tmp_path: Path) -> None:
    relay = relay_process(tmp_path, target.url)
    name = "größe 100 %/a\"b'c.jpg"
    with running(relay), running_storage(tmp_path, url_of(relay)) as cloud, client_of(cloud.url) as client:
        client.create_bucket("archive").blob("other").upload_from_string(b"no event", retry=None)
        blob = client.create_bucket(EVENT_BUCKET).blob(name)
        blob.upload_from_string(b"photo", content_type="image/jpeg", retry=None)
        blob.reload(retry=None)
        eventually(lambda: status(relay)["delivered"])
    (request,) = target.received
    event_headers = {key: value for key, value in request.headers.items() if key.startswith("ce-")}
    assert len(event_headers.pop("ce-id")) == 32
    assert event_headers.pop("ce-time").endswith("Z")
    assert event_headers == {
        "ce-specversion": "1.0",
        "ce-type": "google.cloud.storage.object.v1.finalized",
        "ce-source": "//storage.googleapis.com/projects/_/buckets/uploads",
        "ce-subject": "objects/gr%C3%B6%C3%9Fe%20100%20%25/a%22b'c.jpg",
        "ce-bucket": EVENT_BUCKET,
    }
    assert request.headers["content-type"] == "application/json"
    assert request.headers["traceparent"].startswith("00-")
    resource, stored = json.loads(request.body), blob._properties
    for field in ("id", "bucket", "name", "generation", "metageneration", "contentType", "size", "md5Hash", "crc32c"):
        assert resource[field] == stored[field], field


def test_relay_retries_until_the_target_accepts_the_event(target: Target, tmp_path: Path) -> None:
    target.statuses = [500, 404, 429]
    relay = relay_process(tmp_path, target.url, *QUICK)
    with running(relay):
        announce(relay, resource("photo"))
        eventually(lambda: status(relay)["delivered"])
        assert status(relay) == {
            "pending": 0,
            "delivered": 1,
            "attempts": 4,
            "failed_attempts": 3,
            "dropped": 0,
            "oldest_pending_s": 0.0,
        }
    first = target.received[0]
    assert all(again.headers["ce-id"] == first.headers["ce-id"] for again in target.received)
    assert all(again.body == first.body for again in target.received)


def test_relay_delivers_when_the_target_starts(tmp_path: Path) -> None:
    target = Target()
    relay = relay_process(tmp_path, target.url, *QUICK)
    with running(relay):
        sent = announce(relay, *[resource(f"photo {number}") for number in range(5)])
        eventually(lambda: status(relay)["failed_attempts"] >= 5)
        assert status(relay)["pending"] == 5
        assert status(relay)["oldest_pending_s"] > 0
        target.open()
        eventually(lambda: status(relay)["delivered"] == 5)
        target.close()
    assert set(ids(target)) == set(sent)


def test_relay_loses_no_acknowledged_event_when_killed(target: Target, tmp_path: Path) -> None:
    relay = relay_process(tmp_path, target.url, *QUICK)
    answered: list[str] = []

    def announce_until_it_is_killed() -> None:
        for number in range(1000):
            try:
                answered.extend(announce(relay, resource(f"photo {number}")))
            except requests.ConnectionError:
                return

    target.statuses = [503] * 20
    relay.start()
    announce(relay, resource("warm-up"))
    announcer = threading.Thread(target=announce_until_it_is_killed)
    announcer.start()
    eventually(lambda: len(answered) > 30)
    relay.end(kill=True)
    announcer.join()
    with running(relay):
        eventually(lambda: status(relay)["pending"] == 0)
    assert set(answered) <= set(ids(target))


def test_relay_drops_and_counts_an_event_that_is_too_old(target: Target, tmp_path: Path) -> None:
    target.statuses = [500] * 1000
    relay = relay_process(tmp_path, target.url, *QUICK, "--give-up-after", "0.3")
    with running(relay):
        announce(relay, resource("photo"))
        eventually(lambda: status(relay)["dropped"])
        assert (status(relay)["pending"], status(relay)["delivered"]) == (0, 0)
        assert status(relay)["failed_attempts"] >= 1


def test_relay_limits_parallel_deliveries(target: Target, tmp_path: Path) -> None:
    target.gate.clear()
    relay = relay_process(tmp_path, target.url, "--concurrency", "3")
    with running(relay):
        announce(relay, *[resource(f"photo {number}") for number in range(12)])
        eventually(lambda: len(target.received) == 3)
        target.gate.set()
        eventually(lambda: status(relay)["delivered"] == 12)
    assert target.at_once == 3


def test_relay_delivers_every_event_twice_where_all_are_duplicated(target: Target, tmp_path: Path) -> None:
    relay = relay_process(tmp_path, target.url, "--duplicates", "1", "--seed", "3")
    with running(relay):
        sent = announce(relay, *[resource(f"photo {number}") for number in range(6)])
        eventually(lambda: status(relay)["delivered"] == 12)
    assert ids(target) == Counter(sent * 2)
    order = [request.headers["ce-id"] for request in target.received]
    last = {event: position for position, event in enumerate(order)}
    assert any(order.index(first) < order.index(later) < last[first] for first in sent for later in sent)


def test_relay_delivers_out_of_order_with_random_delays(target: Target, tmp_path: Path) -> None:
    relay = relay_process(tmp_path, target.url, "--duplicates", "1", "--delay", "0.5", "--seed", "3")
    with running(relay):
        sent = announce(relay, *[resource(f"photo {number}") for number in range(12)])
        eventually(lambda: status(relay)["delivered"] == 24)
    assert ids(target) == Counter(sent * 2)
    first_seen = list(dict.fromkeys(request.headers["ce-id"] for request in target.received))
    assert set(first_seen) == set(sent)
    assert first_seen != sent


def test_relay_delivers_two_copies_at_the_same_instant(target: Target, tmp_path: Path) -> None:
    target.gate.clear()
    relay = relay_process(tmp_path, target.url, "--together", "1", "--concurrency", "1")
    with running(relay):
        sent = announce(relay, resource("photo"), resource("another"))
        eventually(lambda: len(target.received) == 2)
        assert ids(target) == Counter(sent[:1] * 2)
        target.gate.set()
        eventually(lambda: status(relay)["delivered"] == 4)
    assert ids(target) == Counter(sent * 2)
    assert target.at_once == 2


def test_relay_disorder_can_be_changed_while_it_runs(target: Target, tmp_path: Path) -> None:
    relay = relay_process(tmp_path, target.url, "--delay", "0.1")
    with running(relay):
        url = relay.ready_url.replace("/status", "/disorder")
        assert requests.get(url, timeout=10).json() == {"duplicates": 0.0, "together": 0.0, "delay_s": 0.1, "lost": 0.0}
        changed = requests.put(url, json={"together": 1, "delay_s": 0}, timeout=10).json()
        assert changed == {"duplicates": 0.0, "together": 1, "delay_s": 0, "lost": 0.0}
        mistakes: tuple[Any, ...] = (
            {"together": 2},
            {"delay_s": "long"},
            {"duplicates": 0.5, "colour": "red"},
            [],
            "no",
        )
        for wrong in mistakes:
            answer = requests.put(url, json=wrong, timeout=10)
            assert answer.status_code == 400
            assert answer.json()["error"]
        assert requests.put(url, data=b"{", timeout=10).status_code == 400
        assert requests.get(url, timeout=10).json() == changed
        sent = announce(relay, resource("photo"))
        eventually(lambda: status(relay)["delivered"] == 2)
    assert ids(target) == Counter(sent * 2)


def test_relay_keeps_unanswered_events_in_its_queue_when_stopped(target: Target, tmp_path: Path) -> None:
    target.gate.clear()
    relay = relay_process(tmp_path, target.url)
    relay.start()
    sent = announce(relay, resource("photo"))
    eventually(lambda: len(target.received) == 1)
    assert relay.end() == 0
    target.gate.set()
    with running(relay):
        eventually(lambda: status(relay)["delivered"] == 1)
    assert ids(target) == Counter(sent * 2)


def test_relay_waits_for_answers_when_stopped(target: Target, tmp_path: Path) -> None:
    target.gate.clear()
    relay = relay_process(tmp_path, target.url)
    relay.start()
    announce(relay, resource("photo"))
    eventually(lambda: len(target.received) == 1)
    threading.Timer(0.3, target.gate.set).start()
    assert relay.end() == 0
    with running(relay):
        assert status(relay)["pending"] == 0


def test_relay_ignores_an_entry_that_is_not_an_announcement(target: Target, tmp_path: Path) -> None:
    relay = relay_process(tmp_path, target.url)
    with running(relay):
        sent = announce(relay, {"hello": 1}, "photo", None, resource("photo"))
        eventually(lambda: status(relay)["delivered"] == 1)
        url = f"{url_of(relay)}/events"
        assert requests.post(url, json=["photo"], timeout=10).status_code == 400
        assert requests.post(url, data=b'{"events": []}', timeout=10).status_code == 415
    assert ids(target) == Counter(sent[3:])
    assert relay.log.read_text().count("ignored an entry") == 3


def test_relay_gets_announcements_of_uploads_after_a_restart(target: Target, tmp_path: Path) -> None:
    relay = relay_process(tmp_path, target.url)
    with running_storage(tmp_path, url_of(relay)) as cloud, client_of(cloud.url) as client:
        bucket = client.create_bucket(EVENT_BUCKET)
        for number in range(5):
            bucket.blob(f"{number}").upload_from_string(b"photo", retry=None)
        cloud.store.end(kill=True)
        cloud.store.start()
        bucket.blob("5").upload_from_string(b"photo", retry=None)
        with running(relay):
            eventually(lambda: status(relay)["delivered"] == 6)
    assert sorted(json.loads(request.body)["name"] for request in target.received) == ["0", "1", "2", "3", "4", "5"]


def test_relay_reports_a_queue_or_port_in_use_in_a_sentence(tmp_path: Path) -> None:
    port, nowhere = free_port(), "http://127.0.0.1:1/"
    first = relay_process(tmp_path, nowhere, port=port)
    others = [
        relay_process(tmp_path / "other", nowhere, port=port),
        relay_process(tmp_path, nowhere),
    ]
    with running(first):
        for other in others:
            ended = subprocess.run(other.command, cwd=ROOT, capture_output=True, text=True, timeout=30)
            assert ended.returncode == 1
            assert ended.stderr.startswith("Error: The relay")
            assert len(ended.stderr.splitlines()) == 1
