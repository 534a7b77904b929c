"""Our own protocol: ``POST /v1/predictions/{id}:label`` appends a person's label of a picture to ``labels``.

Of several labels for one prediction the latest counts. The prediction is not looked up: its row may still be on its
way, a query by id alone would read every partition, and the function is not allowed to read rows. A caller with a name
may label any prediction, and the row contains the name. A caller without a name may label only the predictions that it
received: the request must have their ``label_token``.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue

from shared.errors import BadRequest
from shared.http.request_context import RequestContext
from shared.http.request_options import idempotency_key
from shared.http.route import JSON, Protocol, Route
from shared.http.schema import BOOLEAN, TEXT, any_of, object_of
from shared.logs import log
from shared.pipeline.ids import label_id_of
from shared.pipeline.receive import is_unicode
from shared.types import Correction

PREDICTION_ID = re.compile(r"[0-9a-f]{64}")
MAX_NOTE_CHARACTERS = 2_000
MAX_LABEL_CHARACTERS = 100

NONE_OF_THESE = "none_of_these"
"""The label of a picture that shows none of the model's labels."""


def label(context: RequestContext, id: str) -> ResponseReturnValue:
    """Append a label; with an ``Idempotency-Key``, a repeated request is the same row."""
    if not PREDICTION_ID.fullmatch(id):
        raise BadRequest("The prediction does not exist: a prediction_id has 64 hex digits.", 404)
    if context.request.mimetype != JSON:
        raise BadRequest("The Content-Type is not JSON, expected application/json (curl --json).", 415)
    document = context.body.document()
    _allow(context, id, document.get("label_token"))
    label, known = _label(document), _known_labels(context)
    _refuse_misspelt(label, known)
    correction = _correction(context, id, label, _note(document), is_new=label not in (*known, NONE_OF_THESE))
    context.pipeline.record_label(correction)
    fields = {"outcome": "labelled", "prediction_id": id, "label": correction.label}
    log.info(f"labelled {correction.label}: {id}", extra={"fields": fields})
    return jsonify(
        label_id=correction.label_id,
        prediction_id=id,
        label=correction.label,
        labelled_by=correction.labelled_by,
        labelled_at=correction.labelled_at.isoformat(),
        is_new_label=correction.is_new_label,
    )


def _allow(context: RequestContext, prediction_id: str, token: object) -> None:
    """Refuse a caller that has neither a name nor the prediction's token.

    Raises:
        BadRequest: with status 403.
    """
    tokens = context.service.label_tokens
    if context.call.caller is not None or tokens.is_valid(token, prediction_id):
        return
    if tokens:
        raise BadRequest(
            "The label_token is missing or not of this prediction, expected the one in the prediction's answer.",
            403,
            "label_token",
        )
    if context.service.platform.is_cloud:
        raise BadRequest(
            "This service takes no labels: it has neither names of callers (CALLERS) nor LABEL_KEYS.",
            403,
            "labels_not_taken",
        )


def _correction(
    context: RequestContext, prediction_id: str, label: str, note: str | None, *, is_new: bool
) -> Correction:
    key, caller = idempotency_key(context.request), context.call.caller
    label_id = label_id_of(key, caller, prediction_id, label, note) if key else str(uuid.uuid4())
    return Correction(label_id, prediction_id, label, caller, datetime.now(UTC), note, is_new)


def _known_labels(context: RequestContext) -> tuple[str, ...]:
    """Return the labels of every model that is served."""
    return tuple(dict.fromkeys(label for bundle in context.index for label in bundle.manifest.labels))


def _label(document: dict[str, Any]) -> str:
    text = document.get("label")
    if not isinstance(text, str) or not 0 < len(text) <= MAX_LABEL_CHARACTERS or not text.isprintable():
        raise BadRequest(
            f"The label is {str(text)[:100]!r}, expected a text of 1 to {MAX_LABEL_CHARACTERS} printable characters."
        )
    return text


def _refuse_misspelt(label: str, known: Sequence[str]) -> None:
    """Refuse a known label with other case or spaces: it would count as a new label, and rows are never changed."""
    if label in known:
        return
    similar = [candidate for candidate in (*known, NONE_OF_THESE) if _spelling(candidate) == _spelling(label)]
    if similar and label not in similar:
        raise BadRequest(f"The label is {label!r}, expected {similar[0]!r}: they differ only in case or spaces.")
    if not label.strip() or label != label.strip():
        raise BadRequest(f"The label is {label!r}, expected no spaces around it.")


def _spelling(label: str) -> str:
    return re.sub(r"[\s_-]+", " ", label).strip().casefold()


def _note(document: dict[str, Any]) -> str | None:
    note = document.get("note")
    if note is None:
        return None
    if not isinstance(note, str) or len(note) > MAX_NOTE_CHARACTERS or not is_unicode(note):
        raise BadRequest(f"The note is invalid, expected a text of at most {MAX_NOTE_CHARACTERS:,} characters.")
    return note


PROTOCOL = Protocol(
    name="feedback",
    position=60,
    routes=(
        Route(
            "POST",
            "/v1/predictions/{id}:label",
            label,
            "Label the picture of a prediction.",
            object_of(
                {
                    "label_id": TEXT,
                    "prediction_id": TEXT,
                    "label": TEXT,
                    "labelled_at": TEXT,
                    "is_new_label": BOOLEAN,
                },
                labelled_by=any_of(TEXT, {"type": "null"}),
            ),
            request_bodies={
                JSON: object_of(
                    {"label": {**TEXT, "minLength": 1, "maxLength": MAX_LABEL_CHARACTERS}},
                    note={**TEXT, "maxLength": MAX_NOTE_CHARACTERS},
                    label_token=TEXT,
                )
            },
            error_statuses=(400, 401, 403, 404, 408, 413, 415, 500, 503),
            headers={"Idempotency-Key": "Makes a repeated request the same row."},
        ),
    ),
)
