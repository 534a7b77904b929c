"""The part of Cloud Run's Admin API that a release uses, in memory; every exchange is kept to be checked later."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.emulators.contract.recording_server import recording_server
from tests.emulators.contract.wire import Exchange

PLACE = "projects/p/locations/europe-west1"
DIGEST = "europe-docker.pkg.dev/p/bucketlens/serving@sha256:"
BY_NAME, LATEST = (f"TRAFFIC_TARGET_ALLOCATION_TYPE_{kind}" for kind in ("REVISION", "LATEST"))
KINDS = {2: BY_NAME, 1: LATEST}
SUCCEEDED, FAILED = "CONDITION_SUCCEEDED", "CONDITION_FAILED"


class FakeCloudRun:
    """Services as Terraform leaves them: one revision, and all traffic to the latest."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.broken: set[str] = set()
        """Images that do not start."""
        self.refuses_with: int | None = None
        self.services: dict[str, dict[str, Any]] = {}
        self.revisions: dict[str, list[dict[str, Any]]] = {}
        self.jobs: dict[str, dict[str, Any]] = {"classify-backlog": _job()}
        self.runs: list[dict[str, Any]] = []
        for name in ("classify-upload", "classify-request"):
            template = {"containers": [{"image": f"{DIGEST}{'0' * 64}", "env": []}], "serviceAccount": "s@p"}
            service: dict[str, Any] = {"name": f"{PLACE}/services/{name}", "template": template, "generation": "0"}
            self.services[name], self.revisions[name] = service, []
            self._make_revision(name)
            service["traffic"] = [{"type": LATEST, "percent": 100}]

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, dict[str, Any]]:
        url = urlsplit(target)
        document = json.loads(body) if body else {}
        if self.refuses_with:
            return self.refuses_with, {"error": {"code": self.refuses_with, "message": "as set", "status": "X"}}
        kind, name, rest = re.fullmatch(rf"/v2/{PLACE}/(\w+)/([\w-]+)(.*)", url.path).groups()  # type: ignore[union-attr]
        if kind == "services" and name not in self.services:
            return 404, {"error": {"code": 404, "message": f"no service {name}", "status": "NOT_FOUND"}}
        match method, kind, rest:
            case "GET", "services", "":
                return 200, self.services[name]
            case "GET", "services", "/revisions":
                return 200, {"revisions": self.revisions[name][::-1]}
            case "PATCH", "services", "":
                return self._patch(name, document, parse_qs(url.query)["updateMask"][0].split(","))
            case "GET", "jobs", "":
                return 200, self.jobs[name]
            case "PATCH", "jobs", "":
                self.jobs[name] = _named(document)
                return 200, _done("Job", self.jobs[name])
            case "POST", "jobs", ":run":
                self.runs.append(self.jobs[name])
                run = {"name": f"{PLACE}/jobs/{name}/executions/{name}-abcde"}
                return 200, _done("Execution", run)
        raise AssertionError(f"a release does not call {method} {target}")

    def changed_by_terraform(self, name: str, memory: str) -> None:
        """Make a revision with another memory size; the traffic is not changed."""
        self.services[name]["template"]["containers"][0]["resources"] = {"limits": {"memory": memory}}
        self._make_revision(name)

    def _patch(self, name: str, document: dict[str, Any], mask: list[str]) -> tuple[int, dict[str, Any]]:
        service = self.services[name]
        if document["etag"] != service["etag"]:
            return 409, {"error": {"code": 409, "message": "etag", "status": "ABORTED"}}
        document = _named(document)
        for field in mask:
            service[field] = document.get(field, [])
        if "template" in mask:
            self._make_revision(name)
        self._count(service)
        if service["latestReadyRevision"] != service["latestCreatedRevision"]:
            message = "The user-provided container failed to start."
            return 200, {"name": f"{PLACE}/operations/o", "done": True, "error": {"code": 9, "message": message}}
        return 200, _done("Service", service)

    def _make_revision(self, name: str) -> None:
        service, revisions = self.services[name], self.revisions[name]
        template = service["template"]
        full = f"{PLACE}/services/{name}/revisions/{name}-{len(revisions) + 1:05}-abc"
        is_ready = template["containers"][0]["image"] not in self.broken
        condition = {"type": "Ready", "state": SUCCEEDED if is_ready else FAILED}
        made = {"name": full, "containers": copy.deepcopy(template["containers"]), "conditions": [condition]}
        made |= {"labels": dict(template["labels"])} if template.get("labels") else {}
        revisions.append({**made, "createTime": "2026-11-21T12:00:00Z"})
        service["latestCreatedRevision"] = full
        if is_ready:
            service["latestReadyRevision"] = full
        self._count(service)

    def _count(self, service: dict[str, Any]) -> None:
        service["generation"] = str(int(service["generation"]) + 1)
        service["etag"] = f'"{service["generation"]}"'


@contextmanager
def running(cloud_run: FakeCloudRun) -> Iterator[str]:
    """Serve the API during the block, and yield its URL."""

    with recording_server(cloud_run.answer, cloud_run.exchanges.append) as url:
        yield url


def with_names(exchange: Exchange) -> Exchange:
    """Return an exchange as the discovery document describes it.

    Google's own REST transport sends enumerations as numbers, and declares that in ``$alt``, which is undocumented.
    """
    url = urlsplit(exchange.target)
    query = "&".join(part for part in url.query.split("&") if not part.startswith("%24alt="))
    target = url._replace(query=query).geturl()
    body = json.dumps(_named(json.loads(exchange.body))).encode() if exchange.body else b""
    return Exchange(exchange.method, target, exchange.headers, body, exchange.status, {}, exchange.answer)


def _named(document: dict[str, Any]) -> dict[str, Any]:
    traffic = [{**target, "type": KINDS[target["type"]]} for target in document.get("traffic", [])]
    return {**document, "traffic": traffic} if traffic else document


def _done(kind: str, document: dict[str, Any]) -> dict[str, Any]:
    response = {"@type": f"type.googleapis.com/google.cloud.run.v2.{kind}", **document}
    return {"name": f"{PLACE}/operations/o", "done": True, "response": response}


def _job() -> dict[str, Any]:
    env = [{"name": "ARCHIVE_BUCKET", "value": "p-archive"}, {"name": "MODEL_BUNDLE", "value": "flowers_v1"}]
    task = {"containers": [{"image": f"{DIGEST}{'0' * 64}", "env": env}], "serviceAccount": "backlog@p"}
    return {"name": f"{PLACE}/jobs/classify-backlog", "template": {"taskCount": 1, "template": task}}
