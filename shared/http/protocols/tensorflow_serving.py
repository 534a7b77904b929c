"""TensorFlow Serving's REST API, which is also KServe's V1 protocol.

https://github.com/tensorflow/serving/blob/master/tensorflow_serving/g3doc/api_rest.md,
https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol. Where the two differ, an
answer has the keys of both. Predictions are in the order of ``instances``. One image's error fails the whole request.
"""

from __future__ import annotations

from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue

from shared.bundles.references import ALIASES
from shared.errors import BadRequest
from shared.http.classify_images import predictions_of
from shared.http.protocols.explain import EXPLAINED, PNG, QUERIES, explanations
from shared.http.protocols.v1_instances import (
    choice_from,
    columns_of,
    feature_from,
    format_prediction,
    instance_from,
    rows_of,
    shape_of,
)
from shared.http.read_body import optional_object
from shared.http.request_context import RequestContext
from shared.http.route import ANY_IMAGE, IMAGE_ERRORS, JSON, MODEL_ERRORS, TEXT_ERROR, Protocol, Route, text_error
from shared.http.schema import ANY, BOOLEAN, FILE, IN_BASE64, ONE_PIXEL, OPTIONS, TEXT, any_of, array_of, object_of


def alive(_: RequestContext) -> ResponseReturnValue:
    """Return that the process runs, in the form of KServe's V1 protocol."""
    return jsonify(status="alive")


def models(context: RequestContext) -> ResponseReturnValue:
    """List the models."""
    return jsonify(models=context.index.names)


def status(
    context: RequestContext, model: str, version: str | None = None, label: str | None = None
) -> ResponseReturnValue:
    """Return whether the model's versions are ready, with the keys of TensorFlow Serving and of KServe."""
    _choose(context, model, version, label)
    context.service.prepare_in_background()
    is_ready, served = context.service.is_ready, context.index
    name = served.name_of(model)
    requested = [context.bundle.manifest.version] if version or label else served.versions(name)
    state, no_error = "AVAILABLE" if is_ready else "LOADING", {"error_code": "OK", "error_message": ""}
    states = [{"version": number, "state": state, "status": no_error} for number in requested]
    return jsonify(name=name, ready=is_ready, model_version_status=states), 200 if is_ready else 503


def metadata(
    context: RequestContext, model: str, version: str | None = None, label: str | None = None
) -> ResponseReturnValue:
    """Describe the model's signature as TensorFlow Serving does, and add its labels."""
    _choose(context, model, version, label)
    manifest = context.bundle.manifest
    signature = {
        "inputs": {"b64": _tensor("DT_STRING", [-1])},
        "outputs": {"probabilities": _tensor("DT_FLOAT", [-1, len(manifest.labels)])},
        "method_name": "tensorflow/serving/predict",
    }
    return jsonify(
        model_spec={
            "name": context.index.name_of(model),
            "signature_name": "",
            "version": manifest.version,
        },
        metadata={"signature_def": {"signature_def": {"serving_default": signature}}},
        labels=manifest.labels,
    )


def predict(
    context: RequestContext, model: str, version: str | None = None, label: str | None = None
) -> ResponseReturnValue:
    """Answer ``instances`` with ``predictions``, and ``inputs`` with ``outputs``."""
    _choose(context, model, version, label)
    return jsonify(answer_instances(context, context.body.document()))


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
        raise BadRequest('The body has no list of examples, expected {"examples": [{"image": {"b64": …}}]}.')
    predictions = predictions_of(context, [feature_from(example) for example in examples])
    pairs = [
        [[candidate.label, candidate.score] for candidate in prediction.classification.candidates]
        for prediction in predictions
    ]
    return jsonify(result=pairs, results=pairs)  # TensorFlow Serving's documentation has result, its server results


def answer_instances(context: RequestContext, document: dict[str, Any]) -> dict[str, Any]:
    """Answer a document of instances in rows or in columns; Vertex AI's routes use it too.

    Raises:
        BadRequest: a part is missing or has the wrong type; the message names it.
    """
    parameters = optional_object(document, "parameters")
    is_rows = "instances" in document
    instances = [instance_from(value) for value in rows_of(document)]
    shape, choice = shape_of(instances, parameters), choice_from(parameters)
    predictions = predictions_of(context, [instance.image for instance in instances])
    rows = [
        format_prediction(prediction, shape, context.labels, instance.key, choice)
        for instance, prediction in zip(instances, predictions, strict=True)
    ]
    return {"predictions": rows} if is_rows else {"outputs": columns_of(rows)}


def _choose(context: RequestContext, model: str, version: str | None, label: str | None) -> None:
    if label not in (None, *ALIASES):
        raise BadRequest(f"No version has the label {label[:40]!r}, expected {' or '.join(ALIASES)}.", 404)
    context.choose_model(model, label or version)


def _tensor(dtype: str, shape: list[int]) -> dict[str, Any]:
    dimensions = [{"size": str(size), "name": ""} for size in shape]
    return {"dtype": dtype, "tensor_shape": {"dim": dimensions, "unknown_rank": False}, "name": ""}


B64 = object_of({"b64": IN_BASE64})
INSTANCE = any_of(
    B64,
    object_of({"image_bytes": B64}, key=ANY),
    object_of({"content": IN_BASE64}),
    object_of({"gcsUri": TEXT}),
    {"type": "array"},
)
INSTANCES = any_of(
    object_of(
        {"instances": array_of(INSTANCE, at_least=1, example=[{"b64": ONE_PIXEL}])},
        parameters=OPTIONS,
        signature_name=ANY,
    ),
    object_of({"inputs": ANY}, parameters=OPTIONS),
)
STATUS = object_of(
    {
        "name": TEXT,
        "ready": BOOLEAN,
        "model_version_status": array_of(object_of({"version": TEXT, "state": TEXT, "status": {"type": "object"}})),
    }
)
MODEL_METADATA = object_of({"model_spec": {"type": "object"}, "metadata": {"type": "object"}, "labels": array_of(TEXT)})
PREDICTED = any_of(object_of({"predictions": array_of(ANY)}), object_of({"outputs": ANY}))
CLASSIFIED = object_of({"result": array_of(array_of(array_of(ANY))), "results": array_of(array_of(array_of(ANY)))})
EXAMPLES = object_of({"examples": array_of(object_of({"image": B64}), at_least=1)}, signature_name=ANY, context=ANY)


def _of_a_model(path: str) -> tuple[Route, ...]:
    return (
        Route(
            "GET",
            path,
            status,
            "Is the model ready?",
            STATUS,
            error_statuses=MODEL_ERRORS,
            other_responses={503: STATUS},
        ),
        Route(
            "GET",
            f"{path}/metadata",
            metadata,
            "Describe the model's signature.",
            MODEL_METADATA,
            error_statuses=MODEL_ERRORS,
        ),
        Route(
            "POST",
            f"{path}:predict",
            predict,
            "Classify instances; their keys decide the shape of the answer.",
            PREDICTED,
            request_bodies={JSON: INSTANCES},
            error_statuses=IMAGE_ERRORS,
        ),
        Route(
            "POST",
            f"{path}:explain",
            explain,
            "Classify instances or one raw image, and show where the model sees a label; nothing is recorded.",
            EXPLAINED,
            request_bodies={JSON: INSTANCES, **ANY_IMAGE},
            error_statuses=IMAGE_ERRORS,
            other_types={PNG: FILE},
            queries=QUERIES,
            can_record=False,
        ),
        Route(
            "POST",
            f"{path}:classify",
            classify,
            "Classify examples; each answer is a list of pairs of label and score.",
            CLASSIFIED,
            request_bodies={JSON: EXAMPLES},
            error_statuses=IMAGE_ERRORS,
        ),
    )


PROTOCOL = Protocol(
    name="TensorFlow Serving and KServe V1",
    position=30,
    specification="https://www.tensorflow.org/tfx/serving/api_rest",
    error=text_error,
    error_schema=TEXT_ERROR,
    routes=(
        Route("GET", "/", alive, "Does the process run?", object_of({"status": TEXT})),
        Route("GET", "/v1/models", models, "List the models.", object_of({"models": array_of(TEXT)})),
        *_of_a_model("/v1/models/{model}"),
        *_of_a_model("/v1/models/{model}/versions/{version}"),
        *_of_a_model("/v1/models/{model}/labels/{label}"),
    ),
)
