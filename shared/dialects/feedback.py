"""Our own: ``POST /v1/predictions/{id}:label`` tells what a picture really shows, and appends a row to ``labels``.

Of several labels for one prediction the latest counts. The prediction is not looked up: its row may still be on its
way, and a query by id alone would read every partition.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue

from shared import identity
from shared.dialects.exchange import Exchange
from shared.dialects.options import idempotency_key
from shared.dialects.route import JSON, Dialect, Route
from shared.dialects.schema import TEXT, one_of, things
from shared.errors import BadRequest
from shared.logs import log
from shared.receive import is_unicode
from shared.types import Correction

PREDICTION_ID = re.compile(r"[0-9a-f]{64}")
MAX_NOTE_CHARACTERS = 2_000


def label(exchange: Exchange, id: str) -> ResponseReturnValue:
    """Append a label. With an ``Idempotency-Key`` a repeat is the same row."""
    if not PREDICTION_ID.fullmatch(id):
        raise BadRequest("There is no such prediction: a prediction_id has 64 hex digits.", 404)
    document = exchange.document()
    correction = _correction(exchange, id, _label(exchange, document), _note(document))
    exchange.pipeline.warehouse.append(correction)
    fields = {"outcome": "labelled", "prediction_id": id, "label": correction.label}
    log.info(f"labelled {correction.label}: {id}", extra={"fields": fields})
    return jsonify(
        label_id=correction.label_id,
        prediction_id=id,
        label=correction.label,
        labelled_by=correction.labelled_by,
        labelled_at=correction.labelled_at.isoformat(),
    )


def _correction(exchange: Exchange, prediction_id: str, label: str, note: str | None) -> Correction:
    key, caller = idempotency_key(exchange.request), exchange.call.caller
    label_id = identity.of_label(key, caller, prediction_id, label, note) if key else str(uuid.uuid4())
    return Correction(label_id, prediction_id, label, caller, datetime.now(UTC), note)


def _label(exchange: Exchange, document: dict[str, Any]) -> str:
    given = document.get("label")
    known = list(dict.fromkeys(label for bundle in exchange.service.bundles for label in bundle.manifest.labels))
    if not isinstance(given, str) or given not in known:
        raise BadRequest(f"The label is {str(given)[:100]!r}, expected one of: {', '.join(known)}.")
    return given


def _note(document: dict[str, Any]) -> str | None:
    note = document.get("note")
    if note is None:
        return None
    if not isinstance(note, str) or len(note) > MAX_NOTE_CHARACTERS or not is_unicode(note):
        raise BadRequest(f"The note is no text of at most {MAX_NOTE_CHARACTERS:,} characters.")
    return note


DIALECT = Dialect(
    name="feedback",
    routes=(
        Route(
            "POST",
            "/v1/predictions/{id}:label",
            label,
            "Say what the picture of a prediction really shows.",
            things(
                {"label_id": TEXT, "prediction_id": TEXT, "label": TEXT, "labelled_at": TEXT},
                labelled_by=one_of(TEXT, {"type": "null"}),
            ),
            takes={JSON: things({"label": TEXT}, note={**TEXT, "maxLength": MAX_NOTE_CHARACTERS})},
            refuses=(400, 404, 408, 413, 415, 500, 503),
            headers={"Idempotency-Key": "Makes a repeated request the same row."},
        ),
    ),
)
