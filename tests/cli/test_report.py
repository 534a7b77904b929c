"""``bucketlens report`` on a local cloud: the file, what it never overwrites, and its event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shared.adapters.bigquery import BigQuery
from shared.cli import main
from shared.local.cloud import DATASET, PROJECT, Cloud, folder_lock

Picture = Callable[..., bytes]
Run = Callable[..., Result]


@pytest.fixture
def report(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    folder = tmp_path / "cloud"
    folder.mkdir()
    replace(cloud, folder=folder).save()
    monkeypatch.chdir(tmp_path)
    with folder_lock(folder):
        yield lambda *typed: CliRunner().invoke(main, ["report", "periodic", *typed, "--folder", str(folder)])


def test_report_of_dropped_pictures_is_a_page_and_an_event(
    report: Run, cloud: Cloud, tmp_path: Path, picture: Picture
) -> None:
    (tmp_path / "a <b> rose.jpg").write_bytes(picture(77))
    dropped = CliRunner().invoke(main, ["drop", "a <b> rose.jpg", "--wait", "--folder", str(tmp_path / "cloud")])
    assert dropped.exit_code == 0, dropped.output
    done = report("--since", "1d", "--out", "out.html")
    assert done.exit_code == 0, done.output
    assert "out.html: " in done.output
    page = (tmp_path / "out.html").read_text("utf-8")
    assert "Report on flowers" in page
    assert "data:image/jpeg;base64," in page
    assert "<b> rose" not in page
    warehouse = BigQuery(PROJECT, DATASET, 20, endpoint=cloud.url("warehouse"))
    sql = "SELECT JSON_VALUE(evidence, '$.files[0].address') AS file FROM model_events WHERE event = 'report'"
    assert {"file": "out.html"} in warehouse.query(sql).rows


def test_report_has_a_file_name_of_its_model_and_period(report: Run, tmp_path: Path) -> None:
    done = report("--since", "2026-01-01", "--no-pictures")
    assert done.exit_code == 0, done.output
    [page] = tmp_path.glob("report_flowers_2026-01-01_*.html")
    again = report("--since", "2026-01-01", "--no-pictures")
    assert again.exit_code == 1
    assert "exists already; overwrite it with --force, or choose another with --out." in again.stderr
    assert report("--since", "2026-01-01", "--no-pictures", "--force").exit_code == 0
    assert "data:image" not in page.read_text("utf-8")


def test_report_is_markdown_where_its_name_says_so(report: Run, tmp_path: Path) -> None:
    assert report("--out", "out.md").exit_code == 0
    assert (tmp_path / "out.md").read_text("utf-8").startswith("# Report on flowers\n")


@pytest.mark.parametrize(
    ("typed", "code", "message"),
    [
        (("--out", "out.pdf"), 2, "--out is out.pdf, expected a name that ends with .html or .md."),
        (("--since", "2999-01-01"), 2, "--since is 2999-01-01 00:00, expected a time in the last 3660 days."),
        (("--since", "long ago"), 2, "'long ago' is neither an age"),
        (("--model", "trees"), 2, "trees"),
        (("--out", "no/such/folder.html"), 1, "no/such/folder.html cannot be written (No such file or directory)."),
    ],
)
def test_report_refuses_bad_usage_with_a_sentence(report: Run, typed: tuple[str, ...], code: int, message: str) -> None:
    done = report(*typed)
    assert done.exit_code == code
    assert message in done.stderr
