"""``POST /v1/models/{model}:explain``, as KServe's V1 protocol names it: predictions, and where the model sees them.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol. What an explanation looks like is
left to the server; ours is a heat map of the whole picture, or that map laid over the picture as a PNG. Nothing is
recorded: who asks why was told what before, and a picture should count once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from flask import Request, Response, jsonify
from flask.typing import ResponseReturnValue

from shared.errors import BadRequest, BucketlensError, Busy
from shared.http.classify_images import check_number, check_time, error_of_image, reader_of
from shared.http.inputs import ImageBytes
from shared.http.protocols.v1_instances import (
    PROBABILITIES,
    Instance,
    choice_from,
    columns_of,
    instance_from,
    rows_of,
    shape_of,
    shown,
)
from shared.http.read_body import optional_object
from shared.http.request_context import RequestContext
from shared.http.route import JSON
from shared.http.schema import ANY, NUMBER, TEXT, WHOLE, one_of, several, things
from shared.images.decode import decode
from shared.images.memory_budget import MIB
from shared.inference.explain import CAM, OCCLUSION, Explanation, explain, over_picture
from shared.inference.heatmap import LONGEST_EDGE_PX, as_png, overlay, shorter_edge_px
from shared.logs import log
from shared.types import Image

PNG = "image/png"

JSON_BEGINS = (b"{", b"[")
"""No picture begins so; clients send JSON with all content types and with none."""

LONGEST_CELLS = 56
"""Rows or columns of a heat map in JSON, whichever are more."""

DECIMALS = 3

OVERLAY_BYTES = 24 * MIB
"""What a picture and its copies take at most while the map is laid over it."""

_occlusions = threading.Semaphore(1)
"""One at a time in a process: each runs the model as often as a batch of pictures does."""


def explanations(context: RequestContext) -> ResponseReturnValue:
    """Answer instances, or one image as it is, with predictions and explanations; one image also with a picture."""
    label = context.request.args.get("label")
    if label is not None and label not in context.labels:
        raise BadRequest(f"The label is {label[:40]!r}, expected one of: {', '.join(context.labels)}.")
    as_picture = _wants_picture(context.request)
    content = context.body.text_or_file()
    if context.request.mimetype != JSON and content.lstrip()[:1] not in JSON_BEGINS:
        if not content:
            raise BadRequest("The body is empty (0 bytes), expected an image, or instances as JSON.")
        document: dict[str, Any] = {}
        instances = [Instance(ImageBytes(content), PROBABILITIES)]
    else:
        document = context.body.parse(content)
        instances = [instance_from(value) for value in rows_of(document)]
    check_number(context, len(instances))
    if not as_picture:
        return jsonify(_answered(context, document, instances, label))
    if len(instances) > 1:
        raise BadRequest(f"There are {len(instances)} images, expected one where the answer is a picture.")
    [picture] = (_overlaid(context, *found) for found in _explained(context, instances, label))
    return Response(picture, content_type=PNG)


def _answered(
    context: RequestContext, document: dict[str, Any], instances: Sequence[Instance], label: str | None
) -> dict[str, Any]:
    parameters = optional_object(document, "parameters")
    shape, choice = shape_of(instances, parameters), choice_from(parameters)
    rows, maps = [], []
    for instance, (explanation, image, _) in zip(instances, _explained(context, instances, label), strict=True):
        rows.append(shown(explanation, shape, context.labels, instance.key, choice))
        maps.append(_as_json(context, explanation, image))
    predicted = {"outputs": columns_of(rows)} if "inputs" in document else {"predictions": rows}
    return {**predicted, "explanations": maps}


def _explained(
    context: RequestContext, instances: Sequence[Instance], label: str | None
) -> Iterator[tuple[Explanation, Image, bytes]]:
    """Yield for each image its explanation, the picture that was looked at, and its file."""
    pipeline = context.pipeline
    reader = reader_of(context)
    edge_px = context.bundle.manifest.input.long_edge_px
    for index, instance in enumerate(instances):
        try:
            check_time(context, index)
            with reader.resolve(instance.image, index) as given:
                pipeline.rate.take()
                image = decode(given.content, pipeline.limits, shrink_to_px=edge_px, budget=pipeline.memory.decodes)
                with OcclusionWatch(context) as watch:
                    explanation = explain(context.classifier, image.pixels, label, watch)
                yield explanation, image, given.content
        except BucketlensError as error:
            context.tally.count_refused(context.protocol.name, error)
            raise error_of_image(error, index, len(instances)) from error
        _log(context, explanation)


class OcclusionWatch:
    """Lets one occlusion run in a process at a time, and no longer than the request may take."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context
        self._began = 0.0
        self._with_turn = ExitStack()

    def __enter__(self) -> OcclusionWatch:
        return self

    def __exit__(self, *_: object) -> None:
        self._with_turn.close()

    def __call__(self, done: int, total: int) -> None:
        """See before each run of the model whether there is time for all of them.

        Raises:
            Busy: another occlusion is at work.
            BadRequest: there is no time, with status 408.
        """
        if not done:
            if not _occlusions.acquire(blocking=False):
                raise Busy("Another picture is being explained by occlusion; this one is sent away.")
            self._with_turn.callback(_occlusions.release)
            self._began = time.monotonic()
            return
        needed_s = (time.monotonic() - self._began) / done * (total - done)
        if needed_s > self._context.seconds_left:
            limit_s = self._context.service.settings.max_request_s
            raise BadRequest(
                f"To explain this model takes {total} runs of it, about {needed_s:.0f} s more than were left of "
                f"{limit_s} s; run bucketlens classify --explain, which takes its time.",
                408,
            )


def _as_json(context: RequestContext, explanation: Explanation, image: Image) -> dict[str, Any]:
    size, spec = (image.width_px, image.height_px), context.bundle.manifest.input
    heat = over_picture(explanation.heat, spec, size, LONGEST_CELLS)
    return {
        "label": explanation.label,
        "score": explanation.score,
        "method": explanation.method,
        "height": heat.shape[0],
        "width": heat.shape[1],
        "values": [[round(value, DECIMALS) for value in row] for row in heat.tolist()],
        "image": {"height_px": image.height_px, "width_px": image.width_px},
    }


def _overlaid(context: RequestContext, explanation: Explanation, image: Image, content: bytes) -> bytes:
    """Return the map over the picture, which is decoded again, since people see more than the model takes."""
    pipeline, spec = context.pipeline, context.bundle.manifest.input
    size = image.width_px, image.height_px
    heat = over_picture(explanation.heat, spec, size, LONGEST_EDGE_PX // 4)
    shown_px = shorter_edge_px(size)
    larger = decode(content, pipeline.limits, shrink_to_px=shown_px, budget=pipeline.memory.decodes)
    with pipeline.memory.decodes.room_for(OVERLAY_BYTES):
        return as_png(overlay(larger.pixels, heat))


def _wants_picture(request: Request) -> bool:
    wanted = request.args.get("as")
    if wanted not in (None, "json", "png"):
        raise BadRequest(f"?as= is {wanted[:40]!r}, expected json or png.")
    return wanted == "png" if wanted else request.accept_mimetypes.best_match([JSON, PNG], JSON) == PNG


def _log(context: RequestContext, explanation: Explanation) -> None:
    model = context.bundle.facts
    fields = {
        "outcome": "explained",
        "label": explanation.label,
        "score": round(explanation.score, 4),
        "method": explanation.method,
        "model": f"{model.name}_v{model.version}",
        "source": context.call.source,
        "logging.googleapis.com/trace": context.call.trace,
    }
    log.info(f"explained by {explanation.method}: {explanation.label}", extra={"fields": fields})


HEAT_MAP = things(
    {
        "label": TEXT,
        "score": NUMBER,
        "method": {"enum": [CAM, OCCLUSION]},
        "height": WHOLE,
        "width": WHOLE,
        "values": several(several({**NUMBER, "minimum": 0, "maximum": 1})),
        "image": things({"height_px": WHOLE, "width_px": WHOLE}),
    }
)
EXPLAINED = one_of(
    things({"predictions": several(ANY), "explanations": several(HEAT_MAP)}),
    things({"outputs": ANY, "explanations": several(HEAT_MAP)}),
)
QUERIES = {
    "label": "The label to explain; left out it is the one that the model gives.",
    "as": "`json`, or `png` for one image: the map over the picture. Left out it is what `Accept` prefers.",
}
