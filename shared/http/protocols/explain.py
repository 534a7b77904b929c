"""``POST /v1/models/{model}:explain`` of KServe's V1 protocol: predictions, and where the model sees them.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol. The protocol leaves the form of an
explanation to the server; ours is a heatmap of the whole picture, or that heatmap over the picture as a PNG. Nothing
is recorded: an explanation follows a prediction of the same picture, and a picture should count once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from flask import Request, Response, jsonify
from flask.typing import ResponseReturnValue

from shared.errors import BadRequest, BucketlensError, Busy
from shared.http.classify_images import check_image_count, check_time, error_of_image, reader_of
from shared.http.inputs import ImageBytes
from shared.http.protocols.v1_instances import (
    PROBABILITIES,
    Instance,
    choice_from,
    columns_of,
    format_prediction,
    instance_from,
    rows_of,
    shape_of,
)
from shared.http.read_body import optional_object
from shared.http.request_context import RequestContext
from shared.http.route import JSON
from shared.http.schema import ANY, INTEGER, NUMBER, TEXT, any_of, array_of, object_of
from shared.inference.explain import CAM, OCCLUSION, Explanation
from shared.logs import log

if TYPE_CHECKING:
    from shared.inference.explained_image import ExplainedImage

PNG = "image/png"

JSON_BEGINS = (b"{", b"[")
"""The first byte of JSON, never of a picture; clients send JSON with any content type, or with none."""

LONGEST_CELLS = 56
"""The longer side of a heatmap in JSON, in cells."""

DECIMALS = 3

_occlusions = threading.Semaphore(1)
"""One occlusion at a time in a process: each runs the model as often as a batch of pictures does."""


def explanations(context: RequestContext) -> ResponseReturnValue:
    """Answer instances, or one raw image, with predictions and explanations; one image also as a PNG."""
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
    check_image_count(context, len(instances))
    if not as_picture:
        return jsonify(_answer_instances(context, document, instances, label))
    if len(instances) > 1:
        raise BadRequest(f"The request has {len(instances)} images, expected one for an answer as PNG.")
    [picture] = (
        context.pipeline.draw_explanation(file, explained)
        for explained, file in _explain_each(context, instances, label)
    )
    return Response(picture, content_type=PNG)


def _answer_instances(
    context: RequestContext, document: dict[str, Any], instances: Sequence[Instance], label: str | None
) -> dict[str, Any]:
    parameters = optional_object(document, "parameters")
    shape, choice = shape_of(instances, parameters), choice_from(parameters)
    rows, maps = [], []
    for instance, (explained, _) in zip(instances, _explain_each(context, instances, label), strict=True):
        rows.append(format_prediction(explained.explanation, shape, context.labels, instance.key, choice))
        maps.append(_as_json(explained))
    predicted = {"outputs": columns_of(rows)} if "inputs" in document else {"predictions": rows}
    return {**predicted, "explanations": maps}


def _explain_each(
    context: RequestContext, instances: Sequence[Instance], label: str | None
) -> Iterator[tuple[ExplainedImage, bytes]]:
    """Yield for each image its explanation, and the bytes of its file."""
    pipeline = context.pipeline
    reader = reader_of(context)
    for index, instance in enumerate(instances):
        try:
            check_time(context, index)
            with reader.resolve(instance.image, index) as source:
                with OcclusionWatch(context) as watch:
                    explained = pipeline.explain_image(source.content, context.classifier, label, watch)
                yield explained, source.content
        except BucketlensError as error:
            context.metrics.count_refused(context.protocol.name, error)
            raise error_of_image(error, index, len(instances)) from error
        _log(context, explained.explanation)


class OcclusionWatch:
    """A guard of occlusions: one at a time in a process, and no longer than the request may take."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context
        self._began = 0.0
        self._slot = ExitStack()

    def __enter__(self) -> OcclusionWatch:
        return self

    def __exit__(self, *_: object) -> None:
        self._slot.close()

    def __call__(self, done: int, total: int) -> None:
        """Check before each run of the model whether the time suffices for all runs.

        Args:
            done: the runs that are done.
            total: the runs that the occlusion takes.

        Raises:
            Busy: another occlusion is running.
            BadRequest: status 408: the time does not suffice.
        """
        if not done:
            if not _occlusions.acquire(blocking=False):
                raise Busy("Another picture is being explained by occlusion; try again later.")
            self._slot.callback(_occlusions.release)
            self._began = time.monotonic()
            return
        needed_s = (time.monotonic() - self._began) / done * (total - done)
        if needed_s > self._context.seconds_left:
            limit_s = self._context.service.settings.max_request_s
            raise BadRequest(
                f"An explanation by this model takes {total} runs of it, for about {needed_s:.0f} s more, which "
                f"exceeds the limit of {limit_s} s; run bucketlens classify --explain, which has no limit.",
                408,
            )


def _as_json(explained: ExplainedImage) -> dict[str, Any]:
    explanation, image = explained.explanation, explained.image
    heat = explained.heat_over_picture(LONGEST_CELLS)
    return {
        "label": explanation.label,
        "score": explanation.score,
        "method": explanation.method,
        "height": heat.shape[0],
        "width": heat.shape[1],
        "values": [[round(value, DECIMALS) for value in row] for row in heat.tolist()],
        "image": {"height_px": image.height_px, "width_px": image.width_px},
    }


def _wants_picture(request: Request) -> bool:
    format = request.args.get("as")
    if format not in (None, "json", "png"):
        raise BadRequest(f"?as= is {format[:40]!r}, expected json or png.")
    return format == "png" if format else request.accept_mimetypes.best_match([JSON, PNG], JSON) == PNG


def _log(context: RequestContext, explanation: Explanation) -> None:
    model = context.classifier.bundle.facts
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


HEAT_MAP = object_of(
    {
        "label": TEXT,
        "score": NUMBER,
        "method": {"enum": [CAM, OCCLUSION]},
        "height": INTEGER,
        "width": INTEGER,
        "values": array_of(array_of({**NUMBER, "minimum": 0, "maximum": 1})),
        "image": object_of({"height_px": INTEGER, "width_px": INTEGER}),
    }
)
EXPLAINED = any_of(
    object_of({"predictions": array_of(ANY), "explanations": array_of(HEAT_MAP)}),
    object_of({"outputs": ANY, "explanations": array_of(HEAT_MAP)}),
)
QUERIES = {
    "label": "The label to explain; the label of the prediction if left out.",
    "as": "`json`, or `png` for one image: the heatmap over the picture. `Accept` decides if left out.",
}
