"""A BigQuery remote function: ``SELECT classify(uri) FROM object_table``.

https://cloud.google.com/bigquery/docs/remote-functions#input_format. BigQuery may send the same rows again, so nothing
is recorded unless ``user_defined_context`` or the query says that ``record`` is ``true``; an object's prediction then
has the same id each time. What is wrong with one row is its value, ``{"error": …}``; what may pass fails the call with
a status that BigQuery tries again.
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
from shared.http.route import JSON, OF_IMAGES, ApiError, Protocol, Route
from shared.http.schema import ANY, TEXT, one_of, several, things

MAX_ERROR_CHARACTERS = 500
"""An errorMessage has less than 1 KB."""

REFUSED = (StorageRefused, RowRefused)
"""They look as if they would pass, and do not until somebody changes something: the call would fail each time."""

KEY = "bigquery"
"""The idempotency key of images that come as bytes: the same bytes by the same caller are the same image."""


def call(context: RequestContext) -> ResponseReturnValue:
    """Answer each call with a reply, in order; a call for NULL has NULL."""
    document = context.body.document()
    arguments = [_argument(one) for one in _calls(document)]
    options = optional_object(document, "userDefinedContext")
    if "model" in options:
        context.choose_model(str(options["model"]))
    best = _best(options, len(context.labels))
    record = wants_record(context.request, unsaid=str(options.get("record", "false")))
    images = [image for image in arguments if image is not None]
    replies = iter(_replies(context, images, best, record=record))
    return jsonify(replies=[None if image is None else next(replies) for image in arguments])


def _replies(context: RequestContext, images: list[ImageInput], best: int, *, record: bool) -> list[dict[str, Any]]:
    if not images:
        return []
    archive = (context.service.settings.archive_bucket,)
    answered = classify_images(context, images, record=record, key=KEY, more_buckets=archive)
    return [_reply(one, best) for one in answered]


def _reply(answered: ImageResult, best: int) -> dict[str, Any]:
    if isinstance(answered, REFUSED):
        return {"error": "The service may not record this as things are; its log says why.", "reason": "refused"}
    if isinstance(answered, Transient):
        raise answered
    if isinstance(answered, BucketlensError):
        error = error_response(answered)[0]["error"]
        return {"error": error["message"], "reason": error["reason"]}
    said, model = answered.classification, answered.model
    return {
        "label": said.label,
        "score": said.score,
        "needs_review": said.needs_review,
        "candidates": [{"label": one.label, "score": one.score} for one in said.candidates[:best]],
        "prediction_id": answered.prediction_id,
        "model": {"name": model.name, "version": model.version},
    }


def _calls(document: dict[str, Any]) -> list[Any]:
    calls = document.get("calls")
    if not isinstance(calls, list):
        raise BadRequest('There are no calls, expected {"calls": [["gs://bucket/name"]]}.')
    return calls


def _argument(call: Any) -> ImageInput | None:
    if not isinstance(call, list) or len(call) != 1 or not isinstance(call[0], str | None):
        raise BadRequest("A call has not one argument, expected a STRING like gs://bucket/name, or BYTES.")
    [argument] = call
    if argument is None:
        return None
    return ImageUri(argument) if "://" in argument else ImageBase64(argument)


def _best(context: dict[str, Any], labels: int) -> int:
    asked = str(context.get("k", labels))
    if not (asked.isascii() and asked.isdigit() and len(asked) < 9 and int(asked) > 0):
        raise BadRequest(f"k is {asked[:40]!r} in the user_defined_context, expected a whole number of 1 or more.")
    return int(asked)


def error_message(refusal: ApiError) -> dict[str, Any]:
    """Return an error as BigQuery shows it to who runs the query."""
    return {"errorMessage": refusal["message"][:MAX_ERROR_CHARACTERS]}


PROTOCOL = Protocol(
    name="BigQuery remote function",
    position=50,
    specification="https://cloud.google.com/bigquery/docs/remote-functions",
    error=error_message,
    error_schema=things({"errorMessage": TEXT}),
    routes=(
        Route(
            "POST",
            "/v1/bigquery:call",
            call,
            "Classify the images of rows: URIs of an object table, or bytes.",
            things({"replies": several(one_of({"type": "object"}, {"type": "null"}))}),
            takes={
                JSON: things(
                    {
                        "calls": several(
                            {**several(one_of(TEXT, {"type": "null"}), at_least=1), "maxItems": 1},
                            example=[["gs://bucket/photo.jpg"]],
                        )
                    },
                    requestId=ANY,
                    caller=ANY,
                    sessionUser=ANY,
                    userDefinedContext=one_of({"type": "null"}, things({}, model=ANY, k=ANY, record=ANY)),
                )
            },
            refuses=OF_IMAGES,
        ),
    ),
)
