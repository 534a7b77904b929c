"""``GET /v1/history``: the pictures in the warehouse, newest first, for the page of a local cloud.

Without ``PAGE_HISTORY``, the function's account is not allowed to read rows, by design, and the page keeps its list in
the browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue

from shared.errors import BadRequest
from shared.http.protocols.bucketlens import PREDICTION
from shared.http.request_context import RequestContext
from shared.http.route import Route
from shared.http.schema import TEXT, any_of, array_of, object_of
from shared.logs import log

MOST_PICTURES = 500
"""The most pictures in one answer."""

MOST_CANDIDATES = 10
"""The most candidates of a picture, best first."""

PICTURES = """
SELECT
  latest.prediction_id, latest.label, latest.score, latest.needs_review, latest.is_unfamiliar, latest.candidates,
  latest.image, latest.model, latest.call.times, latest.uploaded_at, results.final_label, results.labelled_at
FROM results
INNER JOIN latest_predictions AS latest ON latest.prediction_id = results.prediction_id
{before}
ORDER BY latest.uploaded_at DESC, latest.prediction_id
LIMIT {limit}
"""
BEFORE = "WHERE latest.uploaded_at < (SELECT MIN(TIMESTAMP(moment)) FROM UNNEST(@before) AS moment)"


def history(context: RequestContext) -> ResponseReturnValue:
    """Answer with up to MOST_PICTURES pictures, and the time before which the next ones were uploaded."""
    if not context.service.settings.page_history:
        raise BadRequest("This service has no history; set PAGE_HISTORY=true to allow it.", 403)
    call = context.call  # verifies the caller, where that is required, before a row is read
    before = _moment(context.request.args.get("before"))
    sql = PICTURES.format(before=BEFORE if before else "", limit=MOST_PICTURES)
    rows = context.pipeline.warehouse.query(sql, **({"before": [before]} if before else {})).rows
    earlier = rows[-1]["uploaded_at"].isoformat() if len(rows) == MOST_PICTURES else None
    fields = {"outcome": "history", "source": call.source, "logging.googleapis.com/trace": call.trace}
    log.info(f"history: {len(rows)} pictures", extra={"fields": fields})
    return jsonify(pictures=[_picture(context, row) for row in rows], before=earlier)


def _moment(text: str | None) -> str | None:
    """Return a time in ISO 8601, or None.

    Raises:
        BadRequest: the text is not a time with a zone.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadRequest(f"?before= is {text[:40]!r}, expected a time with its zone, as in 2026-11-30T09:00:00+00:00.")
    return moment.isoformat()


def _picture(context: RequestContext, row: Mapping[str, Any]) -> dict[str, Any]:
    image, prediction_id = dict(row["image"]), row["prediction_id"]
    token = context.service.label_tokens.token_of(prediction_id)
    answer = {
        **{name: row[name] for name in ("label", "score", "needs_review", "is_unfamiliar")},
        "candidates": [dict(candidate) for candidate in row["candidates"][:MOST_CANDIDATES]],
        "prediction_id": prediction_id,
        **({"label_token": token} if token else {}),
        "recorded": True,
        "model": dict(row["model"]),
        "image": {name: value for name, value in image.items() if value is not None},
        "times": {name: value for name, value in dict(row["times"]).items() if value is not None},
    }
    return {
        "name": image["name"],
        "uploaded_at": row["uploaded_at"].isoformat(),
        "uri": image["archive_uri"],
        "labelled": None if row["labelled_at"] is None else row["final_label"],
        "answer": answer,
    }


NULL = {"type": "null"}
PICTURE = object_of(
    {
        "name": any_of(TEXT, NULL),
        "uploaded_at": TEXT,
        "uri": TEXT,
        "labelled": any_of(TEXT, NULL),
        "answer": PREDICTION,
    }
)

ROUTE = Route(
    "GET",
    "/v1/history",
    history,
    "The pictures in the warehouse, newest first, on a local cloud.",
    response=object_of({"pictures": array_of(PICTURE), "before": any_of(TEXT, NULL)}),
    error_statuses=(400, 401, 403, 500, 503),
    queries={"before": "A time (RFC 3339): only pictures uploaded before it."},
)
