"""The Open Inference Protocol, version 2, that KServe, Triton, MLServer and OpenVINO speak.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md; Triton's
classification extension:
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md; KServe's
``GET /v2/models``. An error is of the whole request: the protocol has no place for that of one image.
"""

from __future__ import annotations

import uuid

from flask import jsonify
from flask.typing import ResponseReturnValue

from shared.errors import BadRequest
from shared.http.app import live_response, ready_response
from shared.http.classify_images import predictions_of
from shared.http.protocols import v2_binary
from shared.http.protocols.v2_request import parsed_request
from shared.http.protocols.v2_response import OUTPUTS, answer_of
from shared.http.request_context import RequestContext
from shared.http.route import ANYTHING, JSON, OF_A_MODEL, OF_IMAGES, TEXT_ERROR, Protocol, Route, text_error
from shared.http.schema import ANY, FILE, ONE_PIXEL, OPTIONS, TEXT, WHOLE, YES_OR_NO, several, things

TRITONS_STATISTICS = "stats"
"""``GET /v2/models/stats`` asks Triton for the statistics of all models."""

EXTENSIONS = ("classification", "binary_tensor_data", "model_repository")


def live(_: RequestContext) -> ResponseReturnValue:
    """Say that the process runs."""
    return live_response()


def ready(context: RequestContext) -> ResponseReturnValue:
    """Say whether the process can classify."""
    return ready_response(context.service)


def server(context: RequestContext) -> ResponseReturnValue:
    """Say what this server is."""
    return jsonify(name="bucketlens", version=context.service.platform.revision or "local", extensions=EXTENSIONS)


def models(context: RequestContext) -> ResponseReturnValue:
    """List the models."""
    return jsonify(models=context.models)


def model(context: RequestContext, model: str, version: str | None = None) -> ResponseReturnValue:
    """Describe the model: what it takes and gives, and its labels."""
    if model == TRITONS_STATISTICS and model not in context.models:
        raise BadRequest("Statistics are not kept by this protocol; GET /metrics has them, for Prometheus.", 404)
    context.choose_model(model, version)
    bundle, served = context.bundle, context.service.bundles
    manifest, name = bundle.manifest, served.name_of(model)
    return jsonify(
        name=name,
        version=manifest.version,
        versions=served.versions(name),
        version_labels=served.labels(name),
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
    """Say whether the model can be asked."""
    context.choose_model(model, version)
    context.service.prepare_in_background()
    is_ready = context.service.is_ready
    return jsonify(name=model, ready=is_ready), 200 if is_ready else 503


def infer(context: RequestContext, model: str, version: str | None = None) -> ResponseReturnValue:
    """Classify the images of one input tensor."""
    context.choose_model(model, version)
    document, binary = v2_binary.received(context)
    asked = parsed_request(document, binary)
    outputs, parameters = answer_of(predictions_of(context, asked.images), asked.outputs, context.labels)
    return v2_binary.response(
        {
            "model_name": model,
            "model_version": context.bundle.facts.version,
            "id": asked.id or str(uuid.uuid4()),
            "parameters": parameters,
            "outputs": outputs,
        }
    )


TENSOR = things({"name": TEXT, "datatype": TEXT, "shape": several(WHOLE)})
ASKED = things(
    {
        "inputs": {
            **several(
                things(
                    {
                        "name": TEXT,
                        "shape": several(WHOLE),
                        "datatype": {"enum": ["BYTES", "UINT8", "FP32"]},
                    },
                    data=several(ANY),
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
    outputs=several(things({"name": {"enum": list(OUTPUTS)}}, parameters=OPTIONS)),
)
ANSWERED = things(
    {
        "model_name": TEXT,
        "model_version": TEXT,
        "id": TEXT,
        "outputs": several(things({"name": TEXT, "datatype": TEXT, "shape": several(WHOLE)}, data=several(ANY))),
    },
    parameters=OPTIONS,
)
DESCRIBED = things(
    {
        "name": TEXT,
        "versions": several(TEXT),
        "platform": TEXT,
        "inputs": several(TENSOR),
        "outputs": several(TENSOR),
        "labels": several(TEXT),
    },
    version=TEXT,
    version_labels={"type": "object", "additionalProperties": TEXT},
    description=TEXT,
    digest=TEXT,
)
READY = things({"ready": YES_OR_NO}, live=YES_OR_NO, name=TEXT)


def _of_a_model(path: str) -> tuple[Route, ...]:
    return (
        Route("GET", path, model, "Describe the model, its labels too.", DESCRIBED, refuses=OF_A_MODEL),
        Route("GET", f"{path}/ready", model_ready, "Is the model ready?", READY, refuses=OF_A_MODEL, also={503: READY}),
        Route(
            "POST",
            f"{path}/infer",
            infer,
            "Classify the images of a tensor: BYTES, or UINT8 or FP32 of shape [images, height, width, 3].",
            ANSWERED,
            takes={JSON: ASKED, ANYTHING: FILE},
            refuses=OF_IMAGES,
            more_types={ANYTHING: FILE},
            headers={
                v2_binary.HEADER: "Bytes of JSON at the body's beginning; what follows them is tensors in binary."
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
        Route("GET", "/v2/health/live", live, "Does the process run?", things({"live": YES_OR_NO})),
        Route("GET", "/v2/health/ready", ready, "Can it classify?", READY, also={503: READY}),
        Route(
            "GET",
            "/v2",
            server,
            "What server is this?",
            things({"name": TEXT, "version": TEXT, "extensions": several(TEXT)}),
        ),
        Route("GET", "/v2/models", models, "List the models.", things({"models": several(TEXT)})),
        *_of_a_model("/v2/models/{model}"),
        *_of_a_model("/v2/models/{model}/versions/{version}"),
    ),
)
