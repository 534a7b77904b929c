"""A row of each table with all fields, one with the fewest, and a check of rows as BigQuery would do it."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import Any

from shared.pipeline.ids import ImageIds
from shared.pipeline.record import Row, failure_row, label_row, prediction_row
from shared.types import (
    Call,
    Candidate,
    Classification,
    Correction,
    Failure,
    ImageFacts,
    ModelFacts,
    ObjectRef,
    Prediction,
    Signals,
    Source,
    Times,
)

RFC_3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
JUST_BEFORE_MIDNIGHT = ObjectRef("my-uploads", "rose.jpg", 1763769599_999_999)
RECORDED_AT = dt.datetime(2025, 11, 22, 0, 0, 3, tzinfo=dt.UTC)
RECEIVED_AT = dt.datetime(2025, 11, 22, 0, 0, 1, 5, tzinfo=dt.UTC)


def full_call() -> Call:
    return Call(
        source=Source.EVENT,
        received_at=RECEIVED_AT,
        event_id="8897446546443",
        trace="projects/p/traces/" + "a" * 32,
        caller="ada@example.com",
        service="classify-upload",
        revision="classify-upload-00007",
        instance="0f1e2d3c4b5a",
        is_cold_start=True,
        batch_id="batch-1",
        is_probe=True,
    )


def bare_call() -> Call:
    return Call(Source.REQUEST, RECEIVED_AT)


def full_image() -> ImageFacts:
    ref = JUST_BEFORE_MIDNIGHT
    return ImageFacts(73012, "image/jpeg", "c" * 64, ref.bucket, ref.name, ref.generation, "jpeg", 640, 480, None, "p")


FULL_SIGNALS = Signals(0.5, 0.4, 0.2, 900.0, 0.3, 40.0, 4 / 3, novelty=0.25, embedding=(1.5, -2.0))
FULL_TIMES, BARE_TIMES = Times(1.0004, 2.5, 3.0, 4.0, 10.123456), Times(total_ms=5.0)


def prediction(call: Call, image: ImageFacts, times: Times) -> Prediction:
    ids = ImageIds.of_object(JUST_BEFORE_MIDNIGHT)
    best, other = Candidate("rose", 0.75), Candidate("tulip", 0.25)
    classification = Classification("rose", 0.75, (best, other), needs_review=False)
    if call.source == Source.EVENT:
        classification = replace(classification, is_unfamiliar=True, signals=FULL_SIGNALS)
    return Prediction(
        prediction_id=ids.prediction_id("d" * 64),
        upload_id=ids.upload_id,
        uploaded_at=ids.uploaded_at,
        classification=classification,
        image=image,
        archive_uri="gs://my-archive/cc/" + "c" * 64 + ".jpg",
        model=ModelFacts("flowers", "1", "d" * 64, "litert"),
        call=call,
        times=times,
    )


def failure(call: Call, image: ImageFacts, times: Times) -> Failure:
    ids = ImageIds.of_object(JUST_BEFORE_MIDNIGHT)
    return Failure(
        failure_id=ids.upload_id,
        uploaded_at=ids.uploaded_at,
        reason="not_an_image",
        detail="It is a shopping list.",
        image=image,
        quarantine_uri=f"gs://my-quarantine/{ids.upload_id}",
        call=call,
        times=times,
    )


def rows() -> dict[str, tuple[str, Row]]:
    """Return a row of each table with all fields and one with the fewest, by description."""
    no_object = ImageFacts(5, None, "c" * 64, format="png", width_px=1, height_px=1)
    at = JUST_BEFORE_MIDNIGHT.created_at
    unread = ImageFacts(99, None, None, "my-uploads", "rose.jpg", JUST_BEFORE_MIDNIGHT.generation)
    return {
        "an event's prediction": (
            "predictions",
            prediction_row(prediction(full_call(), full_image(), FULL_TIMES), RECORDED_AT),
        ),
        "a request's prediction": (
            "predictions",
            prediction_row(prediction(bare_call(), no_object, BARE_TIMES), RECORDED_AT),
        ),
        "a failure": ("failures", failure_row(failure(full_call(), full_image(), FULL_TIMES), RECORDED_AT)),
        "an unread failure": ("failures", failure_row(failure(bare_call(), unread, BARE_TIMES), RECORDED_AT)),
        "a label": ("labels", label_row(Correction("l" * 64, "p" * 64, "rose", "ada@example.com", at, "It is.", True))),
        "a bare label": ("labels", label_row(Correction("l" * 64, "p" * 64, "rose", None, at))),
    }


ROWS = rows()


def faults_of(row: Row, fields: list[dict[str, Any]], where: str = "") -> list[str]:
    """Return the values that BigQuery would refuse in a row, and the missing and unknown columns."""
    faults = [f"{where}{name} is not a column" for name in row.keys() - {field["name"] for field in fields}]
    for field in fields:
        name, path = field["name"], f"{where}{field['name']}"
        if name not in row:
            faults.append(f"{path} is missing")
        elif row[name] is None:
            faults += [f"{path} is null"] if field["mode"] != "NULLABLE" else []
        else:
            repeated = field["mode"] == "REPEATED"
            for value in row[name] if repeated else [row[name]]:
                faults += faults_of_value(value, field, path)
    return faults


def faults_of_value(value: Any, field: dict[str, Any], path: str) -> list[str]:
    kinds: dict[str, Any] = {
        "STRING": str,
        "INTEGER": int,
        "FLOAT": float,
        "BOOLEAN": bool,
        "RECORD": dict,
        "DATE": str,
        "TIMESTAMP": str,
    }
    kind = field["type"]
    if not isinstance(value, kinds[kind]) or (kind != "BOOLEAN" and isinstance(value, bool)):
        return [f"{path} is {value!r}, expected {kind}"]
    if kind == "RECORD":
        return faults_of(value, field["fields"], f"{path}.")
    if kind == "DATE" and dt.date.fromisoformat(value).isoformat() != value:
        return [f"{path} is {value!r}, expected a date"]
    if kind == "TIMESTAMP" and not RFC_3339_UTC.fullmatch(value):
        return [f"{path} is {value!r}, expected a timestamp in RFC 3339, UTC"]
    return []
