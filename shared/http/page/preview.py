"""``POST /v1/preview``: a picture as a small JPEG, for browsers that cannot show its format (HEIC, TIFF).

The pipeline's decoder decodes it, within the same limits. Nothing is recorded or archived.
"""

from __future__ import annotations

from io import BytesIO

import PIL.Image
from flask import Response
from flask.typing import ResponseReturnValue

from shared.errors import BucketlensError
from shared.http.classify_images import reader_of
from shared.http.inputs import ImageInput
from shared.http.protocols.bucketlens import named_object, sent_image
from shared.http.request_context import RequestContext
from shared.http.route import ANY_IMAGE, IMAGE_ERRORS, JSON, Route
from shared.http.schema import FILE, TEXT, object_of
from shared.images.memory_budget import MIB

JPEG = "image/jpeg"
LONGEST_EDGE_PX = 1024
SHRINK_TO_PX = 720
"""The least shorter edge after decoding; a picture of usual proportions is then at least LONGEST_EDGE_PX long."""

PREVIEW_BYTES = 12 * MIB
"""The most memory that the reduced picture and its file take, in addition to the decoded pixels."""

QUALITY = 85


def preview(context: RequestContext) -> ResponseReturnValue:
    """Answer an image with an upright JPEG of it, whose longer edge is at most LONGEST_EDGE_PX."""
    is_json = context.request.mimetype == JSON
    image: ImageInput = named_object(context) if is_json else sent_image(context)
    pipeline = context.pipeline
    reader = reader_of(context)
    try:
        with reader.resolve(image, 0) as source:
            decoded = pipeline.decode_image(source.content, SHRINK_TO_PX)
        with pipeline.memory.decodes.room_for(decoded.pixels.nbytes + PREVIEW_BYTES):
            picture = PIL.Image.fromarray(decoded.pixels)
            picture.thumbnail((LONGEST_EDGE_PX, LONGEST_EDGE_PX))
            content = BytesIO()
            picture.save(content, "JPEG", quality=QUALITY)
    except BucketlensError as error:
        context.metrics.count_refused(context.protocol.name, error)
        raise
    return Response(content.getvalue(), content_type=JPEG)


ROUTE = Route(
    "POST",
    "/v1/preview",
    preview,
    "Convert an image, or an object in a bucket, to a small JPEG; nothing is recorded.",
    response=FILE,
    response_type=JPEG,
    request_bodies={**ANY_IMAGE, JSON: object_of({"uri": {**TEXT, "pattern": "^gs://[^/]+/.+"}})},
    error_statuses=IMAGE_ERRORS,
    can_record=False,
)
