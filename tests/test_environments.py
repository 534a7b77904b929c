"""Environments are made once, whole, and by one of several; where one is impossible, the reason says what to do."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.environments import Environment, Impossible, Recipe, environment


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """An environment with nothing in it, which needs no network."""
    requirements = tmp_path / "nothing.txt"
    requirements.write_text("# nothing\n", "utf-8")
    return Recipe(requirements)


def test_environment_is_made_once_and_used_again(recipe: Recipe, tmp_path: Path) -> None:
    made = environment(recipe, tmp_path / "made")
    (made.folder / "mark").touch()
    assert environment(recipe, tmp_path / "made") == made
    assert (made.folder / "mark").exists()


def test_environment_programs_see_their_own_home_and_python(recipe: Recipe, tmp_path: Path) -> None:
    made = environment(recipe, tmp_path / "made")
    script = "import os, sys; print(sys.prefix, os.environ['HOME'], sys.version_info[:2])"
    done = subprocess.run([made.python, "-c", script], env=made.variables, capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=2) == [str(made.folder), str(made.home), f"{sys.version_info[:2]}\n"]


def test_environment_depends_on_its_lock_file(recipe: Recipe, tmp_path: Path) -> None:
    made = environment(recipe, tmp_path / "made")
    recipe.requirements.write_text("# nothing more\n", "utf-8")
    assert environment(recipe, tmp_path / "made") != made


def test_environment_that_was_interrupted_is_made_again(recipe: Recipe, tmp_path: Path) -> None:
    made = environment(recipe, tmp_path / "made")
    (made.folder / "finished").unlink()
    (made.folder / "half").touch()
    made.python.unlink()
    assert environment(recipe, tmp_path / "made") == made
    assert made.python.exists()
    assert not (made.folder / "half").exists()


def test_environment_is_made_once_by_parallel_runs(recipe: Recipe, tmp_path: Path) -> None:
    environments: list[Environment] = []

    def run() -> None:
        made = environment(recipe, tmp_path / "made")
        assert made.python.exists()
        environments.append(made)

    runs = [threading.Thread(target=run) for _ in range(4)]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join()
    assert environments == [environments[0]] * 4


@pytest.mark.parametrize(
    "network", [{"UV_OFFLINE": "1"}, {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/", "UV_HTTP_RETRIES": "0"}]
)
def test_environment_error_names_a_missing_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: dict[str, str]
) -> None:
    for name, value in {**network, "UV_CACHE_DIR": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    requirements = tmp_path / "something.txt"
    requirements.write_text(f"pytz==2026.6 --hash=sha256:{hashlib.sha256().hexdigest()}\n", "utf-8")
    for _ in range(2):  # what failed is not taken for made
        with pytest.raises(Impossible, match=r"something could not be downloaded .* with a network"):
            environment(Recipe(requirements), tmp_path / "made")


def test_environment_error_names_a_missing_python(recipe: Recipe, tmp_path: Path) -> None:
    needs = Recipe(recipe.requirements, python="3.5")
    with pytest.raises(Impossible, match=r"nothing: Python 3\.5 is needed and this is 3\.\d+; install it"):
        environment(needs, tmp_path / "made")


def test_environment_error_names_the_source_of_uv(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(Impossible, match="uv is not installed; it comes with `make setup`"):
        environment(recipe, tmp_path / "made")


def test_environment_with_a_wrong_lock_file_is_a_fault_and_not_a_skip(recipe: Recipe, tmp_path: Path) -> None:
    recipe.requirements.write_text("pytz==2026.6\n", "utf-8")
    with pytest.raises(RuntimeError, match=r"(?s)pip install.*failed:.*hash"):
        environment(recipe, tmp_path / "made")
