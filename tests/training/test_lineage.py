"""The lineage names the commit, and distinguishes changed code from the bundle that a run writes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")

from shared.training.lineage import code_version


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit."""
    (tmp_path / "code.py").write_text("x = 1\n")
    for arguments in (
        ["init", "--quiet"],
        ["add", "code.py"],
        ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "first"],
    ):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def test_code_version_names_the_commit(repository: Path) -> None:
    version = code_version(repository)

    assert len(version["commit"]) == 40
    assert version["has_changes"] is False


def test_code_version_ignores_the_bundle_that_a_run_writes(repository: Path) -> None:
    (repository / "shared" / "models" / "cats_v1").mkdir(parents=True)
    (repository / "shared" / "models" / "cats_v1" / "labels.txt").write_text("cat\n")

    assert code_version(repository)["has_changes"] is False


@pytest.mark.parametrize("name", ["code.py", "new.py"])
def test_code_version_sees_changed_and_new_code(repository: Path, name: str) -> None:
    (repository / name).write_text("x = 2\n")

    assert code_version(repository)["has_changes"] is True


def test_code_version_is_unknown_without_git(tmp_path: Path) -> None:
    assert code_version(tmp_path) == {"commit": None, "has_changes": None}
