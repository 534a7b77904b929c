"""Our own: ``POST /v1/classify`` with a raw image, a form of files, or the URI of an object.

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
from shared.http.classify_images import ImageResult, check_number, classify_images, predictions_of
from shared.http.inputs import ImageBytes, ImageInput, ImageUri
from shared.http.request_context import RequestContext
from shared.http.request_options import file_name, wants_record
from shared.http.responses import error_response, prediction_response
from shared.http.route import ANY_IMAGE, FORM, JSON, OF_IMAGES, OUR_ERROR, Protocol, Route
from shared.http.schema import ANY, FILE, NUMBER, TEXT, YES_OR_NO, one_of, several, things
from shared.images.decode import check_size
from shared.images.memory_budget import COPIES_OF_A_FILE
from shared.types import Prediction

MAX_URI_BODY_BYTES = 16 * 1024
"""For the JSON that names an object, whose name has 1,024 bytes at most."""

EXPECTED_JSON = (
    'expected {"uri": "gs://bucket/name"}; send an image as it is (curl --data-binary @photo.jpg), or in base64 to '
    '/v1/models/MODEL:predict as {"instances": [{"b64": "…"}]}.'
)
A_FILE = "each image is a part with a filename, as in: curl -F image=@photo.jpg"
TOO_LARGE = "request_entity_too_large"
"""Our word for what Werkzeug refuses by its length."""

CURL_D = "application/x-www-form-urlencoded"
LIKE_CURL_D = "It has no line breaks, which curl -d takes out of a file; send it with curl --data-binary @photo.jpg."

NAME_OF_A_FILE = "The name of a file sent as it is: attachment; filename*=UTF-8''NAME, percent-encoded."

PREDICTION = things(
    {
        "label": TEXT,
        "score": NUMBER,
        "needs_review": YES_OR_NO,
        "candidates": several(things({"label": TEXT, "score": NUMBER})),
        "prediction_id": TEXT,
        "recorded": YES_OR_NO,
        "model": things({"name": TEXT, "version": TEXT, "digest": TEXT, "runtime": TEXT}),
        "image": {"type": "object"},
        "times": {"type": "object", "additionalProperties": NUMBER},
    },
    label_token=TEXT,
)

REFUSED = things({**OUR_ERROR["properties"], "image": things({"name": one_of(TEXT, {"type": "null"})})})
"""What stands in the place of a prediction, in the answer to a form."""


def classify(context: RequestContext) -> ResponseReturnValue:
    """Answer one image with its prediction, and a form of files with a list of them."""
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
    """Return the image that is the body, and the name that its Content-Disposition gives.

    Raises:
        BadRequest: the body is empty or a form, or the name can be none.
        TooManyBytes: it is over the limit; it was not read.
        Busy: there is no room for it.
    """
    request = context.request
    if request.mimetype.startswith("multipart/"):
        raise BadRequest(f"The body is {request.mimetype[:40]}, expected a form of files: {FORM}.", 415)
    check_size(request.content_length or 0, context.pipeline.limits)
    name = file_name(request)
    content = context.body.file()
    if not content:
        raise BadRequest("The file is empty (0 bytes), expected the bytes of an image.")
    # curl --data-binary claims a form where nothing else was said, which is no claim about the image
    return ImageBytes(content, name, request.mimetype if request.mimetype.startswith("image/") else None)


def named_object(context: RequestContext) -> ImageUri:
    """Return the object that the body's JSON names.

    Raises:
        BadRequest: it is no JSON with a ``uri``, or too long.
    """
    return _object(_small_document(context))


def _answer_form(context: RequestContext) -> ResponseReturnValue:
    """Answer in order; an image that cannot be classified has its error in its place and spoils no other."""
    images = _files(context)
    answered = [
        _answer(context, image, found) for image, found in zip(images, classify_images(context, images), strict=True)
    ]
    return jsonify(predictions=[body for body, _ in answered]), min(status for _, status in answered)


def _answer(context: RequestContext, image: ImageBytes, found: ImageResult) -> tuple[dict[str, Any], int]:
    if isinstance(found, BucketlensError):
        body, status, _ = error_response(found)
        return {**body, "image": {"name": image.name}}, status
    return _prediction(context, found), 200


def _prediction(context: RequestContext, prediction: Prediction) -> dict[str, Any]:
    token = context.service.label_tokens.token_of(prediction.prediction_id)
    return prediction_response(prediction, recorded=wants_record(context.request), label_token=token)


def _files(context: RequestContext) -> list[ImageBytes]:
    request = context.request
    read_body.refuse_compressed(request)
    context.body.hold(COPIES_OF_A_FILE * context.body.stated_length)
    try:
        with read_body.in_time(request, context.seconds_left):
            files = [file for _, file in request.files.items(multi=True)]
    except RequestEntityTooLarge as error:  # a part without a filename is a text, and texts are short
        raise BadRequest(f"The form has a long text, or a thousand of them; {A_FILE}", 413, TOO_LARGE) from error
    if not files:
        texts = ", ".join(repr(name) for name in request.form)[:100]
        raise BadRequest(f"The form has no file{f', only texts ({texts})' if texts else ''}; {A_FILE}")
    check_number(context, len(files))
    return [ImageBytes(file.read(), file.filename or None, file.mimetype) for file in files]


def _small_document(context: RequestContext) -> dict[str, Any]:
    """Return the JSON that names an object.

    Raises:
        BadRequest: with status 413: it is longer than that, as one that holds a whole image.
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
            answers=one_of(PREDICTION, things({"predictions": several(one_of(PREDICTION, REFUSED), at_least=1)})),
            takes={
                **ANY_IMAGE,
                FORM: {**things({"image": several(FILE, at_least=1)}), "additionalProperties": ANY},
                JSON: things({"uri": {**TEXT, "pattern": "^gs://[^/]+/.+", "examples": ["gs://bucket/photo.jpg"]}}),
            },
            refuses=OF_IMAGES,
            headers={"Content-Disposition": NAME_OF_A_FILE},
            queries={
                "model": "The model to ask, where several are served, as NAME, NAME@VERSION or NAME@canary; the first."
            },
        ),
    ),
)
