"""Tests that a build fetches the commit that a webhook named, from any Git host, if it is on the named branch."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.environments import ROOT

WHO = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
ALONE = {"PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent", **WHO}


def git(folder: Path, *arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=folder, env=ALONE, text=True).strip()


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """A repository with two commits on main, and one on another branch."""
    folder = tmp_path / "remote"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    for name in ("first", "second"):
        (folder / name).write_text(name)
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", f"--message={name}")
    git(folder, "checkout", "--quiet", "-b", "other", "HEAD~1")
    (folder / "other").write_text("other")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=other")
    return folder


def fetched(folder: Path, remote: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir()
    values = {"COMMIT": "", "REF": "refs/heads/main", "REMOTE": f"file://{remote}", **variables}
    script = ["bash", str(ROOT / "infra" / "pipeline" / "fetch.sh")]
    return subprocess.run(script, cwd=folder, env=ALONE | values, capture_output=True, text=True, timeout=60)


def test_fetch_gets_the_named_commit_and_not_the_branchs_tip(tmp_path: Path, remote: Path) -> None:
    done = fetched(tmp_path / "here", remote, COMMIT=git(remote, "rev-parse", "main~1"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "here" / "first").exists()
    assert not (tmp_path / "here" / "second").exists()


def test_fetch_without_a_commit_gets_the_branchs_tip(tmp_path: Path, remote: Path) -> None:
    done = fetched(tmp_path / "here", remote)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "here" / "second").exists()


def test_fetch_refuses_a_commit_of_another_branch(tmp_path: Path, remote: Path) -> None:
    done = fetched(tmp_path / "here", remote, COMMIT=git(remote, "rev-parse", "other"))
    assert done.returncode == 1
    assert "is none of the last 500 commits of refs/heads/main" in done.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [("COMMIT", "--upload-pack=x"), ("COMMIT", "main"), ("REF", "main"), ("REF", "refs/heads/$(x)")],
)
def test_fetch_refuses_a_name_that_is_neither_commit_nor_branch(
    tmp_path: Path, remote: Path, variable: str, value: str
) -> None:
    done = fetched(tmp_path / "here", remote, **{variable: value})
    assert done.returncode == 1
    assert "expected" in done.stderr
