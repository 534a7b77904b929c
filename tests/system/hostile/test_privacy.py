"""What a picture's file tells of people reaches no row, no log and no answer; the archive keeps it, or not, as set."""

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
from tests.system.hostile.doors import Doors, Request, Upload
from tests.system.hostile.server import Server, served
from tests.system.hostile.texts import form, instances
from tests.tell_tale_pictures import TELLING, told_in

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
TOKEN = "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsInN1YiI6IjcifQ.SECRET-SIGNATURE"
"""An identity token of ada@example.org."""

ADDRESS = "203.0.113.77"


def doors_of(content: bytes, bucket: str, name: str) -> dict[str, Request]:
    """Return a picture as every protocol's request."""
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
def test_metadata_reaches_no_row_log_or_answer_from_any_source(doors: Doors, kind: str) -> None:
    content, name = TELLING[kind](), f"private/{kind}"
    doors.put(f"{name} kept", content)
    before = [len(server.lines()) for server in doors.servers]
    answers = [
        requests.post(f"{doors.request.url}{sent.path}", data=sent.body, headers=sent.headers, timeout=60)
        for sent in doors_of(content, doors.buckets[0], f"{name} kept").values()
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert doors.send(Upload(name, content)) == "predicted"
    logged = [line for server, count in zip(doors.servers, before, strict=True) for line in server.lines()[count:]]
    assert len(logged) >= len(answers)
    rows = doors.whole_rows(sha256=hashlib.sha256(content).hexdigest())
    assert len(rows) >= len(answers)
    for text in (*(answer.text for answer in answers), *logged, json.dumps(rows, default=str)):
        assert told_in(text.encode()) == []


def test_archive_keeps_the_file_unchanged(doors: Doors) -> None:
    content = TELLING["JPEG"]()
    assert doors.send(Upload("private/archived.jpg", content)) == "predicted"
    assert told_in(archived(doors, hashlib.sha256(content).hexdigest()))


@pytest.fixture(scope="module")
def stripping(doors: Doors, cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A function whose setting says that metadata is not archived."""
    roles = dict(zip(("UPLOAD_BUCKET", "ARCHIVE_BUCKET", "QUARANTINE_BUCKET"), doors.buckets, strict=True))
    settings = cloud.environment | roles | {"LOG_FORMAT": "json", "STRIP_METADATA": "true"}
    with served("classify_request", settings, tmp_path_factory.mktemp("stripping")) as server:
        yield server


@pytest.mark.parametrize("kind", TELLING)
def test_archive_has_no_metadata_with_the_setting_and_the_answer_is_the_same(
    doors: Doors, stripping: Server, kind: str
) -> None:
    content = TELLING[kind]()
    plain, bare = (
        requests.post(f"{server.url}/v1/classify", data=content, timeout=60).json()
        for server in (doors.request, stripping)
    )
    assert bare["candidates"] == plain["candidates"]
    assert bare["image"] == plain["image"]
    [row] = doors.whole_rows(prediction_id=bare["prediction_id"])
    _, _, name = row["image"]["archive_uri"].partition(f"{doors.buckets[1]}/")
    kept = doors.store.read(doors.store.find(doors.buckets[1], name).ref, 1 << 20)
    assert told_in(kept) == []
    assert hashlib.sha256(kept).hexdigest() in name


def test_caller_is_recorded_by_identity_and_never_by_token_or_address(
    doors: Doors, cloud: Cloud, tmp_path: Path
) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": ADDRESS, "Forwarded": f"for={ADDRESS}"}
    answer = requests.post(f"{doors.request.url}/v1/classify", data=TELLING["PNG"](), headers=headers, timeout=60)
    [row] = doors.whole_rows(prediction_id=answer.json()["prediction_id"])
    assert row["call"]["caller"] is None  # no IAM stands before a laptop: whoever says who they are may be anybody
    told = json.dumps(row, default=str) + answer.text + doors.request.log.read_text() + doors.request.errors()
    assert [secret for secret in (*TOKEN.split("."), ADDRESS) if secret in told] == []


def archived(doors: Doors, sha256: str) -> bytes:
    """Return the file that is archived under a digest."""
    ref = doors.store.find(doors.buckets[1], f"{sha256[:2]}/{sha256}.jpg").ref
    return doors.store.read(ref, 1 << 20)


def test_command_line_prints_no_metadata(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(TELLING["JPEG"]())
    with pytest.raises(SystemExit):
        command_line(["classify", str(path), "--json"])
    said = capsys.readouterr()
    assert '"label"' in said.out
    assert told_in((said.out + said.err).encode()) == []
