"""A BigQuery remote function: ``SELECT classify(uri) FROM object_table``.

https://cloud.google.com/bigquery/docs/remote-functions#input_format. BigQuery may send the same rows again, so nothing
is recorded unless ``record`` is ``true`` in ``user_defined_context`` or in the query string; an object's prediction
then has the same id each time. The error of one row becomes its value, ``{"error": …}``; a transient error fails the
call with a status that BigQuery retries.
"""

from __future__ import annotations

from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue

from shared.errors import BadRequest, BucketlensError, RowRefused, StorageRefused, Transient
from shared.http.classify_images import ImageResult, classify_images
from shared.http.inputs import ImageBase64, ImageInput, ImageUri
from shared.http.read_body import optional_object
from shared.http.request_context import RequestContext
from shared.http.request_options import wants_record
from shared.http.responses import error_response
from shared.http.route import IMAGE_ERRORS, JSON, ApiError, Protocol, Route
from shared.http.schema import ANY, TEXT, any_of, array_of, object_of

MAX_ERROR_CHARACTERS = 500
"""BigQuery accepts an errorMessage of less than 1 KB."""

REFUSED = (StorageRefused, RowRefused)
"""Transient errors that last until an operator changes something; as errors of the call they would fail every retry."""

KEY = "bigquery"
"""The idempotency key of images sent as bytes: the same bytes from the same caller get the same prediction id."""


def call(context: RequestContext) -> ResponseReturnValue:
    """Answer each call with a reply, in order; the reply to NULL is NULL."""
    document = context.body.document()
    arguments = [_argument(call) for call in _calls(document)]
    options = optional_object(document, "userDefinedContext")
    if "model" in options:
        context.choose_model(str(options["model"]))
    best = _best(options, len(context.labels))
    record = wants_record(context.request, default=str(options.get("record", "false")))
    images = [image for image in arguments if image is not None]
    replies = iter(_replies(context, images, best, record=record))
    return jsonify(replies=[None if image is None else next(replies) for image in arguments])


def _replies(context: RequestContext, images: list[ImageInput], best: int, *, record: bool) -> list[dict[str, Any]]:
    if not images:
        return []
    archive = (context.service.settings.archive_bucket,)
    results = classify_images(context, images, record=record, key=KEY, more_buckets=archive)
    return [_reply(result, best) for result in results]


def _reply(result: ImageResult, best: int) -> dict[str, Any]:
    if isinstance(result, REFUSED):
        return {"error": "The service is not allowed to record this; its log has the reason.", "reason": "refused"}
    if isinstance(result, Transient):
        raise result
    if isinstance(result, BucketlensError):
        error = error_response(result)[0]["error"]
        return {"error": error["message"], "reason": error["reason"]}
    classification, model = result.classification, result.model
    return {
        "label": classification.label,
        "score": classification.score,
        "needs_review": classification.needs_review,
        "candidates": [
            {"label": candidate.label, "score": candidate.score} for candidate in classification.candidates[:best]
        ],
        "prediction_id": result.prediction_id,
        "model": {"name": model.name, "version": model.version},
    }


def _calls(document: dict[str, Any]) -> list[Any]:
    calls = document.get("calls")
    if not isinstance(calls, list):
        raise BadRequest('The body has no list of calls, expected {"calls": [["gs://bucket/name"]]}.')
    return calls


def _argument(call: Any) -> ImageInput | None:
    if not isinstance(call, list) or len(call) != 1 or not isinstance(call[0], str | None):
        raise BadRequest("A call has other arguments, expected one: a STRING like gs://bucket/name, or BYTES.")
    [argument] = call
    if argument is None:
        return None
    return ImageUri(argument) if "://" in argument else ImageBase64(argument)


def _best(context: dict[str, Any], labels: int) -> int:
    requested = str(context.get("k", labels))
    if not (requested.isascii() and requested.isdigit() and len(requested) < 9 and int(requested) > 0):
        raise BadRequest(f"k is {requested[:40]!r} in the user_defined_context, expected a whole number of 1 or more.")
    return int(requested)


def error_message(error: ApiError) -> dict[str, Any]:
    """Return an error in the shape that BigQuery shows to the user who runs the query."""
    return {"errorMessage": error["message"][:MAX_ERROR_CHARACTERS]}


PROTOCOL = Protocol(
    name="BigQuery remote function",
    position=50,
    specification="https://cloud.google.com/bigquery/docs/remote-functions",
    error=error_message,
    error_schema=object_of({"errorMessage": TEXT}),
    routes=(
        Route(
            "POST",
            "/v1/bigquery:call",
            call,
            "Classify the images of rows: URIs of an object table, or bytes.",
            object_of({"replies": array_of(any_of({"type": "object"}, {"type": "null"}))}),
            request_bodies={
                JSON: object_of(
                    {
                        "calls": array_of(
                            {**array_of(any_of(TEXT, {"type": "null"}), at_least=1), "maxItems": 1},
                            example=[["gs://bucket/photo.jpg"]],
                        )
                    },
                    requestId=ANY,
                    caller=ANY,
                    sessionUser=ANY,
                    userDefinedContext=any_of({"type": "null"}, object_of({}, model=ANY, k=ANY, record=ANY)),
                )
            },
            error_statuses=IMAGE_ERRORS,
        ),
    ),
)
