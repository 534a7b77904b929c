"""Probes are marked in a request, an event and a listing, and their rows say so, as rows have signals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from shared.errors import NotAnImage
from shared.inference.classifier import Classifier
from shared.pipeline.probe import KEY, MARK, is_marked
from shared.pipeline.quarantine import failure_of
from shared.pipeline.receive import FINALIZED, upload_from
from shared.pipeline.received_image import ReceivedImage
from shared.pipeline.stopwatch import Stopwatch
from shared.settings import Settings
from shared.types import Call, Classification, Pixels, Source
from tests.memory.service import MemoryService, https_function
from tests.pipeline.parts import received
from tests.worlds import World

CALL = Call(Source.EVENT, datetime(2026, 11, 30, tzinfo=UTC))


def event(metadata: Any) -> dict[str, Any]:
    return {"bucket": "b", "name": "n", "generation": "1", "size": "1", "metadata": metadata}


@pytest.mark.parametrize("values", [MARK, Headers(MARK), {**MARK, "more": "x"}, Headers({"Bucketlens-Probe": "true"})])
def test_mark_is_recognised_in_metadata_and_headers(values: Any) -> None:
    assert is_marked(values)


@pytest.mark.parametrize("values", [None, {}, [], "true", {KEY: "false"}, {KEY: 1}, {KEY: ["true"]}])
def test_mark_is_recognised_in_nothing_else(values: Any) -> None:
    assert not is_marked(values)
    assert not upload_from({"type": FINALIZED}, event(values)).is_probe


def test_probe_has_a_prediction_or_a_failure_that_is_marked() -> None:
    upload = upload_from({"type": FINALIZED}, event(MARK))
    plain = upload_from({"type": FINALIZED}, event({}))
    assert ReceivedImage.of_upload(upload, b"", CALL).call.is_probe is True
    assert failure_of(upload, CALL, NotAnImage("It is no picture."), Stopwatch()).call.is_probe is True
    assert ReceivedImage.of_upload(plain, b"", CALL).call.is_probe is None


def test_probe_has_a_row_and_is_left_out_of_figures(memory_world: World, picture: Any) -> None:
    client = https_function(MemoryService(memory_world.pipeline)).test_client()
    answers = [client.post("/v1/classify", data=picture(seed), headers=head) for seed, head in ((71, MARK), (72, {}))]
    probe, plain = (answer.get_json()["prediction_id"] for answer in answers)

    kept = {row["prediction_id"]: row for row in rows_of(memory_world, "predictions", probe, plain)}
    assert (kept[probe]["is_probe"], kept[plain]["is_probe"]) == (True, None)
    assert kept[probe]["signals"]["entropy"] >= 0
    assert [row["prediction_id"] for row in rows_of(memory_world, "latest_predictions", probe, plain)] == [plain]


def rows_of(world: World, table: str, *ids: str) -> list[dict[str, Any]]:
    sql = f"SELECT prediction_id, call.is_probe, signals FROM {table} WHERE prediction_id IN UNNEST(@ids)"
    rows: list[dict[str, Any]] = world.warehouse.query(sql, ids=list(ids)).rows
    return rows


class Recording(Classifier):
    """Notes whether embeddings are requested."""

    with_embedding: bool | None = None

    def classify_with_signals(self, pixels: Pixels, *, with_embedding: bool = True) -> Classification:
        self.with_embedding = with_embedding
        return super().classify_with_signals(pixels, with_embedding=with_embedding)


@pytest.mark.parametrize(("setting", "is_stored"), [({}, True), ({"STORE_EMBEDDING": "false"}, False)])
def test_store_embedding_false_leaves_the_embedding_out(
    memory_world: World, picture: Any, setting: dict[str, str], is_stored: bool
) -> None:
    needed = ("GOOGLE_CLOUD_PROJECT", "UPLOAD_BUCKET", "ARCHIVE_BUCKET", "QUARANTINE_BUCKET")
    settings = Settings.from_environment({**{name: name.lower() for name in needed}, **setting})
    served = memory_world.pipeline.models.get_model()
    recording = Recording(served.bundle, served.model)
    pipeline = replace(memory_world.pipeline, store_embedding=settings.store_embedding)
    pipeline.classify_image(received(picture(73)), recording, record=False)
    assert recording.with_embedding is is_stored
