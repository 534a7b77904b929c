"""Shared parts of pipeline tests: calls, uploads, and a pipeline whose store or warehouse fails at one step."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from shared.pipeline.ids import ImageIds
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.received_image import ReceivedImage
from shared.types import Call, ImageFacts, Source, Upload
from tests.memory.faults import Faulty
from tests.worlds import World


def call(source: Source = Source.EVENT) -> Call:
    return Call(source, datetime.now(UTC), service="test", revision="test-1", instance="here")


def received(content: bytes, key: str | None = None, *, bucket: str | None = None) -> ReceivedImage:
    """Return an image of a request under an idempotency key; ``bucket`` is the one by which tests find its row."""
    facts = ImageFacts(size_bytes=len(content), content_type="image/jpeg", bucket=bucket)
    ids = ImageIds.of_request(key, "caller", 0, hashlib.sha256(content).hexdigest(), datetime.now(UTC))
    return ReceivedImage(content, facts, ids, call(Source.REQUEST))


def dropped(world: World, folder: Path, content: bytes, name: str = "photo.jpg") -> Upload:
    world.put(name, content, folder)
    return world.store.find(world.uploads, name)


def failing(
    world: World, at: str, *, before: BaseException | None = None, after: BaseException | None = None
) -> tuple[Pipeline, list[str]]:
    notes: list[str] = []
    store = Faulty(world.store, notes, at, before, after)
    warehouse = Faulty(world.warehouse, notes, at, before, after)
    return replace(world.pipeline, store=store, warehouse=warehouse), notes
