"""``POST /v1/preview``: a picture as a small JPEG, for browsers that cannot show its format (HEIC, TIFF).

It is decoded by the pipeline's own decoder, within the same limits. Nothing is recorded or archived.
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
from shared.http.route import ANY_IMAGE, JSON, OF_IMAGES, Route
from shared.http.schema import FILE, TEXT, things
from shared.images.decode import check_size, decode
from shared.images.memory_budget import MIB

JPEG = "image/jpeg"
LONGEST_EDGE_PX = 1024
SHRINK_TO_PX = 720
"""What the shorter edge keeps in decoding; a picture of common proportions then fills the longest edge."""

PREVIEW_BYTES = 12 * MIB
"""What the reduced picture and its file take at most, beside the decoded pixels."""

QUALITY = 85


def preview(context: RequestContext) -> ResponseReturnValue:
    """Answer one image with a JPEG of it, upright, its longer edge at most LONGEST_EDGE_PX."""
    is_json = context.request.mimetype == JSON
    image: ImageInput = named_object(context) if is_json else sent_image(context)
    pipeline = context.pipeline
    reader = reader_of(context)
    try:
        with reader.resolve(image, 0) as given:
            check_size(len(given.content), pipeline.limits)
            pipeline.rate.take()  # it costs as much as to classify it
            decodes = pipeline.memory.decodes
            decoded = decode(given.content, pipeline.limits, shrink_to_px=SHRINK_TO_PX, budget=decodes)
        with decodes.room_for(decoded.pixels.nbytes + PREVIEW_BYTES):
            picture = PIL.Image.fromarray(decoded.pixels)
            picture.thumbnail((LONGEST_EDGE_PX, LONGEST_EDGE_PX))
            content = BytesIO()
            picture.save(content, "JPEG", quality=QUALITY)
    except BucketlensError as error:
        context.tally.count_refused(context.protocol.name, error)
        raise
    return Response(content.getvalue(), content_type=JPEG)


ROUTE = Route(
    "POST",
    "/v1/preview",
    preview,
    "Show an image, or an object in a bucket, as a small JPEG; nothing is recorded.",
    answers=FILE,
    type=JPEG,
    takes={**ANY_IMAGE, JSON: things({"uri": {**TEXT, "pattern": "^gs://[^/]+/.+"}})},
    refuses=OF_IMAGES,
    records=False,
)
