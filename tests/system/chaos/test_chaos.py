"""The short version of `make chaos`: some scenarios with few images; and tests of the verdict itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.emulators.faults.record import ANSWERED, Record
from shared.local.cloud import ARCHIVE_BUCKET, QUARANTINE_BUCKET, UPLOAD_BUCKET
from shared.types import ObjectRef
from tests.system.chaos.ledger import Answer, Ledger, Put
from tests.system.chaos.order import broken_order, broken_preconditions, deleted_too_early
from tests.system.chaos.pictures import bad_file, picture
from tests.system.chaos.run import run
from tests.system.chaos.safeguards import SAFEGUARDS, Safeguard
from tests.system.chaos.scenarios import SCENARIOS
from tests.system.chaos.snapshot import Row, Snapshot
from tests.system.chaos.steps import OF_A_PICTURE
from tests.system.chaos.verdict import Verdict, judge

ROOT = Path(__file__).parents[3]
IMAGES = 12
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
PUT = Put(picture(1), ObjectRef(UPLOAD_BUCKET, picture(1).name, 1_700_000_000_000_000))
BAD = Put(bad_file(1), ObjectRef(UPLOAD_BUCKET, bad_file(1).name, 1_700_000_000_000_001))
NAME = f"{PUT.file.sha256[:2]}/{PUT.file.sha256}.png"
ROW: Row = {
    "upload_id": PUT.upload_id,
    "prediction_id": "p",
    "bucket": UPLOAD_BUCKET,
    "name": PUT.ref.name,
    "sha256": PUT.file.sha256,
    "archive_uri": f"gs://{ARCHIVE_BUCKET}/{NAME}",
}
FAILURE: Row = {
    "upload_id": BAD.upload_id,
    "name": BAD.ref.name,
    "reason": "not_an_image",
    "quarantine_uri": f"gs://{QUARANTINE_BUCKET}/{BAD.upload_id}",
}
AS_PROMISED = Snapshot(
    waiting=[],
    predicted={PUT.upload_id: [ROW]},
    rejected={BAD.upload_id: [FAILURE]},
    written=3,
    archived={NAME: PUT.file.sha256},
    quarantined={BAD.upload_id: BAD.file.sha256},
)


@pytest.mark.parametrize("name", ["killed_anywhere", "overwritten", "twice", "in_order"])
def test_chaos_loses_and_doubles_nothing(name: str, tmp_path: Path) -> None:
    result = run(BY_NAME[name], tmp_path, IMAGES, seed=1)
    assert result.verdict.complaints == []
    assert result.verdict.images_in == result.verdict.rows_out > 0


def verdict_on(snapshot: Snapshot, ledger: Ledger | None = None, **more: bool) -> Verdict:
    return judge(ledger or Ledger(puts=[PUT, BAD]), snapshot, keeps_versions=True, **more)


def test_verdict_is_empty_when_every_promise_holds() -> None:
    verdict = verdict_on(AS_PROMISED)
    assert verdict.complaints == []
    assert (verdict.images_in, verdict.predicted, verdict.rejected, verdict.repeated) == (2, 1, 1, 1)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"predicted": {}}, "lost: picture/00001.png"),
        ({"rejected": {}}, "lost: bad/00001.jpg"),
        ({"archived": {}}, "lost: the row of picture/00001.png points at"),
        ({"archived": {NAME: "0" * 64}}, "lost: the row of picture/00001.png points at"),
        ({"quarantined": {}}, "lost: bad/00001.jpg is not in quarantine"),
        ({"predicted": {PUT.upload_id: [ROW, ROW]}}, "doubled: picture/00001.png"),
        ({"predicted": {PUT.upload_id: [{**ROW, "sha256": "0" * 64}]}}, "lost: the row of picture/00001.png"),
        ({"predicted": {PUT.upload_id: [ROW], BAD.upload_id: [ROW]}}, "doubled: bad/00001.jpg"),
        ({"waiting": [PUT.ref]}, "left in the upload bucket: picture/00001.png"),
        ({"archived": {NAME: PUT.file.sha256, "0/0": "0" * 64}}, "archived, but never put in: 0/0"),
    ],
)
def test_verdict_names_each_broken_promise(change: dict[str, Any], complaint: str) -> None:
    complaints = verdict_on(replace(AS_PROMISED, **change)).complaints
    assert any(text.startswith(complaint) for text in complaints), complaints


def test_verdict_does_not_count_a_waiting_upload_as_lost() -> None:
    halfway = replace(AS_PROMISED, predicted={}, waiting=[PUT.ref])
    assert verdict_on(halfway, at_rest=False).complaints == []


def test_verdict_accepts_a_lost_overwritten_upload_only_without_versioning() -> None:
    older = Put(picture(2), replace(PUT.ref, generation=PUT.ref.generation - 1))
    ledger = Ledger(puts=[older, PUT, BAD])
    assert judge(ledger, AS_PROMISED, keeps_versions=False).superseded == 1
    assert judge(ledger, AS_PROMISED, keeps_versions=True).lost == 1


def test_verdict_requires_a_row_for_each_answer_200() -> None:
    ledger = Ledger(puts=[PUT, BAD], answers=[Answer(picture(3), 200, 0.1, None, "q")])
    assert verdict_on(AS_PROMISED, ledger).lost == 1


def requests_of_one_picture() -> list[Record]:
    objects = f"/storage/v1/b/{UPLOAD_BUCKET}/o/picture%2F00001.png"
    generation = str(PUT.ref.generation)
    requests: list[tuple[str, str, dict[str, str]]] = [
        ("GET", f"/download{objects}", {"alt": "media", "generation": generation}),
        ("POST", f"/upload/storage/v1/b/{ARCHIVE_BUCKET}/o", {"ifGenerationMatch": "0"}),
        ("POST", "/bigquery/v2/projects/local/datasets/bucketlens/tables/predictions/insertAll", {}),
        ("DELETE", objects, {"generation": generation}),
    ]
    records = [
        Record(number, "", method, path, query, 10 * number, ANSWERED, 10 * number + 5, status=200)
        for number, (method, path, query) in enumerate(requests)
    ]
    records[2].row_ids = ("p",)
    return records


def test_order_check_accepts_requests_in_the_order_of_the_design() -> None:
    records = requests_of_one_picture()
    assert list(broken_order(records, OF_A_PICTURE)) == []
    assert list(broken_preconditions(records)) == []
    assert deleted_too_early(records, PUT.ref.name, PUT.ref.generation, "p") is None


@pytest.mark.parametrize("index", [0, 1, 3])
def test_order_check_finds_a_request_without_a_generation(index: int) -> None:
    records = requests_of_one_picture()
    records[index].query = {"alt": "media"}
    assert list(broken_preconditions(records))


def unanswered(records: list[Record]) -> None:
    records[2].ended_ns = records[3].began_ns + 1


def refused(records: list[Record]) -> None:
    records[2].status = 503


def swapped(records: list[Record]) -> None:
    records[2].began_ns, records[2].ended_ns = 41, 45
    records.sort(key=lambda record: record.began_ns)


@pytest.mark.parametrize("spoil", [unanswered, refused, swapped])
def test_order_check_finds_a_delete_before_its_row(spoil: Callable[[list[Record]], None]) -> None:
    records = requests_of_one_picture()
    spoil(records)
    assert list(broken_order(records, OF_A_PICTURE))
    assert deleted_too_early(records, PUT.ref.name, PUT.ref.generation, "p")


@pytest.mark.parametrize("safeguard", SAFEGUARDS, ids=lambda safeguard: safeguard.name)
def test_safeguards_can_all_be_removed(safeguard: Safeguard) -> None:
    assert safeguard.without_it(ROOT) != (ROOT / safeguard.file).read_text("utf-8")
    assert safeguard.scenario in BY_NAME
