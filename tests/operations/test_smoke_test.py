"""The smoke test, against the local cloud with a golden set that is made here: it must fail where it should."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from shared.adapters.bigquery import BigQuery
from shared.adapters.gcs import CloudStorage
from shared.cli.smoke import command
from shared.errors import BadRequest
from shared.local.cloud import DATASET, PROJECT, Cloud, folder_lock
from shared.local.demo.drawings import drawings
from shared.operations.smoke_test import Answer, Demands, Figures, golden_set, least_pictures, measure, row_of
from shared.release.confidence_bounds import wilson_interval

PROBES = "SELECT DISTINCT call.source FROM predictions WHERE call.is_probe"
REVISIONS = ("--upload-revision=classify-upload-local", "--request-revision=classify-request-local")


@pytest.fixture(scope="module")
def store(cloud: Cloud) -> CloudStorage:
    return CloudStorage(PROJECT, 20, endpoint=cloud.url("storage"))


@pytest.fixture(scope="module")
def golden(store: CloudStorage, tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, str]], str]:
    """Return a maker of golden sets: drawings by the label that they are filed under."""
    folder = tmp_path_factory.mktemp("golden")
    bucket = f"golden-{uuid.uuid4().hex[:10]}"
    store.create_bucket(bucket)

    def make(filed_under: dict[str, str]) -> str:
        name = uuid.uuid4().hex[:6]
        for drawn, label in filed_under.items():
            path = folder / f"{drawn}.jpg"
            drawings()[drawn].save(path, quality=92)
            assert store.upload(bucket, f"{name}/{label}/{drawn}.jpg", path)
        return f"gs://{bucket}/{name}"

    return make


@pytest.fixture(scope="module")
def right(golden: Callable[[dict[str, str]], str]) -> str:
    return golden({label: label for label in drawings()})


def smoke(cloud: Cloud, *arguments: str) -> Result:
    """Test the session's local cloud by its folder."""
    cloud.save()
    least = (
        () if any("--min-accuracy" in argument for argument in arguments) else ("--min-accuracy=0.6",)
    )  # of five pictures
    with folder_lock(cloud.folder):
        return CliRunner().invoke(
            command, ["--folder", str(cloud.folder), "--timeout=20", *least, *arguments], env={"COLUMNS": "200"}
        )


def test_smoke_test_passes_a_deployment_that_works(cloud: Cloud, right: str) -> None:
    result = smoke(cloud, f"--golden-set={right}", *REVISIONS, "--max-p95-ms=60000")
    assert result.exit_code == 0, result.output
    assert "golden set: 5 of 5 pictures right (100.0%)" in result.output
    assert "by classify-upload-local" in result.output
    assert "by classify-request-local" in result.output
    rows = BigQuery(PROJECT, DATASET, 20, endpoint=cloud.url("warehouse")).query(PROBES).rows
    assert {row["source"] for row in rows} == {"event", "request"}, "what it leaves is marked"


def test_smoke_test_needs_a_golden_set(cloud: Cloud) -> None:
    assert smoke(cloud).exit_code == 2
    assert smoke(cloud, "--golden-set=").exit_code == 2
    nothing = smoke(cloud, "--golden-set=gs://golden-nothing-here/flowers")
    assert nothing.exit_code != 0, nothing.output


def test_golden_set_is_pictures_in_folders_by_label(store: CloudStorage, right: str) -> None:
    assert {picture.label for picture in golden_set(store, right)} == set(drawings())
    with pytest.raises(BadRequest, match="expected gs://BUCKET/FOLDER"):
        golden_set(store, "gs://bucket-alone")
    with pytest.raises(BadRequest, match="expected a folder that exists"):
        golden_set(store, right.removeprefix("gs://"))
    with pytest.raises(BadRequest, match="There are no pictures in"):
        golden_set(store, f"{right}/{next(iter(drawings()))}")


def test_golden_set_may_be_a_local_folder(cloud: Cloud, tmp_path: Path) -> None:
    for label, drawing in drawings().items():
        (tmp_path / "golden" / label).mkdir(parents=True)
        drawing.save(tmp_path / "golden" / label / "drawn.jpg", quality=92)
    (tmp_path / "golden" / "notes.txt").write_text("in no folder of a label")
    result = smoke(cloud, f"--golden-set={tmp_path / 'golden'}", "--max-p95-ms=60000")
    assert result.exit_code == 0, result.output
    assert f"golden set: {len(drawings())} of {len(drawings())} pictures right" in result.output


@pytest.mark.parametrize(("option", "service"), [("--upload-revision", "upload"), ("--request-revision", "request")])
def test_smoke_test_fails_on_a_row_by_another_revision(cloud: Cloud, right: str, option: str, service: str) -> None:
    result = smoke(cloud, f"--golden-set={right}", f"{option}=classify-{service}-00002")
    assert result.exit_code == 1
    output = " ".join(result.output.split())
    assert f"was classified by classify-{service}-local, expected classify-{service}-00002" in output


def test_smoke_test_fails_on_a_model_that_is_wrong_too_often(
    cloud: Cloud, golden: Callable[[dict[str, str]], str]
) -> None:
    labels = list(drawings())
    one_wrong = golden({**{label: label for label in labels}, labels[0]: labels[1]})
    result = smoke(cloud, f"--golden-set={one_wrong}", "--max-p95-ms=60000")
    assert result.exit_code == 1
    assert "4 of 5 pictures are right, which shows 43.5% at 95 % certainty, expected 60.0%" in result.output
    assert smoke(cloud, f"--golden-set={one_wrong}", "--max-p95-ms=60000", "--min-accuracy=0.4").exit_code == 0


def test_smoke_test_fails_on_a_golden_set_that_is_too_small(cloud: Cloud, right: str) -> None:
    result = smoke(cloud, f"--golden-set={right}", "--max-p95-ms=60000", "--min-accuracy=0.9")
    assert result.exit_code == 1
    assert "the golden set has 5 pictures, expected 25 at least to show 90.0%" in result.output


@pytest.mark.parametrize("accuracy", [0.5, 0.6, 0.8, 0.9, 0.95, 0.99])
def test_golden_set_of_the_least_size_shows_its_accuracy_and_a_smaller_does_not(accuracy: float) -> None:
    least = least_pictures(accuracy)
    assert wilson_interval(least, least)[0] >= accuracy - 1e-9
    assert wilson_interval(least - 1, least - 1)[0] < accuracy


@pytest.mark.parametrize(("right", "passes"), [(94, False), (95, True), (96, True)])
def test_golden_set_with_95_of_100_right_shows_nine_tenths(right: int, passes: bool) -> None:
    assert (not list(Figures(100, right, 0.0, 1.0).faults(Demands()))) is passes


def test_smoke_test_with_golden_only_leaves_no_row_and_needs_no_bucket(cloud: Cloud, right: str) -> None:
    warehouse = BigQuery(PROJECT, DATASET, 20, endpoint=cloud.url("warehouse"))
    count = "SELECT COUNT(*) AS rows_ FROM predictions_by_model"
    before = warehouse.query(count).rows[0]["rows_"]
    assert smoke(cloud, f"--golden-set={right}", "--max-p95-ms=60000", "--golden-only").exit_code == 0
    assert warehouse.query(count).rows[0]["rows_"] == before


def test_smoke_test_queries_only_recent_days_and_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queries: list[str] = []
    pauses: list[float] = []

    class Empty:
        def query(self, sql: str, **_: list[str]) -> Any:
            queries.append(sql)
            return SimpleNamespace(rows=[])

    clock = iter(range(1000))
    monkeypatch.setattr(
        "shared.operations.smoke_test.time", SimpleNamespace(monotonic=lambda: next(clock), sleep=pauses.append)
    )
    assert row_of(Empty(), "id", 8) is None  # type: ignore[arg-type]  # it asks and appends nothing
    assert all("uploaded_on >=" in sql for sql in queries)
    assert pauses == sorted(pauses)
    assert max(pauses) > 2 * min(pauses)


def test_smoke_test_fails_on_a_slow_function(cloud: Cloud, right: str) -> None:
    result = smoke(cloud, f"--golden-set={right}", "--max-p95-ms=0.1")
    assert result.exit_code == 1
    assert "the slowest 5 % took more than" in result.output


def test_smoke_test_fails_on_a_function_that_does_not_answer(cloud: Cloud, right: str) -> None:
    result = smoke(cloud, f"--golden-set={right}", f"--url={cloud.url('storage')}/nothing")
    assert result.exit_code == 1
    assert "the request was answered with 4" in result.output


def test_smoke_test_counts_a_picture_without_an_answer_as_wrong_and_failed(store: CloudStorage, right: str) -> None:
    pictures = golden_set(store, right)
    answers = iter([Answer(200, 10.0, picture.label) for picture in pictures[:-1]] + [Answer(0, 60_000.0)])
    figures = measure(store, pictures, lambda _: next(answers), threads=1)
    assert figures == Figures(5, 4, 0.2, 60_000.0)
    assert len(list(figures.faults(Demands()))) == 3
    assert list(Figures(100, 95, 0.01, 2000.0).faults(Demands())) == []


def test_golden_set_leaves_no_rows(cloud: Cloud, right: str) -> None:
    warehouse = BigQuery(PROJECT, DATASET, 20, endpoint=cloud.url("warehouse"))
    count = "SELECT COUNT(*) AS rows_ FROM predictions_by_model"
    before = warehouse.query(count).rows[0]["rows_"]
    assert smoke(cloud, f"--golden-set={right}", "--max-p95-ms=60000").exit_code == 0
    assert warehouse.query(count).rows[0]["rows_"] == before + 2
