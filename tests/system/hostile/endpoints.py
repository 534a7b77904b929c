"""The endpoints: each sends its input to a real process, and returns the outcome in a few words."""

from __future__ import annotations

import json
import socket
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from shared.adapters.bigquery import BigQuery
from shared.adapters.gcs import CloudStorage
from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import MANIFEST
from shared.errors import InvalidBundle
from shared.settings import DEFAULT_BUNDLE
from shared.types import ObjectRef
from tests.emulators.fault_client import FaultControl
from tests.emulators.storage_parts import eventually
from tests.system.hostile.server import Server

PATIENCE_S = 60
PREDICTED = """
SELECT image.name FROM latest_predictions WHERE image.name IN UNNEST(@names) AND image.bucket IN UNNEST(@buckets)
"""
REJECTED = "SELECT name FROM rejected_uploads WHERE name IN UNNEST(@names) AND bucket IN UNNEST(@buckets)"

WHOLE = """
SELECT * FROM predictions WHERE image.sha256 IN UNNEST(@digests) OR prediction_id IN UNNEST(@ids)
"""

NO_ANSWER = "the connection is closed"

UPLOADS = b"UPLOADS"
"""Replaced by the upload bucket's name in what is sent."""


@dataclass(frozen=True)
class Request:
    """An HTTPS request."""

    body: bytes = b""
    path: str = "/v1/classify"
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """Bytes for the server's socket, piece by piece; a pause after each makes a slow client."""

    pieces: tuple[bytes, ...]
    pause_s: float = 0.0


@dataclass(frozen=True)
class Upload:
    """An object that is dropped into the upload bucket, and the event of it."""

    name: str
    content: bytes
    content_type: str = "image/jpeg"
    size_bytes: int | None = None
    """The size that the event reports; None for the true one."""


@dataclass(frozen=True)
class Event:
    """An event that is posted to ``classify_upload``; bytes are sent as they are."""

    data: Any
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StoreRequest:
    """A request to the object store."""

    method: str
    path: str
    body: bytes = b""


@dataclass(frozen=True)
class ManifestText:
    """``manifest.json`` of a bundle."""

    content: bytes


Sent = Request | Raw | Upload | Event | StoreRequest | ManifestText


@dataclass(frozen=True)
class Endpoints:
    """The processes that input is sent to."""

    request: Server
    upload: Server
    slow: Server
    """A ``classify_request`` with a short deadline for its callers."""
    storage_url: str
    store: CloudStorage
    warehouse: BigQuery
    buckets: tuple[str, str, str]
    """The upload bucket, the archive, and the quarantine."""

    def send(self, sent: Sent) -> str:
        """Send an input; return its outcome, such as ``415 not_an_image`` or ``quarantine: not_an_image``."""
        match sent:
            case Request():
                body = sent.body.replace(UPLOADS, self.buckets[0].encode())
                answer = _unchanged(sent.method, self.request.url + sent.path, body, sent.headers)
                return _outcome_of(answer.status_code, answer.content)
            case Raw():
                return _converse((self.slow if sent.pause_s else self.request).url, sent)
            case Upload():
                return self._drop(sent)
            case Event():
                return self._post_event(sent.data, sent.attributes)
            case StoreRequest():
                path = sent.path.replace(UPLOADS.decode(), self.buckets[0])
                return str(_unchanged(sent.method, self.storage_url + path, sent.body, {}).status_code)
            case ManifestText():
                return _load(sent.content)

    def bytes_were_read_of(self, name: str) -> bool:
        """Return whether an object's bytes were read: the store records its requests."""
        records = FaultControl(self.storage_url).records()
        return any(record.path == f"/download/storage/v1/b/{self.buckets[0]}/o/{quote(name, '')}" for record in records)

    @property
    def servers(self) -> tuple[Server, ...]:
        """All the servers."""
        return self.request, self.upload, self.slow

    def landed(self, names: list[str]) -> list[str]:
        """Return the names in rows of either table, as often as they occur."""
        answers = [self.warehouse.query(sql, names=names, buckets=[self.buckets[0]]) for sql in (PREDICTED, REJECTED)]
        return [str(row["name"]) for answer in answers for row in answer.rows]

    def whole_rows(self, *, sha256: str = "", prediction_id: str = "") -> list[dict[str, Any]]:
        """Return every column of the rows of a file's digest, or of a prediction."""
        return self.warehouse.query(WHOLE, digests=[sha256], ids=[prediction_id]).rows

    def put(self, name: str, content: bytes) -> ObjectRef:
        """Write an object into the upload bucket, without an event."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            ref = self.store.upload(self.buckets[0], name, Path(file.name))
        assert ref, f"there is {name} already"
        return ref

    def _drop(self, sent: Upload) -> str:
        ref = self.put(sent.name, sent.content)
        size = len(sent.content) if sent.size_bytes is None else sent.size_bytes
        data = {"bucket": ref.bucket, "name": ref.name, "generation": str(ref.generation), "size": str(size)}
        return self._post_event(data | {"contentType": sent.content_type}, {})

    def _post_event(self, data: Any, changed: dict[str, str]) -> str:
        attributes = {"id": "h-1", "source": "//storage.googleapis.com/projects/_/buckets/b", "specversion": "1.0"}
        attributes |= {"type": "google.cloud.storage.object.v1.finalized", "time": datetime.now(UTC).isoformat()}
        headers = {f"ce-{name}": value for name, value in (attributes | changed).items()}
        body = data if isinstance(data, bytes) else json.dumps(data).encode().replace(UPLOADS, self.buckets[0].encode())
        lines_before = len(self.upload.lines())
        answer = _unchanged("POST", f"{self.upload.url}/", body, {**headers, "Content-Type": "application/json"})
        if answer.status_code != 200:
            return _outcome_of(answer.status_code, answer.content)
        [line] = eventually(lambda: self.upload.lines()[lines_before:])  # one line an event, whatever is in its names
        record = json.loads(line)
        return f"quarantine: {record['reason']}" if record["outcome"] == "rejected" else str(record["outcome"])


def _unchanged(method: str, url: str, body: bytes, headers: dict[str, str]) -> requests.Response:
    """Send a request with its path as it is, not normalised."""
    with requests.Session() as session:
        prepared = session.prepare_request(requests.Request(method, url, data=body, headers=headers))
        prepared.url = url
        return session.send(prepared, timeout=PATIENCE_S)


def _outcome_of(status: int, body: bytes) -> str:
    """Return a status with the reason word of the answer, where it has one."""
    try:
        reason = json.loads(body)["error"]["reason"]
    except (ValueError, KeyError, TypeError):
        return str(status)
    return f"{status} {reason}"


def _converse(url: str, sent: Raw) -> str:
    """Send bytes piece by piece, and return what comes back."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=PATIENCE_S) as connection:
        try:
            for piece in sent.pieces:
                connection.sendall(piece)
                time.sleep(sent.pause_s)
            if not sent.pause_s:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        received = _received(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    return _outcome_of(int(head.split()[1]), body) if head else NO_ANSWER


def _received(connection: socket.socket) -> bytes:
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
            head, gap, body = received.partition(b"\r\n\r\n")
            if gap and len(body) >= _length_in(head):
                break
    except OSError:
        pass
    return received


def _length_in(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 1 << 30


def _load(content: bytes) -> str:
    with tempfile.TemporaryDirectory() as folder:
        for path in (MODELS / DEFAULT_BUNDLE).iterdir():
            (Path(folder) / path.name).symlink_to(path)
        (Path(folder) / MANIFEST).unlink()
        (Path(folder) / MANIFEST).write_bytes(content)
        try:
            load_bundle(Path(folder))
        except InvalidBundle:
            return "refused"
    return "served"
