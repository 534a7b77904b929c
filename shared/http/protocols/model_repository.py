"""The model repository extension of Triton and KServe: list the models, and load a new version of one.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md. The models are
those of ``MODEL_BUNDLE``: ``load`` reads a model's references again, for this process only; ``unload`` is refused.
"""

from __future__ import annotations

from typing import Any, NoReturn

from flask import jsonify
from flask.typing import ResponseReturnValue

from shared.errors import BadRequest, Misconfigured
from shared.http.read_body import optional_object
from shared.http.request_context import RequestContext
from shared.http.route import TEXT_ERROR, Protocol, Route, text_error
from shared.http.schema import BOOLEAN, TEXT, array_of, object_of
from shared.logs import log

MAX_BODY_BYTES = 16 * 1024
LOAD_ERRORS = (400, 403, 404, 408, 413, 415, 422, 500, 503)
"""The statuses of a refused load; 429, while another load runs, is among those of all routes."""


def index(context: RequestContext) -> ResponseReturnValue:
    """List every version of every model that is served; with ``{"ready": true}`` only those that are ready."""
    wants_ready = _body(context).get("ready") is True
    context.service.prepare_in_background()
    is_ready, served = context.service.is_ready, context.index
    if wants_ready and not is_ready:
        return jsonify([])
    state = {"state": "READY"} if is_ready else {"state": "UNAVAILABLE", "reason": "loading"}
    return jsonify(
        [{"name": name, "version": version, **state} for name in served.names for version in served.versions(name)]
    )


def load(context: RequestContext, model: str) -> ResponseReturnValue:
    """Load the model's bundles again and swap them in; keep the current ones if a new one is invalid."""
    _allow(context)
    if optional_object(_body(context), "parameters"):
        raise BadRequest(
            "The request has parameters, expected none: a bundle's manifest holds all parameters of a model."
        )
    context.choose_model(model)
    model = context.index.name_of(model)
    try:
        served = context.service.load(model)
    except Misconfigured as error:
        log.error(f"{model} was not loaded: {error}", extra={"fields": {"outcome": "not_loaded", "model": model}})
        raise BadRequest(
            f"The model {model!r} was not loaded: its bundles have {len(error.faults)} faults, which are in the "
            "service's log; the current versions are still served.",
            422,
        ) from error
    return jsonify(
        name=model,
        load=True,
        versions=served.versions(model),
        version_labels=served.aliases(model),
        digest=served.find(model).digest,
    )


def unload(context: RequestContext, model: str) -> NoReturn:
    """Refuse: a process without its model could only be unready."""
    _allow(context)
    context.choose_model(model)
    raise BadRequest("This service unloads no model; remove it from MODEL_BUNDLE and deploy.")


def _allow(context: RequestContext) -> None:
    if not context.service.settings.model_load:
        raise BadRequest("This service loads models only at start; set MODEL_LOAD=true to allow it.", 403)


def _body(context: RequestContext) -> dict[str, Any]:
    """Return the body's JSON object; an empty one without a body."""
    request = context.request
    request.max_content_length = MAX_BODY_BYTES
    is_empty = not request.content_length and "Transfer-Encoding" not in request.headers
    return {} if is_empty else context.body.document()


VERSIONS = {"type": "object", "additionalProperties": TEXT}
LOADED = object_of(
    {"name": TEXT, "load": BOOLEAN, "versions": array_of(TEXT), "version_labels": VERSIONS, "digest": TEXT}
)
INDEX = array_of(object_of({"name": TEXT, "version": TEXT, "state": TEXT}, reason=TEXT))

PROTOCOL = Protocol(
    name="Model repository",
    position=80,
    specification="https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md",
    error=text_error,
    error_schema=TEXT_ERROR,
    routes=(
        Route(
            "POST",
            "/v2/repository/index",
            index,
            "List the versions of every model.",
            INDEX,
            error_statuses=(400, 408, 413, 415, 500),
        ),
        Route(
            "POST",
            "/v2/repository/models/{model}/load",
            load,
            "Load a new version of a model in this process; needs MODEL_LOAD.",
            LOADED,
            error_statuses=LOAD_ERRORS,
        ),
        Route(
            "POST",
            "/v2/repository/models/{model}/unload",
            unload,
            "Refused: MODEL_BUNDLE decides which models are served.",
            {"type": "object"},
            error_statuses=(400, 403, 404, 500),
        ),
    ),
)
