"""Cross-site requests: every route admits programs and the service's own pages, and refuses pages of other sites."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import functions_framework
import pytest
from werkzeug.test import TestResponse

from shared.http.router import PROTOCOLS
from tests.functions.paths import CLASSIFY_UPLOAD
from tests.http.conftest import MakeClient
from tests.worlds import World

HOST = "images.example.com"
PARTS = {"model": "flowers", "version": "1", "label": "stable", "id": "ab" * 32} | dict.fromkeys(
    ("project", "location", "endpoint"), "p"
)
ROUTES = [(route.method, route.path.format(**PARTS)) for protocol in PROTOCOLS for route in protocol.routes]
WRITES = [path for method, path in ROUTES if method != "GET"]
READS = [path for method, path in ROUTES if method == "GET"]

OTHER_SITES: dict[str, dict[str, str]] = {
    "a script or a form of another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "another service of the same domain": {"Sec-Fetch-Site": "same-site", "Origin": "https://other.example.com"},
    "a form in a browser without Sec-Fetch-Site": {"Origin": "https://evil.example"},
    "a page of the same name at another port": {"Origin": f"https://{HOST}:8443"},
    "a page without an origin": {"Origin": "null"},
    "another site with our name in a path": {"Origin": f"https://evil.example/{HOST}"},
    "another site whose name begins as ours": {"Origin": f"https://{HOST}.evil.example"},
    "another site with our name as its user": {"Origin": f"https://{HOST}@evil.example"},
    "two origins": {"Origin": f"https://{HOST}, https://evil.example"},
    "an origin that is none": {"Origin": "https://[evil"},
    "a value that no browser sends": {"Sec-Fetch-Site": "trust-me"},
}
OWN: dict[str, dict[str, str]] = {
    "a program": {},
    "the service's own page": {"Sec-Fetch-Site": "same-origin", "Origin": f"https://{HOST}"},
    "its page behind a proxy that has another name": {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:1"},
    "its page in a browser without Sec-Fetch-Site": {"Origin": f"https://{HOST}"},
    "its page over plain HTTP": {"Origin": f"http://{HOST}"},
    "a request that a person typed": {"Sec-Fetch-Site": "none"},
}


def refusal_in(answer: TestResponse) -> str:
    """Return the message of an error in any protocol; empty for an answer that is not an error."""
    document: Any = answer.get_json() if answer.status_code >= 400 else {}
    error = document.get("error", document.get("errorMessage", ""))
    return str(error["message"] if isinstance(error, dict) else error)


def is_refused(answer: TestResponse) -> bool:
    """Return whether an answer is a refusal because of the page's site or the Host header."""
    message = refusal_in(answer)
    return answer.status_code == 403 and ("another site" in message or "name of this service" in message)


@pytest.mark.parametrize("sender", OTHER_SITES)
def test_cross_site_writes_are_refused_by_every_route(client_with: MakeClient, sender: str) -> None:
    client = client_with(ALLOWED_HOSTS="")
    for path in WRITES:
        answer = client.post(path, data=b"{}", headers={"Host": HOST, **OTHER_SITES[sender]})
        assert is_refused(answer), path


@pytest.mark.parametrize("sender", OWN)
def test_cross_site_check_admits_programs_and_own_pages_to_every_route(client_with: MakeClient, sender: str) -> None:
    client = client_with(ALLOWED_HOSTS="")
    for method, path in ROUTES:
        assert not is_refused(client.open(path, method=method, headers={"Host": HOST, **OWN[sender]})), path


def test_cross_site_reads_are_answered_without_cors_headers(client_with: MakeClient) -> None:
    """It changes nothing, and without CORS headers the other page cannot read the answer."""
    client = client_with(ALLOWED_HOSTS="")
    for path in READS:
        answer = client.get(path, headers={"Host": HOST, **OTHER_SITES["a script or a form of another site"]})
        assert not is_refused(answer), path
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "PROPFIND"])
def test_cross_site_check_includes_methods_that_no_route_has(client_with: MakeClient, method: str) -> None:
    headers = {"Host": HOST, "Sec-Fetch-Site": "cross-site"}
    assert is_refused(client_with(ALLOWED_HOSTS="").open("/v1/classify", method=method, headers=headers))


def test_cross_site_check_guards_an_event_function(
    world: World, with_environment: Callable[[dict[str, str]], None]
) -> None:
    with_environment(world.environment)
    client = functions_framework.create_app("classify_upload", str(CLASSIFY_UPLOAD), "cloudevent").test_client()
    assert is_refused(client.post("/", data=b"{}", headers={"Origin": "https://evil.example"}))


@pytest.mark.parametrize("name", ["evil.example", "evil.example:8080", "localhost.evil.example", "localhost@evil", "["])
def test_host_that_is_not_the_services_is_refused_by_every_route(client_with: MakeClient, name: str) -> None:
    """A page whose host name resolves to the service (DNS rebinding) is of the same origin; only ``Host`` differs."""
    client = client_with(ALLOWED_HOSTS="localhost, 127.0.0.1:8080,[::1]")
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": f"http://{name}"}
    for method, path in ROUTES:
        if "/v2/health/" not in path:
            environ = {"HTTP_HOST": name}
            assert is_refused(client.open(path, method=method, headers=headers, environ_overrides=environ)), path


@pytest.mark.parametrize(
    ("name", "is_fine"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("localhost:8080", True),
        ("localhost:1", True),
        ("127.0.0.1:8080", True),
        ("127.0.0.1:8081", False),
        ("127.0.0.1", False),
        ("[::1]", True),
        ("[::1]:9000", True),
        ("localhost:", False),
        ("localhost:x", False),
    ],
)
def test_host_is_allowed_at_any_port_unless_listed_with_one(client_with: MakeClient, name: str, is_fine: bool) -> None:
    client = client_with(ALLOWED_HOSTS="localhost,127.0.0.1:8080,[::1]")
    answer = client.get("/v1/models", environ_overrides={"HTTP_HOST": name})
    assert (answer.status_code == 200) is is_fine


def test_host_of_probes_is_not_checked(client_with: MakeClient) -> None:
    """Kubernetes probes a container by its IP address."""
    client = client_with(ALLOWED_HOSTS="images.example.com")
    assert client.get("/v2/health/live", headers={"Host": "10.0.0.7:8080"}).status_code == 200


def test_cross_site_refusal_has_its_reason_and_message(client_with: MakeClient) -> None:
    client = client_with(ALLOWED_HOSTS="images.example.com")
    page = client.post("/v1/classify", headers={"Host": HOST, "Origin": "https://evil.example"}).get_json()["error"]
    name = client.post("/v1/classify", headers={"Host": "evil.example"}).get_json()["error"]
    assert (page["code"], page["reason"]) == (403, "cross_site")
    assert "'https://evil.example'" in page["message"]
    assert (name["code"], name["reason"]) == (403, "unknown_host")
    assert "'evil.example'" in name["message"]
