"""Classify the images of one request: the step between every protocol and the pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared.errors import BadRequest, BucketlensError, Permanent
from shared.http.inputs import ImageInput, InputReader
from shared.http.request_context import RequestContext
from shared.http.request_options import idempotency_key, wants_record
from shared.http.responses import log_refusal
from shared.logs import log_outcome
from shared.types import Prediction

ImageResult = Prediction | BucketlensError
"""The result of one image: its prediction, or the error that refuses it."""


def classify_images(
    context: RequestContext,
    images: Sequence[ImageInput],
    *,
    record: bool | None = None,
    key: str | None = None,
    more_buckets: tuple[str, ...] = (),
) -> Iterator[ImageResult]:
    """Classify a batch: yield for each image, in order, its prediction or the error that refuses it.

    Args:
        context: the request.
        images: the batch.
        record: whether rows are written; None reads ``?record=``.
        key: the idempotency key of a request without an ``Idempotency-Key`` header.
        more_buckets: buckets that the request may name in addition to READABLE_BUCKETS.

    Raises:
        BadRequest: the request has no image, or too many; raised before the first image is read.
    """
    check_image_count(context, len(images))
    is_recorded = wants_record(context.request) if record is None else record
    reader = reader_of(context, idempotency_key(context.request) or key, more_buckets)
    return (_classify(context, reader, image, index, record=is_recorded) for index, image in enumerate(images))


def predictions_of(context: RequestContext, images: Sequence[ImageInput]) -> list[Prediction]:
    """Classify a batch for a protocol in which one image's error fails the whole request.

    Raises:
        BucketlensError: the error of the first image that has one; the images before it stay recorded.
    """
    predictions = []
    for index, result in enumerate(classify_images(context, images)):
        if isinstance(result, BucketlensError):
            raise error_of_image(result, index, len(images))
        predictions.append(result)
    return predictions


def reader_of(context: RequestContext, key: str | None = None, more_buckets: tuple[str, ...] = ()) -> InputReader:
    """Return the reader of a request's images; under one ``key`` and caller, a repeated image gets the same ids."""
    settings = context.service.settings
    return InputReader(
        context.pipeline,
        context.call,
        key,
        (*settings.readable_buckets, *more_buckets),
        settings.max_image_bytes,
        context.body.memory.room_for,
    )


def check_image_count(context: RequestContext, images: int) -> None:
    """Refuse a request that has no image or too many.

    Raises:
        BadRequest: status 400 for none, 413 for too many.
    """
    most = context.service.settings.max_images_per_request
    if not images:
        raise BadRequest("The request has no image, expected one or more.")
    if images > most:
        text = f"The request has {images:,} images, expected at most {most}."
        raise BadRequest(text, 413, "too_many_images")


def check_time(context: RequestContext, index: int) -> None:
    """Refuse to begin an image after the first when the request has no time left.

    Raises:
        BadRequest: with status 408.
    """
    if index and not context.seconds_left:
        limit_s = context.service.settings.max_request_s
        raise BadRequest(
            f"The limit of {limit_s} s was reached after {index} of the images; send fewer in one request.", 408
        )


def error_of_image(error: BucketlensError, index: int, images: int) -> BucketlensError:
    """Return an error whose message also names the image, where there are several."""
    if images > 1:
        if isinstance(error, Permanent):
            return type(error)(f"Image {index + 1} of {images}: {error}")
        if isinstance(error, BadRequest):
            return BadRequest(f"Image {index + 1} of {images}: {error}", error.http_status, error.reason)
    return error


def _classify(
    context: RequestContext, reader: InputReader, image_input: ImageInput, index: int, *, record: bool
) -> ImageResult:
    try:
        check_time(context, index)
        with reader.resolve(image_input, index) as image:
            prediction = context.pipeline.classify_image(image, context.classifier, record=record)
    except BucketlensError as error:
        context.metrics.count_refused(context.protocol.name, error)
        log_refusal(error)
        return error.with_traceback(None)  # the frames of a traceback would keep the image in memory
    context.metrics.count_predicted(context.protocol.name, prediction)
    log_outcome(prediction)
    return prediction
