"""Post events at the upload function as the relay posts them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import requests

from shared.emulators.eventarc.cloudevents import CloudEvent, cloud_event_from
from shared.types import ObjectRef

ANSWER_S = 60


def event_of(ref: ObjectRef, size_bytes: int) -> CloudEvent:
    """Return an event that announces a complete object; two calls give two events of the same object."""
    resource = {
        "bucket": ref.bucket,
        "name": ref.name,
        "generation": str(ref.generation),
        "size": str(size_bytes),
        "contentType": "image/jpeg",
    }
    return cloud_event_from(uuid.uuid4().hex, resource)


def post(url: str, event: CloudEvent) -> int:
    """Deliver an event once; return the status, or 0 where the connection broke."""
    try:
        return requests.post(f"{url}/", data=event.body, headers=event.headers, timeout=ANSWER_S).status_code
    except requests.RequestException:
        return 0


def post_in_parallel(url: str, events: Iterable[CloudEvent], threads: int = 4) -> list[int]:
    """Deliver events, several at the same time."""
    with ThreadPoolExecutor(threads, thread_name_prefix="post") as pool:
        return list(pool.map(lambda event: post(url, event), events))
