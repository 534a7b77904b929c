"""Pages of other origins in a real browser: nothing that they send to a port of the local cloud has an effect.

A page may be of another port of this machine, of another host, or of a host whose name resolves to 127.0.0.1 (DNS
rebinding). It may use fetch with and without CORS, forms, and pictures.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page

from shared.local.cloud import ARCHIVE_BUCKET, BEHIND_FRONT, UPLOAD_BUCKET, Cloud, folder_lock, new_cloud
from shared.local.releases.ledger import SERVICES, Ledger, path_of, unreleased, write
from shared.local.supervisor import Supervisor
from shared.settings import DEFAULT_BUNDLE

EVIL = "evil.example"
PATIENCE_MS = 20_000
ID = "0" * 64
FUNCTIONS = (*BEHIND_FRONT, *BEHIND_FRONT.values())
"""The fronts, and the functions behind them."""
PARTS = ("storage", "warehouse", "relay", *FUNCTIONS)

ATTACK = """
async (attacks) => {
  const seen = [];
  for (const {url, options, form} of attacks) {
    for (const mode of ["cors", "no-cors"]) {
      try {
        const answer = await fetch(url, {credentials: "include", ...options, mode});
        seen.push({url, status: answer.status, text: answer.type === "opaque" ? "" : await answer.text()});
      } catch (error) { seen.push({url, status: 0, text: ""}); }
    }
    if (form) {
      const frame = Object.assign(document.createElement("iframe"), {name: `f${Math.random()}`});
      const sheet = Object.assign(document.createElement("form"), {
        action: url, method: "post", enctype: form.kind, target: frame.name});
      for (const [name, value] of Object.entries(form.fields)) {
        sheet.append(Object.assign(document.createElement("input"), {name, value}));
      }
      document.body.append(frame, sheet);
      const done = new Promise((resolve) => { frame.onload = resolve; setTimeout(resolve, 3000); });
      sheet.submit();
      await done;
    }
    const picture = new Image();
    await new Promise((resolve) => { picture.onload = picture.onerror = resolve; picture.src = url; });
    seen.push({url, status: 0, text: picture.width ? "a picture" : ""});
  }
  return seen;
}
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A local cloud of these tests after a release, so that every TCP port that `up` can open is open."""
    cloud = new_cloud(tmp_path_factory.mktemp("attacked"), DEFAULT_BUNDLE)
    released = {service: unreleased(cloud, service) for service in SERVICES}
    write(path_of(cloud.folder), Ledger(released, cloud.url("classify_request")))
    supervisor = Supervisor(cloud, print, sweep_every_s=0)
    with folder_lock(supervisor.cloud.folder):
        try:
            supervisor.start()
            yield supervisor.cloud
        finally:
            supervisor.stop()


@pytest.fixture(scope="module")
def evil_browser(launch: Callable[..., Browser]) -> Iterator[Browser]:
    """A browser that resolves a foreign host name to this machine."""
    running = launch(f"--host-resolver-rules=MAP {EVIL} 127.0.0.1")
    yield running
    running.close()


class Pages(BaseHTTPRequestHandler):
    """An attacker's web server; it records the requests that reach it."""

    reached: list[str]

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.reached.append(f"{self.command} {self.path}")
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>a page</title><body>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def web_server() -> Iterator[tuple[int, list[str]]]:
    """Run an attacker's web server; yield its TCP port and the requests that reached it."""
    reached: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Remembering", (Pages,), {"reached": reached}))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_port, reached
    finally:
        server.shutdown()
        server.server_close()


def sent(method: str, body: object = None, kind: str = "text/plain") -> dict[str, Any]:
    """Return options of fetch; text/plain needs no CORS preflight."""
    content = body if body is None or isinstance(body, str) else json.dumps(body)
    return {"method": method, "headers": {"Content-Type": kind}, "body": content} if content else {"method": method}


def attacks_on(urls: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the attacks on the local cloud's parts, by their URLs."""
    storage, warehouse, relay = (urls[part] for part in ("storage", "warehouse", "relay"))
    objects = f"{storage}/storage/v1/b/{ARCHIVE_BUCKET}/o"
    upload = f"{storage}/upload/storage/v1/b/{UPLOAD_BUCKET}/o?uploadType=media&name="
    queries = f"{warehouse}/bigquery/v2/projects/local/queries"
    table = f"{warehouse}/bigquery/v2/projects/local/datasets/bucketlens/tables/predictions"
    drop = {"query": "DELETE FROM bucketlens.predictions WHERE TRUE", "useLegacySql": False}
    fields = {"key": "by-form", "file": "picture"}
    row = {"rows": [{"json": {"label": "evil"}}]}
    event = {"events": [{"id": "evil", "resource": {"bucket": UPLOAD_BUCKET, "name": "x", "generation": 1, "size": 1}}]}
    return [
        {"url": objects, "options": sent("GET")},
        {"url": f"{objects}/kept?alt=media", "options": sent("GET")},
        {"url": f"{storage}/{ARCHIVE_BUCKET}/kept", "options": sent("GET")},
        {"url": f"{upload}by-post", "options": sent("POST", "picture")},
        {"url": f"{upload}..%2F..%2F..%2Fescaped", "options": sent("POST", "picture")},
        {"url": f"{objects}/kept", "options": sent("DELETE")},
        {"url": f"{objects}/kept", "options": sent("PATCH", {"metadata": {"by": "evil"}}, "application/json")},
        {"url": f"{storage}/{UPLOAD_BUCKET}/by-put", "options": sent("PUT", "picture")},
        {
            "url": f"{storage}/{UPLOAD_BUCKET}",
            "options": sent("POST", "x"),
            "form": {"kind": "multipart/form-data", "fields": fields},
        },
        {"url": f"{storage}/storage/v1/b", "options": sent("POST", {"name": "evil-bucket"})},
        {"url": f"{storage}/_bucketlens/faults", "options": sent("POST", {"status": 500}, "application/json")},
        {"url": f"{storage}/_bucketlens/requests", "options": sent("GET")},
        {
            "url": queries,
            "options": sent("POST", drop),
            "form": {"kind": "text/plain", "fields": {'{"useLegacySql": false, "x': '": 1}'}},
        },
        {"url": table, "options": sent("DELETE")},
        {"url": table, "options": sent("GET")},
        {"url": f"{table}/insertAll", "options": sent("POST", row)},
        {"url": f"{warehouse}/_bucketlens/faults", "options": sent("POST", {"status": 500}, "application/json")},
        {"url": f"{relay}/status", "options": sent("GET")},
        {"url": f"{relay}/disorder", "options": sent("PUT", {"lost": 1}, "application/json")},
        {"url": f"{relay}/events", "options": sent("POST", event)},
        *(attack for part in FUNCTIONS for attack in attacks_on_a_function(urls[part])),
    ]


def attacks_on_a_function(url: str) -> list[dict[str, Any]]:
    """Return the attacks on a function."""
    return [
        {
            "url": f"{url}/v1/predictions/{ID}:label",
            "options": sent("POST", {"label": "daisy"}),
            "form": {"kind": "text/plain", "fields": {'{"label": "daisy", "note': '": ""}'}},
        },
        {"url": f"{url}/v1/classify", "options": sent("POST", "no picture, and a row in failures")},
        {"url": f"{url}/", "options": sent("POST", {"bucket": UPLOAD_BUCKET, "name": "x"}, "application/json")},
    ]


def state_of(cloud: Cloud) -> dict[str, Any]:
    """Return everything that an attack could change."""
    storage, warehouse, relay = (cloud.url(part) for part in ("storage", "warehouse", "relay"))
    buckets = [bucket["name"] for bucket in requests.get(f"{storage}/storage/v1/b", timeout=10).json()["items"]]
    queries = f"{warehouse}/bigquery/v2/projects/local/queries"
    tables = ("predictions", "failures", "labels")
    counts: list[dict[str, Any]] = [
        {"query": f"SELECT COUNT(*) FROM bucketlens.{table}", "useLegacySql": False} for table in tables
    ]
    faults = [requests.get(f"{url}/_bucketlens/faults", timeout=10).json() for url in (storage, warehouse)]
    return {
        "objects": {
            bucket: requests.get(f"{storage}/storage/v1/b/{bucket}/o?versions=true", timeout=10).json()["items"]
            for bucket in buckets
        },
        "rows": [requests.post(queries, json=query, timeout=10).json()["rows"] for query in counts],
        "faults": faults,
        "disorder": requests.get(f"{relay}/disorder", timeout=10).json(),
        "events": requests.get(f"{relay}/status", timeout=10).json(),
        "outside": sorted(str(path) for path in cloud.folder.parent.rglob("*escaped*")),
    }


def attacked(page: Page, attacks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make a page send all attacks; return what it can see of the answers."""
    page.set_default_timeout(PATIENCE_MS)
    seen: list[dict[str, Any]] = page.evaluate(ATTACK, attacks)
    return seen


@pytest.fixture
def before(cloud: Cloud) -> dict[str, Any]:
    """Return the state, with an object to be read and deleted."""
    url = f"{cloud.url('storage')}/upload/storage/v1/b/{ARCHIVE_BUCKET}/o?uploadType=media&name=kept"
    requests.post(url, b"a secret", timeout=10).raise_for_status()
    return state_of(cloud)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", EVIL])
def test_other_page_by_port_or_name_reads_and_changes_nothing(
    evil_browser: Browser, cloud: Cloud, before: dict[str, Any], host: str
) -> None:
    attacks = attacks_on({part: cloud.url(part) for part in PARTS})
    page = evil_browser.new_page()
    with web_server() as (port, _):
        page.goto(f"http://{host}:{port}/")
        seen = attacked(page, attacks)
    page.close()
    assert [answer for answer in seen if answer["text"]] == []
    assert state_of(cloud) == before


@pytest.mark.parametrize("part", PARTS)
def test_other_page_by_dns_rebinding_reads_and_changes_nothing(
    evil_browser: Browser, cloud: Cloud, before: dict[str, Any], part: str
) -> None:
    own = f"http://{EVIL}:{cloud.ports[part]}"
    parts = {name: cloud.url(name) for name in PARTS} | {part: own}
    page = evil_browser.new_page()
    page.goto(own)  # answered 403, and a page of that name all the same
    assert page.evaluate("location.origin") == own
    seen = attacked(page, attacks_on(parts))
    page.close()
    assert {answer["status"] for answer in seen} <= {0, 403}
    assert "secret" not in json.dumps(seen)
    assert state_of(cloud) == before


def test_other_page_attacks_succeed_on_an_unguarded_server(evil_browser: Browser) -> None:
    """Guards the tests above: the browser does send the requests that they show to be refused."""
    page = evil_browser.new_page()
    with web_server() as (port, _), web_server() as (victim, reached):
        page.goto(f"http://{EVIL}:{port}/")
        attacked(page, attacks_on(dict.fromkeys(PARTS, f"http://127.0.0.1:{victim}")))
        by_fetch = [request for request in reached if request.startswith("POST ")]
        page.goto(f"http://{EVIL}:{victim}/")
        attacked(page, attacks_on(dict.fromkeys(PARTS, f"http://{EVIL}:{victim}")))
    page.close()
    assert any("by-post" in request for request in by_fetch)
    assert by_fetch.count(f"POST /{UPLOAD_BUCKET}") >= 2, "by fetch, and by form"
    assert {request.split()[0] for request in reached} == {"GET", "POST", "PUT", "PATCH", "DELETE"}


def test_uploaded_page_can_do_nothing_at_the_store(evil_browser: Browser, cloud: Cloud) -> None:
    """Such a page would have the store's origin; it is served in a sandbox without an origin."""
    storage = cloud.url("storage")
    url = f"{storage}/upload/storage/v1/b/{ARCHIVE_BUCKET}/o?uploadType=media&name=page.html"
    content = b"<title>shown</title><script>document.title = 'ran'</script>"
    requests.post(url, content, headers={"Content-Type": "text/html"}, timeout=10).raise_for_status()
    page = evil_browser.new_page()
    page.goto(f"{storage}/{ARCHIVE_BUCKET}/page.html")
    assert (page.title(), page.evaluate("self.origin")) == ("shown", "null")
    page.close()


def test_object_name_cannot_write_outside_of_the_store(cloud: Cloud, tmp_path: Path) -> None:
    before = sorted(path for path in cloud.folder.parent.rglob("*") if "objects" not in path.parts)
    upload = f"{cloud.url('storage')}/upload/storage/v1/b/{ARCHIVE_BUCKET}/o?uploadType=media"
    for name in ("../../../escaped", "/etc/escaped", str(tmp_path / "escaped"), "..\\escaped", "a/../../../../escaped"):
        assert requests.post(upload, b"x", params={"name": name}, timeout=10).json()["name"] == name
    assert not list(tmp_path.rglob("*escaped*"))
    assert sorted(path for path in cloud.folder.parent.rglob("*") if "objects" not in path.parts) == before
