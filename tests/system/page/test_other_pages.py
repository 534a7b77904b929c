"""Pages of other places, in a real browser: whatever they send to a port of the local cloud, nothing happens.

A page may be of another port of this machine, of another name, or of a name of its own that leads to 127.0.0.1 (DNS
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

from shared.local.cloud import ARCHIVE_BUCKET, BEHIND_FRONT, UPLOAD_BUCKET, Cloud, new_cloud, sole_use
from shared.local.releases.ledger import SERVICES, Ledger, path_of, untouched, write
from shared.local.supervisor import Supervisor
from shared.settings import DEFAULT_BUNDLE

EVIL = "evil.example"
PATIENCE_MS = 20_000
ID = "0" * 64
FUNCTIONS = (*BEHIND_FRONT, *BEHIND_FRONT.values())
"""The fronts, and behind them the functions themselves."""
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
    """A cloud of these tests' own after a release, so that every port that `up` can open is open."""
    cloud = new_cloud(tmp_path_factory.mktemp("attacked"), DEFAULT_BUNDLE)
    released = {service: untouched(cloud, service) for service in SERVICES}
    write(path_of(cloud.folder), Ledger(released, cloud.url("classify_request")))
    supervisor = Supervisor(cloud, print, sweep_every_s=0)
    with sole_use(supervisor.cloud.folder):
        try:
            supervisor.start()
            yield supervisor.cloud
        finally:
            supervisor.stop()


@pytest.fixture(scope="module")
def evil_browser(launch: Callable[..., Browser]) -> Iterator[Browser]:
    """A browser for which a foreign name leads to this machine."""
    running = launch(f"--host-resolver-rules=MAP {EVIL} 127.0.0.1")
    yield running
    running.close()


class Pages(BaseHTTPRequestHandler):
    """Somebody's web server; it remembers what reaches it."""

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
    """Run somebody's web server; yields its port and what reached it."""
    reached: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Remembering", (Pages,), {"reached": reached}))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_port, reached
    finally:
        server.shutdown()
        server.server_close()


def sent(method: str, body: object = None, kind: str = "text/plain") -> dict[str, Any]:
    """Return options of fetch; text/plain goes without asking first."""
    content = body if body is None or isinstance(body, str) else json.dumps(body)
    return {"method": method, "headers": {"Content-Type": kind}, "body": content} if content else {"method": method}


def attacks_on(urls: Mapping[str, str]) -> list[dict[str, Any]]:
    """List what a page would like to do, by the URLs of the parts."""
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
    """List what a page would like a function to do."""
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
    """Make a page send it all; returns what it could see of the answers."""
    page.set_default_timeout(PATIENCE_MS)
    seen: list[dict[str, Any]] = page.evaluate(ATTACK, attacks)
    return seen


@pytest.fixture
def before(cloud: Cloud) -> dict[str, Any]:
    """The state, with an object to be read and deleted."""
    url = f"{cloud.url('storage')}/upload/storage/v1/b/{ARCHIVE_BUCKET}/o?uploadType=media&name=kept"
    requests.post(url, b"a secret", timeout=10).raise_for_status()
    return state_of(cloud)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", EVIL])
def test_a_page_of_another_port_or_name_reads_and_changes_nothing(
    evil_browser: Browser, cloud: Cloud, before: dict[str, Any], host: str
) -> None:
    attacks = attacks_on({part: cloud.url(part) for part in PARTS})
    page = evil_browser.new_page()
    with web_server() as (port, _):
        page.goto(f"http://{host}:{port}/")
        seen = attacked(page, attacks)
    page.close()
    assert [one for one in seen if one["text"]] == []
    assert state_of(cloud) == before


@pytest.mark.parametrize("part", PARTS)
def test_a_page_whose_name_leads_here_reads_and_changes_nothing(
    evil_browser: Browser, cloud: Cloud, before: dict[str, Any], part: str
) -> None:
    own = f"http://{EVIL}:{cloud.ports[part]}"
    parts = {name: cloud.url(name) for name in PARTS} | {part: own}
    page = evil_browser.new_page()
    page.goto(own)  # answered 403, and a page of that name all the same
    assert page.evaluate("location.origin") == own
    seen = attacked(page, attacks_on(parts))
    page.close()
    assert {one["status"] for one in seen} <= {0, 403}
    assert "secret" not in json.dumps(seen)
    assert state_of(cloud) == before


def test_the_attacks_reach_a_server_that_does_not_look(evil_browser: Browser) -> None:
    """What the tests above show to be refused does leave the browser."""
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


def test_an_uploaded_page_may_do_nothing_at_the_store(evil_browser: Browser, cloud: Cloud) -> None:
    """It would be of the store's own origin; it is shown in a sandbox, which has none."""
    storage = cloud.url("storage")
    url = f"{storage}/upload/storage/v1/b/{ARCHIVE_BUCKET}/o?uploadType=media&name=page.html"
    content = b"<title>shown</title><script>document.title = 'ran'</script>"
    requests.post(url, content, headers={"Content-Type": "text/html"}, timeout=10).raise_for_status()
    page = evil_browser.new_page()
    page.goto(f"{storage}/{ARCHIVE_BUCKET}/page.html")
    assert (page.title(), page.evaluate("self.origin")) == ("shown", "null")
    page.close()


def test_no_name_of_an_object_writes_outside_of_the_store(cloud: Cloud, tmp_path: Path) -> None:
    before = sorted(path for path in cloud.folder.parent.rglob("*") if "objects" not in path.parts)
    upload = f"{cloud.url('storage')}/upload/storage/v1/b/{ARCHIVE_BUCKET}/o?uploadType=media"
    for name in ("../../../escaped", "/etc/escaped", str(tmp_path / "escaped"), "..\\escaped", "a/../../../../escaped"):
        assert requests.post(upload, b"x", params={"name": name}, timeout=10).json()["name"] == name
    assert not list(tmp_path.rglob("*escaped*"))
    assert sorted(path for path in cloud.folder.parent.rglob("*") if "objects" not in path.parts) == before
