"""The discovery document of the emulator's API; ``bq`` builds its client from it.

Format: https://developers.google.com/discovery/v1/reference/apis
"""

from __future__ import annotations

import re
from typing import Any

from shared.emulators.bigquery.api.routes import ROUTES, Route

SERVICE_PATH = "bigquery/v2/"
_UPLOAD = "/upload/bigquery/v2/projects/{+projectId}/jobs"

_GENERAL = ("alt", "fields", "key", "prettyPrint", "quotaUser", "access_token", "oauth_token", "trace")
_BODY = {"$ref": "Anything"}


def discovery_document(root: str) -> dict[str, Any]:
    """Return the discovery document of a server whose URL is ``root``, with a slash at the end."""
    resources: dict[str, Any] = {}
    for route in ROUTES:
        resource, method = route.id.split(".")
        resources.setdefault(resource, {"methods": {}})["methods"][method] = _method(route)
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": "bigquery:v2",
        "name": "bigquery",
        "version": "v2",
        "title": "BigQuery API, as far as the local warehouse has it",
        "protocol": "rest",
        "rootUrl": root,
        "servicePath": SERVICE_PATH,
        "basePath": f"/{SERVICE_PATH}",
        "baseUrl": f"{root}{SERVICE_PATH}",
        "batchPath": "batch/bigquery/v2",
        "parameters": {name: {"type": "string", "location": "query"} for name in _GENERAL},
        "schemas": {"Anything": {"id": "Anything", "type": "object", "additionalProperties": {"type": "any"}}},
        "resources": resources,
    }


def _method(route: Route) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", route.path)
    in_path = {name: {"type": "string", "location": "path", "required": True} for name in names}
    in_query = {name: {"type": _TYPES.get(name, "string"), "location": "query"} for name in route.query}
    method: dict[str, Any] = {
        "id": f"bigquery.{route.id}",
        "httpMethod": route.verb,
        "path": re.sub(r"{(\w+)}", r"{+\1}", route.path),
        "flatPath": route.path,
        "parameters": {**in_path, **in_query},
        "parameterOrder": names,
        "response": _BODY,
        "scopes": [],
    }
    if route.verb in ("POST", "PUT", "PATCH"):
        method["request"] = _BODY
    if route.id == "jobs.insert":
        # bq passes a file or None with every job, which its client refuses for a method without uploads. A file gets
        # a 404.
        method["supportsMediaUpload"] = True
        protocols = {
            "simple": {"multipart": True, "path": _UPLOAD},
            "resumable": {"multipart": True, "path": f"/resumable{_UPLOAD}"},
        }
        method["mediaUpload"] = {"accept": ["*/*"], "protocols": protocols}
    return method


_TYPES = {
    **dict.fromkeys(("maxResults", "timeoutMs"), "integer"),
    **dict.fromkeys(("all", "allUsers", "deleteContents", "autodetect_schema"), "boolean"),
    "formatOptions.useInt64Timestamp": "boolean",
}
