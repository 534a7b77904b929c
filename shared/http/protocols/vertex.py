"""Vertex AI's online prediction, and the routes of a custom container on Vertex AI.

https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints/predict,
https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements. Errors are Google's:
https://cloud.google.com/apis/design/errors#http_mapping.
"""

from __future__ import annotations

from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue

from shared.http.app import ready_response
from shared.http.protocols.tensorflow_serving import INSTANCES, answer_instances
from shared.http.request_context import RequestContext
from shared.http.route import IMAGE_ERRORS, JSON, ApiError, Protocol, Route
from shared.http.schema import ANY, BOOLEAN, INTEGER, TEXT, array_of, object_of
from shared.settings import Platform

STATUS = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
"""Google's code for an HTTP status; any other 4xx is INVALID_ARGUMENT."""


def predict(context: RequestContext, project: str, location: str, endpoint: str) -> ResponseReturnValue:
    """Answer instances as an endpoint with one model does: the model of the endpoint's name, or else the default."""
    if endpoint in context.index:
        context.choose_model(endpoint)
    served = context.classifier.bundle.facts
    return jsonify(
        **answer_instances(context, context.body.document()),
        deployedModelId=str(int(served.digest[:12], 16)),
        model=f"projects/{project}/locations/{location}/models/{served.name}",
        modelDisplayName=served.name,
        modelVersionId=served.version,
    )


def predict_in_container(context: RequestContext) -> ResponseReturnValue:
    """Answer a request that Vertex AI forwards to a container; Vertex AI adds the facts of the model."""
    return jsonify(answer_instances(context, context.body.document()))


def healthy(context: RequestContext) -> ResponseReturnValue:
    """Return whether the container is ready."""
    return ready_response(context.service)


def google_error(error: ApiError) -> dict[str, Any]:
    """Return an error in the shape of Google's APIs."""
    code = error["code"]
    return {"error": {"code": code, "message": error["message"], "status": STATUS.get(code, "INVALID_ARGUMENT")}}


def routes_of_container(platform: Platform) -> list[Route]:
    """Return the routes whose paths Vertex AI sets in a container's environment; none on other platforms."""
    routes = []
    if platform.vertex_predict_route:
        routes.append(_predict(platform.vertex_predict_route, predict_in_container, {}))
    if platform.vertex_health_route:
        ready = object_of({"ready": BOOLEAN, "live": BOOLEAN})
        summary = "Is the container ready?"
        routes.append(Route("GET", platform.vertex_health_route, healthy, summary, ready, other_responses={503: ready}))
    return routes


def _predict(path: str, answer: Any, more: dict[str, Any]) -> Route:
    return Route(
        "POST",
        path,
        answer,
        "Classify instances as a Vertex AI endpoint.",
        object_of({"predictions": array_of(ANY), **more}),
        request_bodies={JSON: INSTANCES["anyOf"][0]},
        error_statuses=IMAGE_ERRORS,
    )


PROTOCOL = Protocol(
    name="Vertex AI",
    position=40,
    specification="https://cloud.google.com/vertex-ai/docs/predictions/get-online-predictions",
    error=google_error,
    error_schema=object_of({"error": object_of({"code": INTEGER, "message": TEXT, "status": TEXT})}),
    routes=(
        _predict(
            "/v1/projects/{project}/locations/{location}/endpoints/{endpoint}:predict",
            predict,
            dict.fromkeys(("deployedModelId", "model", "modelDisplayName", "modelVersionId"), TEXT),
        ),
    ),
    routes_of_platform=routes_of_container,
)
