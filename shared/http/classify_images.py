"""Classify the images of one request: the step between a protocol and the pipeline, the same for every protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from shared.errors import BadRequest, BucketlensError, Permanent
from shared.http.inputs import ImageInput, InputReader
from shared.http.request_context import RequestContext
from shared.http.request_options import idempotency_key, wants_record
from shared.http.responses import log_refusal
from shared.logs import log_outcome
from shared.types import Prediction, Times

ImageResult = Prediction | BucketlensError
"""What becomes of one image."""


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
        context: of the request.
        images: the batch.
        record: whether rows are written; None reads ``?record=``.
        key: makes repeats the same predictions, where there is no ``Idempotency-Key``.
        more_buckets: buckets that may be named beside READABLE_BUCKETS.

    Raises:
        BadRequest: no image, or too many.
    """
    check_number(context, len(images))
    is_recorded = wants_record(context.request) if record is None else record
    reader = reader_of(context, idempotency_key(context.request) or key, more_buckets)
    return (_classify(context, reader, image, index, record=is_recorded) for index, image in enumerate(images))


def predictions_of(context: RequestContext, images: Sequence[ImageInput]) -> list[Prediction]:
    """Classify a batch for a protocol that has no place for the error of one image.

    Raises:
        BucketlensError: of the first image that has one; what came before it stays recorded.
    """
    predictions = []
    for index, result in enumerate(classify_images(context, images)):
        if isinstance(result, BucketlensError):
            raise error_of_image(result, index, len(images))
        predictions.append(result)
    return predictions


def reader_of(context: RequestContext, key: str | None = None, more_buckets: tuple[str, ...] = ()) -> InputReader:
    """Return the reader of a request's images; images of one ``key`` and caller are the same image each time."""
    settings = context.service.settings
    return InputReader(
        context.pipeline,
        context.call,
        key,
        (*settings.readable_buckets, *more_buckets),
        settings.max_image_bytes,
        context.body.memory.room_for,
    )


def check_number(context: RequestContext, images: int) -> None:
    """Refuse a request of no image, and one of too many.

    Raises:
        BadRequest: with status 413 for too many.
    """
    most = context.service.settings.max_images_per_request
    if not images:
        raise BadRequest("There is no image, expected one or more.")
    if images > most:
        text = f"There are {images:,} images, expected at most {most} in one request."
        raise BadRequest(text, 413, "too_many_images")


def check_time(context: RequestContext, index: int) -> None:
    """Refuse to begin with another image than the first where there is no time left.

    Raises:
        BadRequest: with status 408.
    """
    if index and not context.seconds_left:
        limit_s = context.service.settings.max_request_s
        raise BadRequest(
            f"There was no time left after {limit_s} s and {index} of the images; send fewer at once.", 408
        )


def error_of_image(error: BucketlensError, index: int, images: int) -> BucketlensError:
    """Return an error that also says which of several images it is of."""
    if images > 1:
        if isinstance(error, Permanent):
            return type(error)(f"Image {index + 1} of {images}: {error}")
        if isinstance(error, BadRequest):
            return BadRequest(f"Image {index + 1} of {images}: {error}", error.http_status, error.reason)
    return error


def _classify(
    context: RequestContext, reader: InputReader, given: ImageInput, index: int, *, record: bool
) -> ImageResult:
    try:
        check_time(context, index)
        with reader.resolve(given, index) as image:
            call = replace(context.call, times=Times())
            prediction = context.pipeline.answer(
                image.content, image.facts, image.who, call, classifier=context.classifier, record=record
            )
    except BucketlensError as error:
        context.tally.count_refused(context.protocol.name, error)
        log_refusal(error)
        return error.with_traceback(None)  # whose frames hold the image
    context.tally.count_predicted(context.protocol.name, prediction)
    log_outcome(prediction)
    return prediction
