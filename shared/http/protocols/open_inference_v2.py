"""The Open Inference Protocol, version 2, of KServe, Triton, MLServer and OpenVINO.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md; Triton's
classification extension:
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md; KServe's
``GET /v2/models``. An error fails the whole request: the protocol has no errors of single images.
"""

from __future__ import annotations

import uuid

from flask import jsonify
from flask.typing import ResponseReturnValue

from shared.errors import BadRequest
from shared.http.app import live_response, ready_response
from shared.http.classify_images import predictions_of
from shared.http.protocols import v2_binary
from shared.http.protocols.v2_request import read_inference_request
from shared.http.protocols.v2_response import OUTPUTS, output_tensors
from shared.http.request_context import RequestContext
from shared.http.route import ANYTHING, IMAGE_ERRORS, JSON, MODEL_ERRORS, TEXT_ERROR, Protocol, Route, text_error
from shared.http.schema import ANY, BOOLEAN, FILE, INTEGER, ONE_PIXEL, OPTIONS, TEXT, array_of, object_of

TRITONS_STATISTICS = "stats"
"""The name in Triton's ``GET /v2/models/stats``, which returns the statistics of all models."""

EXTENSIONS = ("classification", "binary_tensor_data", "model_repository")


def live(_: RequestContext) -> ResponseReturnValue:
    """Return whether the process runs."""
    return live_response()


def ready(context: RequestContext) -> ResponseReturnValue:
    """Return whether the process can classify."""
    return ready_response(context.service)


def server(context: RequestContext) -> ResponseReturnValue:
    """Return the server's name, version and extensions."""
    return jsonify(name="bucketlens", version=context.service.platform.revision or "local", extensions=EXTENSIONS)


def models(context: RequestContext) -> ResponseReturnValue:
    """List the models."""
    return jsonify(models=context.index.names)


def model(context: RequestContext, model: str, version: str | None = None) -> ResponseReturnValue:
    """Describe a model: its inputs, its outputs and its labels."""
    if model == TRITONS_STATISTICS and model not in context.index:
        raise BadRequest("This protocol has no statistics; GET /metrics returns them for Prometheus.", 404)
    context.choose_model(model, version)
    bundle, served = context.bundle, context.index
    manifest, name = bundle.manifest, served.name_of(model)
    return jsonify(
        name=name,
        version=manifest.version,
        versions=served.versions(name),
        version_labels=served.aliases(name),
        platform=f"bucketlens_{manifest.runtime}",
        inputs=[{"name": "image", "datatype": "BYTES", "shape": [-1]}],
        outputs=[
            {"name": name, "datatype": datatype, "shape": [-1, *([len(manifest.labels)] if is_wide else [])]}
            for name, (datatype, is_wide) in OUTPUTS.items()
        ],
        labels=manifest.labels,
        description=manifest.description,
        digest=bundle.digest,
    )


def model_ready(context: RequestContext, model: str, version: str | None = None) -> ResponseReturnValue:
    """Return whether a model is ready."""
    context.choose_model(model, version)
    context.service.prepare_in_background()
    is_ready = context.service.is_ready
    return jsonify(name=model, ready=is_ready), 200 if is_ready else 503


def infer(context: RequestContext, model: str, version: str | None = None) -> ResponseReturnValue:
    """Classify the images of one input tensor."""
    context.choose_model(model, version)
    document, binary = v2_binary.read_request(context)
    requested = read_inference_request(document, binary)
    outputs, parameters = output_tensors(predictions_of(context, requested.images), requested.outputs, context.labels)
    return v2_binary.response(
        {
            "model_name": model,
            "model_version": context.classifier.bundle.facts.version,
            "id": requested.id or str(uuid.uuid4()),
            "parameters": parameters,
            "outputs": outputs,
        }
    )


TENSOR = object_of({"name": TEXT, "datatype": TEXT, "shape": array_of(INTEGER)})
INFER_REQUEST = object_of(
    {
        "inputs": {
            **array_of(
                object_of(
                    {
                        "name": TEXT,
                        "shape": array_of(INTEGER),
                        "datatype": {"enum": ["BYTES", "UINT8", "FP32"]},
                    },
                    data=array_of(ANY),
                    parameters=OPTIONS,
                ),
                at_least=1,
                example=[{"name": "image", "shape": [1], "datatype": "BYTES", "data": [ONE_PIXEL]}],
            ),
            "maxItems": 1,
        }
    },
    id=TEXT,
    parameters=OPTIONS,
    outputs=array_of(object_of({"name": {"enum": list(OUTPUTS)}}, parameters=OPTIONS)),
)
INFER_RESPONSE = object_of(
    {
        "model_name": TEXT,
        "model_version": TEXT,
        "id": TEXT,
        "outputs": array_of(
            object_of({"name": TEXT, "datatype": TEXT, "shape": array_of(INTEGER)}, data=array_of(ANY))
        ),
    },
    parameters=OPTIONS,
)
MODEL_METADATA = object_of(
    {
        "name": TEXT,
        "versions": array_of(TEXT),
        "platform": TEXT,
        "inputs": array_of(TENSOR),
        "outputs": array_of(TENSOR),
        "labels": array_of(TEXT),
    },
    version=TEXT,
    version_labels={"type": "object", "additionalProperties": TEXT},
    description=TEXT,
    digest=TEXT,
)
READY = object_of({"ready": BOOLEAN}, live=BOOLEAN, name=TEXT)


def _of_a_model(path: str) -> tuple[Route, ...]:
    return (
        Route("GET", path, model, "Describe the model, its labels too.", MODEL_METADATA, error_statuses=MODEL_ERRORS),
        Route(
            "GET",
            f"{path}/ready",
            model_ready,
            "Is the model ready?",
            READY,
            error_statuses=MODEL_ERRORS,
            other_responses={503: READY},
        ),
        Route(
            "POST",
            f"{path}/infer",
            infer,
            "Classify the images of a tensor: BYTES, or UINT8 or FP32 of shape [images, height, width, 3].",
            INFER_RESPONSE,
            request_bodies={JSON: INFER_REQUEST, ANYTHING: FILE},
            error_statuses=IMAGE_ERRORS,
            other_types={ANYTHING: FILE},
            headers={
                v2_binary.HEADER: "The length of the JSON that the body begins with, in bytes; binary tensors follow."
            },
        ),
    )


PROTOCOL = Protocol(
    name="Open Inference Protocol v2",
    position=20,
    specification="https://github.com/kserve/open-inference-protocol",
    error=text_error,
    error_schema=TEXT_ERROR,
    below="/v2/",
    routes=(
        Route("GET", "/v2/health/live", live, "Does the process run?", object_of({"live": BOOLEAN})),
        Route("GET", "/v2/health/ready", ready, "Can it classify?", READY, other_responses={503: READY}),
        Route(
            "GET",
            "/v2",
            server,
            "What server is this?",
            object_of({"name": TEXT, "version": TEXT, "extensions": array_of(TEXT)}),
        ),
        Route("GET", "/v2/models", models, "List the models.", object_of({"models": array_of(TEXT)})),
        *_of_a_model("/v2/models/{model}"),
        *_of_a_model("/v2/models/{model}/versions/{version}"),
    ),
)
