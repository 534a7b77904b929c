"""The targets of fuzzing: each takes the bytes of an input, and raises where a rule is broken."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from flask.testing import FlaskClient

from shared.bundles.bundle import load_bundle
from shared.bundles.manifest import MANIFEST
from shared.errors import Busy, InvalidBundle, MetadataStays, Permanent
from shared.images.decode import Limits, decode
from shared.images.memory_budget import MemoryBudget, MemoryBudgets
from shared.images.metadata.strip import strip_metadata
from shared.inference.classifier import Classifier
from shared.inference.registry import ModelRegistry
from shared.pipeline.ids import ImageIds
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.rate_limit import RateLimit
from shared.pipeline.receive import MalformedEvent, occurred_at, outcome_if_ignored, upload_from
from shared.service import Service
from shared.settings import Platform, Settings
from shared.types import Classification, Pixels
from shared.wiring import load_model
from tests.memory.empty import EmptyStore, EmptyWarehouse
from tests.memory.service import https_function

LIMITS = Limits(max_bytes=1 << 20, max_pixels=1_000_000)
EDGE_PX = 32
MEMORY_MB = 1024
NOT_OURS = (500, 502, 504)
"""Statuses that report a fault of the service."""

ENVIRONMENT = {
    "GOOGLE_CLOUD_PROJECT": "fuzz",
    "UPLOAD_BUCKET": "uploads",
    "ARCHIVE_BUCKET": "archive",
    "QUARANTINE_BUCKET": "quarantine",
    "READABLE_BUCKETS": "uploads",
    "LOG_FORMAT": "json",
    "MAX_REQUEST_S": "600",
}


class SameAnswer(Classifier):
    """A classifier with a constant answer: a model takes most of a request's time, and does not see the request."""

    @cached_property
    def _answer(self) -> Classification:
        return super().classify(np.zeros((32, 32, 3), np.uint8))

    def classify(self, pixels: Pixels) -> Classification:
        return self._answer

    def classify_with_signals(self, pixels: Pixels, *, with_embedding: bool = True) -> Classification:
        return self._answer


class RuleBroken(AssertionError):
    """An input was treated as no input may be; the message describes how."""


@dataclass(frozen=True)
class Target:
    """A parser, and the kind of its inputs."""

    name: str
    kind: str
    """``bytes``; ``json``: a document; ``request``: a request line, headers, an empty line, a body."""
    run: Callable[[bytes], object]


def decode_picture(content: bytes) -> None:
    """Check that bytes become a picture of the promised shape, or an error for the sender."""
    try:
        image = decode(content, LIMITS, shrink_to_px=EDGE_PX, budget=MemoryBudget(256 << 20))
    except (Permanent, Busy):
        return
    height, width, channels = image.pixels.shape
    if channels != 3 or image.pixels.dtype != np.uint8 or not 0 < height * width <= LIMITS.max_pixels:
        raise RuleBroken(f"decoded to {image.pixels.shape} of {image.pixels.dtype}")


def strip_picture(content: bytes) -> None:
    """Check that a stripped picture shows the same, is hardly longer, and loses nothing more when stripped again."""
    budget = MemoryBudget(256 << 20)
    try:
        image = decode(content, LIMITS, shrink_to_px=EDGE_PX, budget=budget)
        bare = strip_metadata(content, image, LIMITS, shrink_to_px=EDGE_PX, budget=budget)
    except (Permanent, Busy):
        return
    if len(bare) > len(content) + 4200:
        raise RuleBroken(f"{len(content)} bytes became {len(bare)}")
    try:
        again = strip_metadata(bare, image, LIMITS, shrink_to_px=EDGE_PX, budget=budget)
    except MetadataStays as error:
        raise RuleBroken("what was stripped cannot be stripped again") from error
    if again != bare:
        raise RuleBroken("stripping twice takes more than stripping once")


def parse_event(content: bytes) -> None:
    """Check that an event is an upload with an identity that can be stored, or malformed."""
    try:
        event = json.loads(content)
    except (ValueError, RecursionError):
        return
    if not isinstance(event, dict):
        return
    attributes = {name: value for name, value in event.items() if name != "data"}
    occurred_at(attributes)
    try:
        upload = upload_from(attributes, event.get("data"))
    except MalformedEvent as error:
        str(error).encode()
        return
    outcome_if_ignored(upload, "uploads", datetime.now(UTC) - upload.ref.created_at, 3600)
    ids = ImageIds.of_object(upload.ref)
    json.dumps([ids.upload_id, ids.uploaded_at.isoformat(), upload.ref.uri]).encode()


def parse_manifest(content: bytes) -> None:
    """Check that a manifest is that of a bundle, or its faults are all named."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / MANIFEST).write_bytes(content)
        try:
            load_bundle(Path(folder))
        except InvalidBundle as error:
            if not error.faults:
                raise RuleBroken("refused without a fault") from error


def answer_request(content: bytes) -> int | None:
    """Check that a request is answered, in JSON where it is refused, and never with a fault of the service.

    Returns:
        The status; None where the client cannot send it.
    """
    head, _, body = content.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    method, _, path = first.partition(" ")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines) if name]
    try:
        answer = _client().open(path or "/", method=method or "POST", headers=headers, data=body)
    except (ValueError, UnicodeError):  # the client cannot send it
        return None
    if answer.status_code in NOT_OURS:
        raise RuleBroken(f"{answer.status_code}: {answer.text[:200]}")
    if answer.status_code >= 400 and not isinstance(answer.get_json(silent=True), dict):
        raise RuleBroken(f"{answer.status_code} without a JSON object: {answer.text[:200]}")
    if "Traceback" in answer.text or "site-packages" in answer.text:
        raise RuleBroken("the answer contains internals of the service")
    return answer.status_code


TARGETS = {
    target.name: target
    for target in (
        Target("decode", "bytes", decode_picture),
        Target("strip", "bytes", strip_picture),
        Target("event", "json", parse_event),
        Target("manifest", "json", parse_manifest),
        Target("request", "request", answer_request),
    )
}


@cache
def _client() -> FlaskClient:
    """Return a client of the HTTPS function's routes and error handlers, over ports in memory."""
    settings = Settings.from_environment(ENVIRONMENT)
    service = Service(settings, Platform.from_environment({}))
    bundle = service.models.index.default
    classifier = SameAnswer(bundle, load_model(bundle, threads=1))
    memory = MemoryBudgets.of_instance(MEMORY_MB)
    service.models = ModelRegistry.of([classifier])
    service._pipeline = Pipeline(
        service.models,
        EmptyStore(),
        EmptyWarehouse(),
        "archive",
        "quarantine",
        LIMITS,
        memory,
        RateLimit(10**9),
    )
    return https_function(service).test_client()
