"""Dropping files: nothing is overwritten, and no file becomes two uploads because an answer was lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.operations.upload import Dropped, drop
from tests.backlog.parts import faults_of
from tests.worlds import World


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"a photo" * 1000)
    return path


def dropped(world: World, path: Path, model: str | None = None) -> str:
    [upload] = drop(world.store, world.uploads, [(path, "photo.jpg")], model)
    assert isinstance(upload, Dropped)
    return upload.ref.name


def test_upload_of_a_file_whose_answer_was_lost_is_done_once(world: World, photo: Path) -> None:
    """The client asks again and is told that the name is taken: by this very file."""
    with faults_of(world) as faults:
        faults.set(method="POST", path=f"/upload/.*/{world.uploads}/", kind="reset", after=True, count=1)
        assert dropped(world, photo) == "photo.jpg"
    assert world.names_in(world.uploads) == ["photo.jpg"]


def test_upload_adds_the_digest_to_a_name_that_is_taken(world: World, photo: Path) -> None:
    dropped(world, photo)
    photo.write_bytes(b"another photo")
    name = dropped(world, photo)
    assert name.startswith("photo-")
    assert sorted(world.names_in(world.uploads)) == sorted([name, "photo.jpg"])


def test_upload_of_a_file_for_another_model_is_another_upload(world: World, photo: Path) -> None:
    dropped(world, photo)
    assert dropped(world, photo, "ponies") != "photo.jpg"
    assert len(world.names_in(world.uploads)) == 2
