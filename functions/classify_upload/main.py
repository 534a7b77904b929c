"""Classify each object that is written to the upload bucket."""

from __future__ import annotations

from datetime import UTC, datetime

import functions_framework
from cloudevents.http import CloudEvent
from flask import current_app, request

from shared.http.app import set_up_app
from shared.logs import log, log_outcome
from shared.pipeline.receive import MalformedEvent, occurred_at, outcome_if_ignored, upload_from
from shared.service import Service
from shared.types import Outcome, Source

service = Service.from_environment()
set_up_app(current_app, service)


@functions_framework.cloud_event
def classify_upload(event: CloudEvent) -> None:
    """Process an event. Returning acknowledges it; raising makes the platform deliver it again."""
    attributes = event.get_attributes()
    try:
        upload = upload_from(attributes, event.get_data())
    except MalformedEvent as error:
        log.error(f"dropped an event: {error}", extra={"fields": {"outcome": "malformed_event"}})
        return
    settings = service.settings
    age = datetime.now(UTC) - (occurred_at(attributes) or upload.ref.created_at)
    outcome: Outcome | None = outcome_if_ignored(upload, settings.upload_bucket, age, settings.max_event_age_s)
    if outcome is None:
        pipeline = service.pipeline()
        call = service.call(Source.EVENT, request.headers, event_id=str(attributes["id"]))
        outcome = pipeline.process_upload(upload, call)
    log_outcome(outcome)
