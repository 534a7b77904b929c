"""The local cloud's data lies in one place wherever its user stands, and an earlier cloud's where it was."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from shared.bundles.data_folder import data_folder, hidden_folder
from shared.cli.options import default_folder, typed_folder
from shared.settings import own_models


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a user who has not used anything yet; they stand in another one."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "data" / "bucketlens"


def with_cloud(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "cloud.json").write_text("{}")
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="other platforms have other places")
def test_the_default_folder_is_the_users_wherever_they_stand(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert default_folder() == own
    monkeypatch.chdir(tmp_path)
    assert default_folder() == own
    assert typed_folder(own) == ""


def test_a_cloud_of_the_current_folder_goes_on_being_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = with_cloud(tmp_path / "project" / ".bucketlens")
    (tmp_path / "project" / "photos").mkdir()
    for place in (tmp_path / "project", tmp_path / "project" / "photos"):
        monkeypatch.chdir(place)
        assert default_folder() == earlier


def test_a_hidden_folder_without_a_cloud_is_none(tmp_path: Path) -> None:
    """Tests and the demo keep other things in one."""
    (tmp_path / "here" / ".bucketlens" / "demo").mkdir(parents=True)
    assert hidden_folder(tmp_path / "here") is None


def test_the_variable_decides_for_what_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKETLENS_FOLDER", str(tmp_path / "mine"))
    assert own_models() == tmp_path / "mine" / "models"


def test_another_folder_has_to_be_typed(tmp_path: Path) -> None:
    assert typed_folder(tmp_path / "other") == f" --folder {tmp_path / 'other'}"


@pytest.mark.skipif(sys.platform != "linux", reason="other platforms have other places")
def test_without_the_variable_it_is_below_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder({}) == tmp_path / ".local" / "share" / "bucketlens"
