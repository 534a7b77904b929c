"""``GET /v1/history``: the pictures that the warehouse knows, newest first, for the page of a local cloud.

Where ``PAGE_HISTORY`` is not set the function's account may not read rows, by design, and the page keeps its list in
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
from shared.http.schema import TEXT, one_of, several, things
from shared.logs import log

MOST_PICTURES = 500
"""In one answer."""

MOST_CANDIDATES = 10
"""Of each picture, best first."""

PICTURES = """
SELECT
  latest.prediction_id, latest.label, latest.score, latest.needs_review, latest.candidates, latest.image, latest.model,
  latest.call.times, latest.uploaded_at, results.final_label, results.labelled_at
FROM results
INNER JOIN latest_predictions AS latest ON latest.prediction_id = results.prediction_id
{before}
ORDER BY latest.uploaded_at DESC, latest.prediction_id
LIMIT {limit}
"""
BEFORE = "WHERE latest.uploaded_at < (SELECT MIN(TIMESTAMP(moment)) FROM UNNEST(@before) AS moment)"


def history(context: RequestContext) -> ResponseReturnValue:
    """Answer with up to MOST_PICTURES pictures, and where the next ones begin."""
    if not context.service.settings.page_history:
        raise BadRequest("This service shows no history; PAGE_HISTORY=true would allow it.", 403)
    call = context.call  # where callers must be verified, this one is, before a row is read
    before = _moment(context.request.args.get("before"))
    sql = PICTURES.format(before=BEFORE if before else "", limit=MOST_PICTURES)
    rows = context.pipeline.warehouse.query(sql, **({"before": [before]} if before else {})).rows
    earlier = rows[-1]["uploaded_at"].isoformat() if len(rows) == MOST_PICTURES else None
    fields = {"outcome": "history", "source": call.source, "logging.googleapis.com/trace": call.trace}
    log.info(f"history: {len(rows)} pictures", extra={"fields": fields})
    return jsonify(pictures=[_picture(context, row) for row in rows], before=earlier)


def _moment(text: str | None) -> str | None:
    """Return a time in the form in which it was given.

    Raises:
        BadRequest: it is no time with a zone.
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
        **{name: row[name] for name in ("label", "score", "needs_review")},
        "candidates": [dict(one) for one in row["candidates"][:MOST_CANDIDATES]],
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


OR_NONE = {"type": "null"}
PICTURE = things(
    {
        "name": one_of(TEXT, OR_NONE),
        "uploaded_at": TEXT,
        "uri": TEXT,
        "labelled": one_of(TEXT, OR_NONE),
        "answer": PREDICTION,
    }
)

ROUTE = Route(
    "GET",
    "/v1/history",
    history,
    "The pictures in the warehouse, newest first, on a local cloud.",
    answers=things({"pictures": several(PICTURE), "before": one_of(TEXT, OR_NONE)}),
    refuses=(400, 401, 403, 500, 503),
    queries={"before": "A time (RFC 3339): pictures uploaded before it."},
)
