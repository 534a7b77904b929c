"""Our own protocol: ``POST /v1/classify`` with a raw image, a form of files, or the URI of an object.

::

    curl --data-binary @photo.jpg URL/v1/classify
    curl -F image=@one.jpg -F image=@two.jpg URL/v1/classify
    curl --json '{"uri": "gs://bucket/photo.jpg"}' URL/v1/classify
"""

from __future__ import annotations

from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from shared.errors import BadRequest, BucketlensError, DamagedImage, NotAnImage
from shared.http import read_body
from shared.http.classify_images import ImageResult, check_image_count, classify_images, predictions_of
from shared.http.inputs import ImageBytes, ImageInput, ImageUri
from shared.http.request_context import RequestContext
from shared.http.request_options import file_name, wants_record
from shared.http.responses import error_response, prediction_response
from shared.http.route import ANY_IMAGE, FORM, IMAGE_ERRORS, JSON, OUR_ERROR, Protocol, Route
from shared.http.schema import ANY, BOOLEAN, FILE, NUMBER, TEXT, any_of, array_of, object_of
from shared.images.decode import check_size
from shared.images.memory_budget import COPIES_OF_A_FILE
from shared.types import Prediction

MAX_URI_BODY_BYTES = 16 * 1024
"""Limit of the JSON that names an object; an object's name has at most 1,024 bytes."""

EXPECTED_JSON = (
    'expected {"uri": "gs://bucket/name"}; send an image as it is (curl --data-binary @photo.jpg), or in base64 to '
    '/v1/models/MODEL:predict as {"instances": [{"b64": "…"}]}.'
)
A_FILE = "send each image as a part with a filename, as in: curl -F image=@photo.jpg"
TOO_LARGE = "request_entity_too_large"
"""The ``reason`` of a body that Werkzeug refuses by its length."""

CURL_D = "application/x-www-form-urlencoded"
LIKE_CURL_D = "It has no line breaks, which curl -d removes from a file; send it with curl --data-binary @photo.jpg."

NAME_OF_A_FILE = "The name of the file in the body: attachment; filename*=UTF-8''NAME, percent-encoded."

PREDICTION = object_of(
    {
        "label": TEXT,
        "score": NUMBER,
        "needs_review": BOOLEAN,
        "is_unfamiliar": any_of(BOOLEAN, {"type": "null"}),
        "candidates": array_of(object_of({"label": TEXT, "score": NUMBER})),
        "prediction_id": TEXT,
        "recorded": BOOLEAN,
        "model": object_of({"name": TEXT, "version": TEXT, "digest": TEXT, "runtime": TEXT}),
        "image": {"type": "object"},
        "times": {"type": "object", "additionalProperties": NUMBER},
    },
    label_token=TEXT,
    signals={"type": "object", "additionalProperties": NUMBER},
)

REFUSED = object_of({**OUR_ERROR["properties"], "image": object_of({"name": any_of(TEXT, {"type": "null"})})})
"""The answer for an image of a form that cannot be classified, in the place of its prediction."""


def classify(context: RequestContext) -> ResponseReturnValue:
    """Answer one image with its prediction, and a form of files with a list of predictions."""
    request = context.request
    if "model" in request.args:
        context.choose_model(request.args["model"])
    if request.mimetype == FORM:
        return _answer_form(context)
    if request.mimetype == JSON:
        image: ImageInput = named_object(context)
    else:
        image = sent_image(context)
    try:
        [prediction] = predictions_of(context, [image])
    except (DamagedImage, NotAnImage) as error:
        if isinstance(image, ImageBytes) and request.mimetype == CURL_D and not {*b"\r\n"} & {*image.content}:
            raise type(error)(f"{error} {LIKE_CURL_D}") from error
        raise
    return jsonify(_prediction(context, prediction))


def sent_image(context: RequestContext) -> ImageBytes:
    """Return the image in the body, with the name in its Content-Disposition.

    Raises:
        BadRequest: the body is empty or a form, or the name is invalid.
        TooManyBytes: the body is over the limit; it was not read.
        Busy: the memory for it is in use; it was not read.
    """
    request = context.request
    if request.mimetype.startswith("multipart/"):
        raise BadRequest(f"The body is {request.mimetype[:40]}, expected a form of files: {FORM}.", 415)
    check_size(request.content_length or 0, context.pipeline.limits)
    name = file_name(request)
    content = context.body.file()
    if not content:
        raise BadRequest("The file is empty (0 bytes), expected the bytes of an image.")
    # curl --data-binary sends the type of a form unless -H sets another, so only image/* is about the image
    return ImageBytes(content, name, request.mimetype if request.mimetype.startswith("image/") else None)


def named_object(context: RequestContext) -> ImageUri:
    """Return the object that the JSON in the body names.

    Raises:
        BadRequest: the body is too long, or is not JSON with a ``uri``.
    """
    return _object(_small_document(context))


def _answer_form(context: RequestContext) -> ResponseReturnValue:
    """Answer the images of a form in order; an image that cannot be classified has its error in its place."""
    images = _files(context)
    answers = [
        _answer(context, image, result) for image, result in zip(images, classify_images(context, images), strict=True)
    ]
    return jsonify(predictions=[body for body, _ in answers]), min(status for _, status in answers)


def _answer(context: RequestContext, image: ImageBytes, result: ImageResult) -> tuple[dict[str, Any], int]:
    if isinstance(result, BucketlensError):
        body, status, _ = error_response(result)
        return {**body, "image": {"name": image.name}}, status
    return _prediction(context, result), 200


def _prediction(context: RequestContext, prediction: Prediction) -> dict[str, Any]:
    token = context.service.label_tokens.token_of(prediction.prediction_id)
    return prediction_response(prediction, recorded=wants_record(context.request), label_token=token)


def _files(context: RequestContext) -> list[ImageBytes]:
    request = context.request
    read_body.refuse_compressed(request)
    context.body.hold(COPIES_OF_A_FILE * context.body.stated_length)
    try:
        with read_body.within_deadline(request, context.seconds_left):
            files = [file for _, file in request.files.items(multi=True)]
    except RequestEntityTooLarge as error:  # Werkzeug keeps a part without a filename in memory, and limits these
        raise BadRequest(f"The form has a long text or more than a thousand parts; {A_FILE}", 413, TOO_LARGE) from error
    if not files:
        texts = ", ".join(repr(name) for name in request.form)[:100]
        raise BadRequest(f"The form has no file{f', only texts ({texts})' if texts else ''}; {A_FILE}")
    check_image_count(context, len(files))
    return [ImageBytes(file.read(), file.filename or None, file.mimetype) for file in files]


def _small_document(context: RequestContext) -> dict[str, Any]:
    """Return the JSON that names an object.

    Raises:
        BadRequest: status 413: it is longer than a URI needs; it probably contains a whole image.
    """
    context.request.max_content_length = MAX_URI_BODY_BYTES
    try:
        return context.body.document()
    except RequestEntityTooLarge as error:
        text = f"The body is JSON of more than {MAX_URI_BODY_BYTES:,} bytes, {EXPECTED_JSON}"
        raise BadRequest(text, 413, TOO_LARGE) from error


def _object(document: dict[str, Any]) -> ImageUri:
    uri = document.get("uri")
    if not isinstance(uri, str):
        raise BadRequest(f'The body is JSON without a "uri", {EXPECTED_JSON}')
    return ImageUri(uri)


PROTOCOL = Protocol(
    name="Bucketlens",
    position=10,
    routes=(
        Route(
            "POST",
            "/v1/classify",
            classify,
            "Classify an image, a form of images, or an object in a bucket.",
            response=any_of(PREDICTION, object_of({"predictions": array_of(any_of(PREDICTION, REFUSED), at_least=1)})),
            request_bodies={
                **ANY_IMAGE,
                FORM: {**object_of({"image": array_of(FILE, at_least=1)}), "additionalProperties": ANY},
                JSON: object_of({"uri": {**TEXT, "pattern": "^gs://[^/]+/.+", "examples": ["gs://bucket/photo.jpg"]}}),
            },
            error_statuses=IMAGE_ERRORS,
            headers={"Content-Disposition": NAME_OF_A_FILE},
            queries={"model": "The model, as NAME, NAME@VERSION or NAME@canary; the first that is served if left out."},
        ),
    ),
)
