"""TensorFlow Serving's REST API, which is also KServe's V1 protocol.

https://github.com/tensorflow/serving/blob/master/tensorflow_serving/g3doc/api_rest.md,
https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol. Where the two collide, an answer
has the keys of both; ``instances`` says whose prediction is whose. An error is of the whole request.
"""

from __future__ import annotations

from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue

from shared.bundles.references import LABELS
from shared.errors import BadRequest
from shared.http.classify_images import predictions_of
from shared.http.protocols.explain import EXPLAINED, PNG, QUERIES, explanations
from shared.http.protocols.v1_instances import (
    choice_from,
    columns_of,
    feature_from,
    instance_from,
    rows_of,
    shape_of,
    shown,
)
from shared.http.read_body import optional_object
from shared.http.request_context import RequestContext
from shared.http.route import ANY_IMAGE, JSON, OF_A_MODEL, OF_IMAGES, TEXT_ERROR, Protocol, Route, text_error
from shared.http.schema import ANY, FILE, IN_BASE64, ONE_PIXEL, OPTIONS, TEXT, YES_OR_NO, one_of, several, things


def alive(_: RequestContext) -> ResponseReturnValue:
    """Say that the process runs, as KServe's V1 clients ask."""
    return jsonify(status="alive")


def models(context: RequestContext) -> ResponseReturnValue:
    """List the models."""
    return jsonify(models=context.models)


def status(
    context: RequestContext, model: str, version: str | None = None, label: str | None = None
) -> ResponseReturnValue:
    """Say whether the model's versions can be asked: TensorFlow Serving's keys and KServe's."""
    _choose(context, model, version, label)
    context.service.prepare_in_background()
    is_ready, served = context.service.is_ready, context.service.bundles
    name = served.name_of(model)
    asked = [context.bundle.manifest.version] if version or label else served.versions(name)
    state, fine = "AVAILABLE" if is_ready else "LOADING", {"error_code": "OK", "error_message": ""}
    states = [{"version": one, "state": state, "status": fine} for one in asked]
    return jsonify(name=name, ready=is_ready, model_version_status=states), 200 if is_ready else 503


def metadata(
    context: RequestContext, model: str, version: str | None = None, label: str | None = None
) -> ResponseReturnValue:
    """Describe the model's signature, as TensorFlow Serving does; its labels are beside it."""
    _choose(context, model, version, label)
    manifest = context.bundle.manifest
    signature = {
        "inputs": {"b64": _tensor("DT_STRING", [-1])},
        "outputs": {"probabilities": _tensor("DT_FLOAT", [-1, len(manifest.labels)])},
        "method_name": "tensorflow/serving/predict",
    }
    return jsonify(
        model_spec={"name": context.service.bundles.name_of(model), "signature_name": "", "version": manifest.version},
        metadata={"signature_def": {"signature_def": {"serving_default": signature}}},
        labels=manifest.labels,
    )


def predict(
    context: RequestContext, model: str, version: str | None = None, label: str | None = None
) -> ResponseReturnValue:
    """Answer ``instances`` with ``predictions``, and ``inputs`` with ``outputs``."""
    _choose(context, model, version, label)
    return jsonify(answered(context, context.body.document()))


def explain(
    context: RequestContext, model: str, version: str | None = None, label: str | None = None
) -> ResponseReturnValue:
    """Answer ``instances`` with ``predictions`` and ``explanations``, as KServe names them."""
    _choose(context, model, version, label)
    return explanations(context)


def classify(
    context: RequestContext, model: str, version: str | None = None, label: str | None = None
) -> ResponseReturnValue:
    """Answer each example with pairs of label and score, best first."""
    _choose(context, model, version, label)
    examples = context.body.document().get("examples")
    if not isinstance(examples, list) or not all(isinstance(example, dict) for example in examples):
        raise BadRequest('There are no examples, expected {"examples": [{"image": {"b64": …}}]}.')
    predictions = predictions_of(context, [feature_from(example) for example in examples])
    found = [[[one.label, one.score] for one in each.classification.candidates] for each in predictions]
    return jsonify(result=found, results=found)  # the documentation says the one, the server the other


def answered(context: RequestContext, document: dict[str, Any]) -> dict[str, Any]:
    """Answer a document of instances, in rows or in columns. Vertex AI's routes do the same.

    Raises:
        BadRequest: naming what is missing or of the wrong kind.
    """
    parameters = optional_object(document, "parameters")
    is_rows = "instances" in document
    instances = [instance_from(value) for value in rows_of(document)]
    shape, choice = shape_of(instances, parameters), choice_from(parameters)
    predictions = predictions_of(context, [instance.image for instance in instances])
    rows = [
        shown(prediction, shape, context.labels, instance.key, choice)
        for instance, prediction in zip(instances, predictions, strict=True)
    ]
    return {"predictions": rows} if is_rows else {"outputs": columns_of(rows)}


def _choose(context: RequestContext, model: str, version: str | None, label: str | None) -> None:
    if label not in (None, *LABELS):
        raise BadRequest(f"No version has the label {label[:40]!r} here, expected {' or '.join(LABELS)}.", 404)
    context.choose_model(model, label or version)


def _tensor(dtype: str, shape: list[int]) -> dict[str, Any]:
    dimensions = [{"size": str(size), "name": ""} for size in shape]
    return {"dtype": dtype, "tensor_shape": {"dim": dimensions, "unknown_rank": False}, "name": ""}


B64 = things({"b64": IN_BASE64})
INSTANCE = one_of(
    B64,
    things({"image_bytes": B64}, key=ANY),
    things({"content": IN_BASE64}),
    things({"gcsUri": TEXT}),
    {"type": "array"},
)
INSTANCES = one_of(
    things(
        {"instances": several(INSTANCE, at_least=1, example=[{"b64": ONE_PIXEL}])},
        parameters=OPTIONS,
        signature_name=ANY,
    ),
    things({"inputs": ANY}, parameters=OPTIONS),
)
STATUS = things(
    {
        "name": TEXT,
        "ready": YES_OR_NO,
        "model_version_status": several(things({"version": TEXT, "state": TEXT, "status": {"type": "object"}})),
    }
)
DESCRIBED = things({"model_spec": {"type": "object"}, "metadata": {"type": "object"}, "labels": several(TEXT)})
PREDICTED = one_of(things({"predictions": several(ANY)}), things({"outputs": ANY}))
CLASSIFIED = things({"result": several(several(several(ANY))), "results": several(several(several(ANY)))})
EXAMPLES = things({"examples": several(things({"image": B64}), at_least=1)}, signature_name=ANY, context=ANY)


def _of_a_model(path: str) -> tuple[Route, ...]:
    return (
        Route("GET", path, status, "Is the model ready?", STATUS, refuses=OF_A_MODEL, also={503: STATUS}),
        Route("GET", f"{path}/metadata", metadata, "Describe the model's signature.", DESCRIBED, refuses=OF_A_MODEL),
        Route(
            "POST",
            f"{path}:predict",
            predict,
            "Classify instances; their key decides the shape of the answer.",
            PREDICTED,
            takes={JSON: INSTANCES},
            refuses=OF_IMAGES,
        ),
        Route(
            "POST",
            f"{path}:explain",
            explain,
            "Classify instances, or an image as it is, and show where the model sees a label; nothing is recorded.",
            EXPLAINED,
            takes={JSON: INSTANCES, **ANY_IMAGE},
            refuses=OF_IMAGES,
            more_types={PNG: FILE},
            queries=QUERIES,
            records=False,
        ),
        Route(
            "POST",
            f"{path}:classify",
            classify,
            "Classify examples; each answer is pairs of label and score.",
            CLASSIFIED,
            takes={JSON: EXAMPLES},
            refuses=OF_IMAGES,
        ),
    )


PROTOCOL = Protocol(
    name="TensorFlow Serving and KServe V1",
    position=30,
    specification="https://www.tensorflow.org/tfx/serving/api_rest",
    error=text_error,
    error_schema=TEXT_ERROR,
    routes=(
        Route("GET", "/", alive, "Does the process run?", things({"status": TEXT})),
        Route("GET", "/v1/models", models, "List the models.", things({"models": several(TEXT)})),
        *_of_a_model("/v1/models/{model}"),
        *_of_a_model("/v1/models/{model}/versions/{version}"),
        *_of_a_model("/v1/models/{model}/labels/{label}"),
    ),
)
