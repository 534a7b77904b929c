"""Dropping a folder once more, or with names that no object can have: nothing counts twice and nothing is given up."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.errors import StorageRefused
from shared.operations.upload import Dropped, Skipped, drop, names_of, wait_for, without_known
from shared.types import Call, ObjectRef, Source
from tests.backlog.parts import faults_of
from tests.worlds import World

Picture = Callable[..., bytes]


@pytest.fixture
def album(tmp_path: Path, picture: Picture) -> Path:
    folder = tmp_path / "album"
    folder.mkdir()
    first = uuid.uuid4().int % 2**31  # no other test has rows of these pictures
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(picture(first + number))
    return folder


def classify(world: World, *refs: ObjectRef) -> None:
    for ref in refs:
        world.pipeline.process_upload(world.store.find(world.uploads, ref.name), Call(Source.EVENT, datetime.now(UTC)))


def dropped(world: World, files: list[tuple[Path, str]]) -> list[Dropped]:
    return [result for result in drop(world.store, world.uploads, files) if isinstance(result, Dropped)]


def names(files: Sequence[tuple[Path, str]]) -> list[str]:
    return [name for _, name in files]


def test_skip_existing_skips_files_whose_content_has_a_prediction(world: World, album: Path) -> None:
    files = names_of([album])
    classify(world, *(upload.ref for upload in dropped(world, files[:2])))
    (album / "0.jpg").rename(album / "another name.jpg")
    assert names(without_known(world.warehouse, names_of([album]))) == ["album/2.jpg"]
    assert names(without_known(world.warehouse, names_of([album]), "flowers@1")) == ["album/2.jpg"]


def test_skip_existing_for_another_model_skips_nothing(world: World, album: Path) -> None:
    files = names_of([album])
    classify(world, *(upload.ref for upload in dropped(world, files)))
    assert without_known(world.warehouse, files, "ponies") == files


def test_skip_existing_uploads_refused_files_again(world: World, tmp_path: Path) -> None:
    (tmp_path / "list.jpg").write_text("bread, butter")
    files = names_of([tmp_path / "list.jpg"])
    classify(world, *(upload.ref for upload in dropped(world, files)))
    assert without_known(world.warehouse, files) == files


def test_skip_existing_keeps_a_file_that_is_gone(world: World, tmp_path: Path) -> None:
    files = [(tmp_path / "gone.jpg", "gone.jpg")]
    assert without_known(world.warehouse, files) == files
    [skipped] = drop(world.store, world.uploads, files)
    assert isinstance(skipped, Skipped)
    assert skipped.why == "it cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (b"8\nline.jpg", "line break"),
        (b"8\rline.jpg", "line break"),
        (b"latin-\xe9.jpg", "not UTF-8"),
    ],
)
def test_drop_skips_a_bad_name_with_a_reason(world: World, album: Path, name: bytes, why: str) -> None:
    raw_path = os.path.join(os.fsencode(album), name)  # noqa: PTH118  # Path takes no bytes
    with open(raw_path, "wb") as file:  # noqa: PTH123
        file.write(b"a picture")
    outcomes = list(drop(world.store, world.uploads, names_of([album])))
    [skipped] = [outcome for outcome in outcomes if isinstance(outcome, Skipped)]
    assert os.fsencode(skipped.path) == raw_path
    assert why in skipped.why
    assert sorted(world.names_in(world.uploads)) == ["album/0.jpg", "album/1.jpg", "album/2.jpg"]


def test_drop_skips_a_name_that_is_too_long(world: World, album: Path) -> None:
    files = [*names_of([album]), (album / "0.jpg", "é" * 513)]
    outcomes = list(drop(world.store, world.uploads, files))
    assert [type(outcome) for outcome in outcomes] == [Dropped, Dropped, Dropped, Skipped]
    assert "1,026 bytes" in outcomes[3].why  # type: ignore[union-attr]


def test_drop_skips_a_name_that_the_store_refuses(world: World, album: Path) -> None:
    """Reserved by Cloud Storage, and not known to us."""
    reserved = ".well-known/acme-challenge/x"
    outcomes = list(drop(world.store, world.uploads, [(album / "0.jpg", reserved), *names_of([album])]))
    assert isinstance(outcomes[0], Skipped)
    assert reserved in outcomes[0].why
    assert "http" not in outcomes[0].why
    assert len(world.names_in(world.uploads)) == 3


def test_drop_uploads_a_name_that_was_taken_a_moment_ago(world: World, album: Path) -> None:
    """An upload had it, and was classified and removed before anybody could look what it was."""
    with faults_of(world) as faults:
        faults.set(method="POST", path=f"/upload/.*/{world.uploads}/", status=412, count=1)
        [upload] = dropped(world, names_of([album / "0.jpg"]))
    assert upload.ref.name == "0.jpg"
    assert world.names_in(world.uploads) == ["0.jpg"]


def test_drop_reports_a_policy_that_forbids_every_name_without_urls(world: World, album: Path) -> None:
    with faults_of(world) as faults:
        faults.set(method="POST", path=f"/upload/.*/{world.uploads}/", status=412)
        with pytest.raises(StorageRefused, match="may not be written") as refused:
            dropped(world, names_of([album / "0.jpg"]))
    assert "http" not in str(refused.value)


class Nothing:
    """A warehouse without rows that keeps its queries."""

    def __init__(self) -> None:
        self.queries: list[str] = []
        self.rows: list[dict[str, Any]] = []

    def query(self, sql: str, **_: list[str]) -> Any:
        self.queries.append(sql)
        return self


def test_wait_for_reads_only_the_partitions_of_the_uploads() -> None:
    """Both views, by constants, which is how BigQuery prunes."""
    moment = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC).timestamp() * 1_000_000
    uploads = [Dropped(Path("x"), ObjectRef("b", "x", int(moment) + ahead)) for ahead in (0, 2_000_000)]
    nothing = Nothing()
    assert list(wait_for(nothing, uploads, 0.01)) == []  # type: ignore[arg-type]  # it asks and appends nothing
    assert nothing.queries[0].count("uploaded_on IN (DATE '2026-11-30', DATE '2026-12-01')") == 2


def test_wait_for_finds_rows_in_their_partition(world: World, album: Path) -> None:
    uploads = dropped(world, names_of([album]))
    classify(world, *(upload.ref for upload in uploads))
    landed = {upload.ref.name: row["label"] for upload, row in wait_for(world.warehouse, uploads, 20)}
    assert sorted(landed) == ["album/0.jpg", "album/1.jpg", "album/2.jpg"]


def test_digests_of_files_are_those_of_the_rows(world: World, album: Path) -> None:
    [upload] = dropped(world, names_of([album / "1.jpg"]))
    classify(world, upload.ref)
    [row] = world.rows("latest_predictions")
    assert row["image"]["sha256"] == hashlib.sha256((album / "1.jpg").read_bytes()).hexdigest()
