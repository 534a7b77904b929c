"""Our own: ``POST /v1/predictions/{id}:label`` tells what a picture really shows, and appends a row to ``labels``.

Of several labels for one prediction the latest counts. The prediction is not looked up: its row may still be on its
way, a query by id alone would read every partition, and the function may not read rows at all. A caller with a name may
label any, and the name stands in the row; where nobody has a name, only who got the prediction may, by its
``label_token``.
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
from shared.http.schema import TEXT, YES_OR_NO, one_of, things
from shared.logs import log
from shared.pipeline import ids
from shared.pipeline.receive import is_unicode
from shared.types import Correction

PREDICTION_ID = re.compile(r"[0-9a-f]{64}")
MAX_NOTE_CHARACTERS = 2_000
MAX_LABEL_CHARACTERS = 100

NONE_OF_THESE = "none_of_these"
"""The label that says: it is none of those that the model knows, whatever it is."""


def label(context: RequestContext, id: str) -> ResponseReturnValue:
    """Append a label. With an ``Idempotency-Key`` a repeat is the same row."""
    if not PREDICTION_ID.fullmatch(id):
        raise BadRequest("There is no such prediction: a prediction_id has 64 hex digits.", 404)
    if context.request.mimetype != JSON:
        raise BadRequest("The body is not said to be JSON, expected Content-Type: application/json (curl --json).", 415)
    document = context.body.document()
    _allow(context, id, document.get("label_token"))
    label, known = _label(document), _known_labels(context)
    _refuse_misspelt(label, known)
    correction = _correction(context, id, label, _note(document), is_new=label not in (*known, NONE_OF_THESE))
    context.pipeline.rate.take()  # a row costs as much as that of an image
    context.pipeline.warehouse.append(correction)
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
    """Refuse a label of somebody without a name and without the prediction's token.

    Raises:
        BadRequest: with status 403.
    """
    tokens = context.service.label_tokens
    if context.call.caller is not None or tokens.is_of(token, prediction_id):
        return
    if tokens:
        raise BadRequest(
            "The label_token is missing or not of this prediction, expected the one in the prediction's answer.",
            403,
            "label_token",
        )
    if context.service.platform.is_cloud:
        raise BadRequest(
            "Labels are not taken here: the service knows no callers by name (CALLERS) and has no LABEL_KEYS.",
            403,
            "labels_not_taken",
        )


def _correction(
    context: RequestContext, prediction_id: str, label: str, note: str | None, *, is_new: bool
) -> Correction:
    key, caller = idempotency_key(context.request), context.call.caller
    label_id = ids.of_label(key, caller, prediction_id, label, note) if key else str(uuid.uuid4())
    return Correction(label_id, prediction_id, label, caller, datetime.now(UTC), note, is_new)


def _known_labels(context: RequestContext) -> tuple[str, ...]:
    """Return the labels of every model that is served."""
    return tuple(dict.fromkeys(label for bundle in context.service.bundles for label in bundle.manifest.labels))


def _label(document: dict[str, Any]) -> str:
    given = document.get("label")
    if not isinstance(given, str) or not 0 < len(given) <= MAX_LABEL_CHARACTERS or not given.isprintable():
        raise BadRequest(
            f"The label is {str(given)[:100]!r}, expected a text of 1 to {MAX_LABEL_CHARACTERS} printable characters."
        )
    return given


def _refuse_misspelt(label: str, known: Sequence[str]) -> None:
    """Refuse a label that is a known one but for its case and spaces: it would be taken for a new one for ever."""
    if label in known:
        return
    meant = [one for one in (*known, NONE_OF_THESE) if _spelling(one) == _spelling(label)]
    if meant and label not in meant:
        raise BadRequest(f"The label is {label!r}, expected {meant[0]!r}: the two differ in case or spaces only.")
    if not label.strip() or label != label.strip():
        raise BadRequest(f"The label is {label!r}, expected no spaces around it.")


def _spelling(label: str) -> str:
    return re.sub(r"[\s_-]+", " ", label).strip().casefold()


def _note(document: dict[str, Any]) -> str | None:
    note = document.get("note")
    if note is None:
        return None
    if not isinstance(note, str) or len(note) > MAX_NOTE_CHARACTERS or not is_unicode(note):
        raise BadRequest(f"The note is no text of at most {MAX_NOTE_CHARACTERS:,} characters.")
    return note


PROTOCOL = Protocol(
    name="feedback",
    position=60,
    routes=(
        Route(
            "POST",
            "/v1/predictions/{id}:label",
            label,
            "Say what the picture of a prediction really shows.",
            things(
                {
                    "label_id": TEXT,
                    "prediction_id": TEXT,
                    "label": TEXT,
                    "labelled_at": TEXT,
                    "is_new_label": YES_OR_NO,
                },
                labelled_by=one_of(TEXT, {"type": "null"}),
            ),
            takes={
                JSON: things(
                    {"label": {**TEXT, "minLength": 1, "maxLength": MAX_LABEL_CHARACTERS}},
                    note={**TEXT, "maxLength": MAX_NOTE_CHARACTERS},
                    label_token=TEXT,
                )
            },
            refuses=(400, 401, 403, 404, 408, 413, 415, 500, 503),
            headers={"Idempotency-Key": "Makes a repeated request the same row."},
        ),
    ),
)
