"""Classify each object that is written to the upload bucket."""

from __future__ import annotations

from datetime import UTC, datetime

import functions_framework
from cloudevents.http import CloudEvent
from flask import current_app, request

from shared.errors import OverRate
from shared.http.app import set_up_app
from shared.logs import log, log_outcome
from shared.pipeline.receive import MalformedEvent, occurred_at, refusal, upload_from
from shared.service import Service
from shared.types import Acknowledged, Outcome, Source, Upload

service = Service.from_environment()
set_up_app(current_app, service)


@functions_framework.cloud_event
def classify_upload(event: CloudEvent) -> None:
    """Process an event: to return acknowledges it, to raise makes the platform deliver it again."""
    attributes = event.get_attributes()
    try:
        upload = upload_from(attributes, event.get_data())
    except MalformedEvent as error:
        log.error(f"dropped an event: {error}", extra={"fields": {"outcome": "malformed_event"}})
        return
    settings = service.settings
    age = datetime.now(UTC) - (occurred_at(attributes) or upload.ref.created_at)
    outcome: Outcome | None = refusal(upload, settings.upload_bucket, age, settings.max_event_age_s)
    if outcome is None:
        outcome = _process(upload, str(attributes["id"]))
    log_outcome(outcome)


def _process(upload: Upload, event_id: str) -> Outcome:
    pipeline = service.pipeline()
    try:
        pipeline.rate.take()
    except OverRate as error:  # a redelivered event would cost and meet the same limit; the upload waits for the sweep
        return Acknowledged(upload.ref, "over_rate", f"{error}; it is left to the sweep")
    return pipeline.process(upload, service.call(Source.EVENT, request.headers, event_id=event_id))
