"""As much of Google's APIs as ``doctor`` reads, on 127.0.0.1: a project as it is told; every exchange is kept."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shared.operations.doctor.apis import FIRST, LATER
from tests.emulators.contract.recording_server import recording_server
from tests.emulators.contract.wire import Exchange

PROJECT = "my-project"
VERSIONS = {
    "cloudbilling": "v1",
    "cloudresourcemanager": "v3",
    "orgpolicy": "v2",
    "run": "v1",
    "serviceusage": "v1",
    "www": "v2",
}
Document = dict[str, Any]


@dataclass
class FakeGoogle:
    """A project for which all is fine."""

    state: str = "ACTIVE"
    is_billed: bool = True
    apis: set[str] = field(default_factory=lambda: {*FIRST, *LATER})
    lacking: set[str] = field(default_factory=set)
    policies: dict[str, list[Document]] = field(default_factory=dict)
    """Rules by constraint."""
    regions: tuple[str, ...] = ("europe-west1", "europe-west4", "us-central1")
    limits: dict[str, dict[str | None, int]] = field(
        default_factory=lambda: {
            "run.googleapis.com/cpu_allocation": {None: 20_000, "europe-west1": 200_000},
            "run.googleapis.com/mem_allocation": {None: 40 << 30},
            "cloudbuild.googleapis.com/concurrent_public_pool_build_cpus": {None: 10},
            "cloudbuild.googleapis.com/concurrent_private_pool_build_cpus": {None: 0},
        }
    )
    email: str | None = "ada@example.com"
    refusals: dict[str, tuple[int, Document]] = field(default_factory=dict)
    """Instead of an answer, by the API's name."""
    exchanges: dict[str, list[Exchange]] = field(default_factory=dict)
    """By API; the path is that at Google."""

    def answer(self, api: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Document]:
        if api in self.refusals:
            return copy.deepcopy(self.refusals[api])
        match api, path.split("/")[2:]:
            case "cloudresourcemanager", ["projects", name] if name.endswith(":testIamPermissions"):
                return 200, {
                    "permissions": [
                        permission for permission in json.loads(body)["permissions"] if permission not in self.lacking
                    ]
                }
            case "cloudresourcemanager", ["projects", name]:
                return 200, {"name": "projects/123", "projectId": name, "state": self.state}
            case "cloudbilling", ["projects", name, "billingInfo"]:
                return 200, {"projectId": name, "billingEnabled": self.is_billed}
            case "serviceusage", ["projects", _, "services:batchGet"]:
                return 200, {"services": [self._service(name) for name in query["names"]]}
            case "serviceusage", ["projects", _, "services", service, "consumerQuotaMetrics"]:
                return 200, self._page(service, query.get("pageToken"))
            case "run", ["projects", name, "locations"]:
                locations = [
                    {"name": f"projects/{name}/locations/{region}", "locationId": region} for region in self.regions
                ]
                return 200, {"locations": locations}
            case "orgpolicy", ["projects", name, "policies", policy]:
                rules = self.policies.get(policy.removesuffix(":getEffectivePolicy"), [])
                return 200, {"name": f"projects/{name}/policies/x", "spec": {"rules": rules}}
            case "www", ["v2", "userinfo"]:
                return (200, {"email": self.email}) if self.email else (401, {"error": {"code": 401, "message": "no"}})
        raise AssertionError(f"nobody asks {api} for {path}")

    def _service(self, name: str) -> Document:
        api = name.rsplit("/", 1)[1].removesuffix(".googleapis.com")
        return {"name": name, "state": "ENABLED" if api in self.apis else "DISABLED"}

    def _page(self, service: str, token: list[str] | None) -> Document:
        """Quotas come one to a page, as they may."""
        names = [name for name in self.limits if name.startswith(service)]
        number = int(token[0]) if token else 0
        buckets = [
            {"effectiveLimit": str(amount)} | ({"dimensions": {"region": region}} if region else {})
            for region, amount in self.limits[names[number]].items()
        ]
        metric = {"metric": names[number], "consumerQuotaLimits": [{"quotaBuckets": buckets}]}
        return {"metrics": [metric]} | ({"nextPageToken": str(number + 1)} if number + 1 < len(names) else {})


@contextmanager
def running(google: FakeGoogle) -> Iterator[str]:
    """Serve it for the length of the block; yields its URL."""

    def respond(_method: str, target: str, body: bytes) -> tuple[int, Document]:
        url = urlsplit(target)
        api, path = api_and_path(url.path)
        return google.answer(api, path, parse_qs(url.query), body)

    def keep(exchange: Exchange) -> None:
        api, target = api_and_path(exchange.target)
        google.exchanges.setdefault(api, []).append(replace(exchange, target=target))

    with recording_server(respond, keep) as url:
        yield url


def api_and_path(target: str) -> tuple[str, str]:
    """Return the API that a target begins with, and the rest, which is the target at Google."""
    api, _, path = target.removeprefix("/").partition("/")
    return api, f"/{path}"


def refusal(status: int, reason: str, **metadata: str) -> tuple[int, Document]:
    """Return an error as Google writes it (https://cloud.google.com/apis/design/errors#error_info)."""
    detail = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": metadata,
    }
    return status, {"error": {"code": status, "message": "secret words of Google", "status": "X", "details": [detail]}}
