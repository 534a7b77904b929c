"""The local cloud's data is in one folder whatever the current folder is; an earlier cloud's stays where it was."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from shared.bundles.data_folder import data_folder, hidden_folder
from shared.cli.options import default_folder, typed_folder
from shared.settings import own_models


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a new user, whose current folder is another one."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "data" / "bucketlens"


def with_cloud(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "cloud.json").write_text("{}")
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="other platforms have other folders")
def test_default_folder_is_the_same_in_every_current_folder(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert default_folder() == own
    monkeypatch.chdir(tmp_path)
    assert default_folder() == own
    assert typed_folder(own) == ""


def test_cloud_of_the_current_folder_is_still_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = with_cloud(tmp_path / "project" / ".bucketlens")
    (tmp_path / "project" / "photos").mkdir()
    for folder in (tmp_path / "project", tmp_path / "project" / "photos"):
        monkeypatch.chdir(folder)
        assert default_folder() == earlier


def test_hidden_folder_without_a_cloud_is_ignored(tmp_path: Path) -> None:
    """Tests and the demo keep other data in such a folder."""
    (tmp_path / "here" / ".bucketlens" / "demo").mkdir(parents=True)
    assert hidden_folder(tmp_path / "here") is None


def test_own_models_are_below_the_configured_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKETLENS_FOLDER", str(tmp_path / "mine"))
    assert own_models() == tmp_path / "mine" / "models"


def test_typed_folder_names_any_other_folder(tmp_path: Path) -> None:
    assert typed_folder(tmp_path / "other") == f" --folder {tmp_path / 'other'}"


@pytest.mark.skipif(sys.platform != "linux", reason="other platforms have other folders")
def test_data_folder_is_below_home_without_the_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder({}) == tmp_path / ".local" / "share" / "bucketlens"
