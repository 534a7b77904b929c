"""Tests that metadata of a picture reaches no row, log or answer; the archive keeps it or not, as set."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from shared.cli import main as command_line
from shared.local.cloud import Cloud
from tests.system.hostile.endpoints import Endpoints, Request, Upload
from tests.system.hostile.server import Server, served
from tests.system.hostile.texts import form, instances
from tests.tell_tale_pictures import TELLING, told_in

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
TOKEN = "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsInN1YiI6IjcifQ.SECRET-SIGNATURE"
"""An identity token of ada@example.org."""

ADDRESS = "203.0.113.77"


def requests_of(content: bytes, bucket: str, name: str) -> dict[str, Request]:
    """Return a picture as a request of every protocol."""
    text = base64.b64encode(content).decode()
    tensor = {"name": "i", "shape": [1], "datatype": "BYTES", "data": [text]}
    return {
        "raw": Request(content, headers={"Content-Type": "image/jpeg"}),
        "form": Request(form(b"photo.jpg", content), headers=FORM),
        "uri": Request(json.dumps({"uri": f"gs://{bucket}/{name}"}).encode(), headers=JSON),
        "TensorFlow Serving": Request(instances({"b64": text}), "/v1/models/flowers:predict", headers=JSON),
        "Vertex AI": Request(
            instances({"content": text}), "/v1/projects/p/locations/l/endpoints/7:predict", headers=JSON
        ),
        "Open Inference": Request(json.dumps({"inputs": [tensor]}).encode(), "/v2/models/flowers/infer", headers=JSON),
        "BigQuery": Request(json.dumps({"calls": [[text]]}).encode(), "/v1/bigquery:call", headers=JSON),
    }


@pytest.mark.parametrize("kind", TELLING)
def test_metadata_reaches_no_row_log_or_answer_from_any_source(endpoints: Endpoints, kind: str) -> None:
    content, name = TELLING[kind](), f"private/{kind}"
    endpoints.put(f"{name} kept", content)
    before = [len(server.lines()) for server in endpoints.servers]
    answers = [
        requests.post(f"{endpoints.request.url}{sent.path}", data=sent.body, headers=sent.headers, timeout=60)
        for sent in requests_of(content, endpoints.buckets[0], f"{name} kept").values()
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert endpoints.send(Upload(name, content)) == "predicted"
    logged = [line for server, count in zip(endpoints.servers, before, strict=True) for line in server.lines()[count:]]
    assert len(logged) >= len(answers)
    rows = endpoints.whole_rows(sha256=hashlib.sha256(content).hexdigest())
    assert len(rows) >= len(answers)
    for text in (*(answer.text for answer in answers), *logged, json.dumps(rows, default=str)):
        assert told_in(text.encode()) == []


def test_archive_keeps_the_file_unchanged(endpoints: Endpoints) -> None:
    content = TELLING["JPEG"]()
    assert endpoints.send(Upload("private/archived.jpg", content)) == "predicted"
    assert told_in(archived(endpoints, hashlib.sha256(content).hexdigest()))


@pytest.fixture(scope="module")
def stripping(endpoints: Endpoints, cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A function whose setting leaves metadata out of the archive."""
    roles = dict(zip(("UPLOAD_BUCKET", "ARCHIVE_BUCKET", "QUARANTINE_BUCKET"), endpoints.buckets, strict=True))
    settings = cloud.environment | roles | {"LOG_FORMAT": "json", "STRIP_METADATA": "true"}
    with served("classify_request", settings, tmp_path_factory.mktemp("stripping")) as server:
        yield server


@pytest.mark.parametrize("kind", TELLING)
def test_archive_has_no_metadata_with_the_setting_and_the_answer_is_the_same(
    endpoints: Endpoints, stripping: Server, kind: str
) -> None:
    content = TELLING[kind]()
    plain, bare = (
        requests.post(f"{server.url}/v1/classify", data=content, timeout=60).json()
        for server in (endpoints.request, stripping)
    )
    assert bare["candidates"] == plain["candidates"]
    assert bare["image"] == plain["image"]
    [row] = endpoints.whole_rows(prediction_id=bare["prediction_id"])
    _, _, name = row["image"]["archive_uri"].partition(f"{endpoints.buckets[1]}/")
    kept = endpoints.store.read(endpoints.store.find(endpoints.buckets[1], name).ref, 1 << 20)
    assert told_in(kept) == []
    assert hashlib.sha256(kept).hexdigest() in name


def test_caller_is_recorded_by_identity_and_never_by_token_or_address(
    endpoints: Endpoints, cloud: Cloud, tmp_path: Path
) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": ADDRESS, "Forwarded": f"for={ADDRESS}"}
    answer = requests.post(f"{endpoints.request.url}/v1/classify", data=TELLING["PNG"](), headers=headers, timeout=60)
    [row] = endpoints.whole_rows(prediction_id=answer.json()["prediction_id"])
    assert row["call"]["caller"] is None  # no IAM checks a laptop's callers, so a name could be anyone's
    written = (
        json.dumps(row, default=str) + answer.text + endpoints.request.log.read_text() + endpoints.request.errors()
    )
    assert [secret for secret in (*TOKEN.split("."), ADDRESS) if secret in written] == []


def archived(endpoints: Endpoints, sha256: str) -> bytes:
    """Return the file that is archived under a digest."""
    ref = endpoints.store.find(endpoints.buckets[1], f"{sha256[:2]}/{sha256}.jpg").ref
    return endpoints.store.read(ref, 1 << 20)


def test_command_line_prints_no_metadata(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(TELLING["JPEG"]())
    with pytest.raises(SystemExit):
        command_line(["classify", str(path), "--json"])
    output = capsys.readouterr()
    assert '"label"' in output.out
    assert told_in((output.out + output.err).encode()) == []
