"""The model repository extension of Triton, which KServe has too: what is served, and taking up a new version of it.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md. What is served
is what ``MODEL_BUNDLE`` names: ``load`` reads those places again, for this process only, and nothing is unloaded.
"""

from __future__ import annotations

from typing import Any, NoReturn

from flask import jsonify
from flask.typing import ResponseReturnValue

from shared.errors import BadRequest, Misconfigured
from shared.http.read_body import optional_object
from shared.http.request_context import RequestContext
from shared.http.route import TEXT_ERROR, Protocol, Route, text_error
from shared.http.schema import TEXT, YES_OR_NO, several, things
from shared.logs import log

MAX_BODY_BYTES = 16 * 1024
OF_LOADING = (400, 403, 404, 408, 413, 415, 422, 500, 503)
"""The statuses of a load that is refused; 429, while another is under way, any route may answer."""


def index(context: RequestContext) -> ResponseReturnValue:
    """List every version of every model that is served; with ``{"ready": true}`` only those that can be asked."""
    wants_ready = _body(context).get("ready") is True
    context.service.prepare_in_background()
    is_ready, served = context.service.is_ready, context.service.bundles
    if wants_ready and not is_ready:
        return jsonify([])
    state = {"state": "READY"} if is_ready else {"state": "UNAVAILABLE", "reason": "loading"}
    return jsonify([{"name": name, "version": one, **state} for name in served.names for one in served.versions(name)])


def load(context: RequestContext, model: str) -> ResponseReturnValue:
    """Serve what lies at the model's places now; if that cannot be served, go on with what there is."""
    _allow(context)
    if optional_object(_body(context), "parameters"):
        raise BadRequest("There are parameters, expected none: a bundle's manifest says all that there is to a model.")
    context.choose_model(model)
    model = context.service.bundles.name_of(model)
    try:
        served = context.service.load(model)
    except Misconfigured as error:
        log.error(f"{model} was not loaded: {error}", extra={"fields": {"outcome": "not_loaded", "model": model}})
        raise BadRequest(
            f"What lies at the places of the model {model!r} cannot be served ({len(error.faults)} faults, which the "
            "log names); what was served is served still.",
            422,
        ) from error
    return jsonify(
        name=model,
        load=True,
        versions=served.versions(model),
        version_labels=served.labels(model),
        digest=served.find(model).digest,
    )


def unload(context: RequestContext, model: str) -> NoReturn:
    """Refuse: a process that has no model could only be unready."""
    _allow(context)
    context.choose_model(model)
    raise BadRequest("No model is unloaded here; take it out of MODEL_BUNDLE, and deploy.")


def _allow(context: RequestContext) -> None:
    if not context.service.settings.model_load:
        raise BadRequest("This service loads models when it starts only; MODEL_LOAD=true would allow it.", 403)


def _body(context: RequestContext) -> dict[str, Any]:
    """Return the body's JSON object; without a body an empty one."""
    request = context.request
    request.max_content_length = MAX_BODY_BYTES
    is_empty = not request.content_length and "Transfer-Encoding" not in request.headers
    return {} if is_empty else context.body.document()


VERSIONS = {"type": "object", "additionalProperties": TEXT}
LOADED = things(
    {"name": TEXT, "load": YES_OR_NO, "versions": several(TEXT), "version_labels": VERSIONS, "digest": TEXT}
)
INDEX = several(things({"name": TEXT, "version": TEXT, "state": TEXT}, reason=TEXT))

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
            refuses=(400, 408, 413, 415, 500),
        ),
        Route(
            "POST",
            "/v2/repository/models/{model}/load",
            load,
            "Take up a new version of a model, in this process, where MODEL_LOAD is set.",
            LOADED,
            refuses=OF_LOADING,
        ),
        Route(
            "POST",
            "/v2/repository/models/{model}/unload",
            unload,
            "Refused: what MODEL_BUNDLE names is served.",
            {"type": "object"},
            refuses=(400, 403, 404, 500),
        ),
    ),
)
