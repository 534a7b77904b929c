"""The output of ``bucketlens drop``: counts, exit codes, and its progress after an interrupt."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import shared.cli.drop
from shared.cli import main
from shared.errors import StorageUnavailable
from shared.local.cloud import UPLOAD_BUCKET, Cloud, folder_lock
from shared.operations import upload

Picture = Callable[..., bytes]
Bucketlens = Callable[..., Result]


@pytest.fixture
def bucketlens(cloud: Cloud, tmp_path: Path) -> Iterator[Bucketlens]:
    """Provide the command line with a running local cloud."""
    folder = tmp_path / "cloud"
    folder.mkdir()
    replace(cloud, folder=folder).save()
    with folder_lock(folder):
        yield lambda *typed: CliRunner().invoke(
            main, list(typed), env={"COLUMNS": "250", "BUCKETLENS_FOLDER": str(folder)}
        )


@pytest.fixture
def album(tmp_path: Path, picture: Picture) -> Path:
    """Provide two new pictures and a shopping list."""
    folder = tmp_path / f"album-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(picture(uuid.uuid4().int % 2**32))
    (folder / "list.jpg").write_text(f"bread, butter {uuid.uuid4()}")
    return folder


def test_drop_ends_with_the_count_of_each_outcome(bucketlens: Bucketlens, album: Path) -> None:
    """A refused file makes the exit code 1."""
    done = bucketlens("drop", str(album), "--wait")
    assert done.exit_code == 1, done.output
    sure, review, refused = (int(part.split()[0]) for part in done.stderr.splitlines()[-1].split(", "))
    assert (sure + review, refused) == (2, 1)
    assert done.stderr.splitlines()[-1].endswith("to review, 1 refused")


def test_drop_of_a_folder_again_counts_once(bucketlens: Bucketlens, album: Path) -> None:
    (album / "list.jpg").unlink()
    assert bucketlens("drop", str(album), "--wait").exit_code == 0
    again = bucketlens("drop", str(album), "--wait", "--skip-existing")
    assert again.exit_code == 0, again.output
    assert "2 of 2 files are already classified" in again.stderr
    assert f"0 uploaded to gs://{UPLOAD_BUCKET}" in again.stderr
    counted = bucketlens("query", f"SELECT COUNT(*) AS n FROM results WHERE name LIKE '{album.name}/%'")
    assert " 2 " in counted.output


def test_results_view_counts_pictures_that_are_uploaded_twice_once(bucketlens: Bucketlens, album: Path) -> None:
    (album / "list.jpg").unlink()
    for _ in range(2):
        assert bucketlens("drop", str(album), "--wait").exit_code == 0
    sql = f"SELECT SUM(n) AS n FROM (SELECT COUNT(*) AS n FROM results WHERE name LIKE '{album.name}/%' GROUP BY label)"
    assert " 2 " in bucketlens("query", sql).output


def test_drop_skips_a_file_with_a_bad_name_and_uploads_the_others(bucketlens: Bucketlens, album: Path) -> None:
    (album / "list.jpg").rename(album / "8\nline.jpg")
    done = bucketlens("drop", str(album), "--wait")
    assert done.exit_code == 1
    assert "8\\nline.jpg: skipped; its name has a line break" in done.stderr
    assert f"2 uploaded to gs://{UPLOAD_BUCKET}, 1 skipped" in done.stderr
    assert "0 refused" in done.stderr


def test_drop_refuses_a_model_that_is_not_served_before_an_upload(bucketlens: Bucketlens, album: Path) -> None:
    done = bucketlens("drop", str(album), "--model", "flwers")
    assert done.exit_code == 2
    assert "'flwers' is not served here" in " ".join(done.stderr.split())
    assert "uploaded" not in done.stderr
    assert bucketlens("drop", str(album / "a.jpg"), "--model", "flowers", "--wait").exit_code == 0


def test_drop_reports_its_progress_after_an_interrupt(
    bucketlens: Bucketlens, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = upload.drop

    def interrupted(*arguments: Any) -> Iterator[Any]:
        uploads = whole(*arguments)
        yield next(uploads)
        uploads.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(shared.cli.drop, "drop", interrupted)
    done = bucketlens("drop", str(album))
    assert done.exit_code == 130
    assert "1 of 3 files are uploaded" in done.stderr
    assert "same command with --skip-existing" in " ".join(done.stderr.split())


def test_drop_reports_its_progress_after_an_error(
    bucketlens: Bucketlens, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = upload.drop

    def broken_off(*arguments: Any) -> Iterator[Any]:
        uploads = whole(*arguments)
        yield next(uploads)
        uploads.close()
        raise StorageUnavailable("The store does not answer.")

    monkeypatch.setattr(shared.cli.drop, "drop", broken_off)
    done = bucketlens("drop", str(album))
    assert done.exit_code == 1
    assert "Stopped early: 1 of 3 files are uploaded" in done.stderr
    assert "The store does not answer." in done.stderr


def test_drop_counts_the_results_before_an_interrupted_wait(
    bucketlens: Bucketlens, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> Iterator[Any]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(shared.cli.drop, "wait_for", interrupted)
    done = bucketlens("drop", str(album), "--wait")
    assert done.exit_code == 130
    assert "0 sure, 0 to review, 0 refused; the others will be classified too" in " ".join(done.stderr.split())


def test_drop_reports_a_missing_view(bucketlens: Bucketlens, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "CLASSIFIED", "SELECT sha256 FROM no_such_view WHERE @digests = @models")
    done = bucketlens("drop", str(album), "--skip-existing")
    assert (done.exit_code, isinstance(done.exception, SystemExit)) == (2, True)
    assert "no_such_view" in done.stderr
    assert "http" not in done.stderr
