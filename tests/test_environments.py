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


def test_an_environment_is_made_once_and_used_again(recipe: Recipe, tmp_path: Path) -> None:
    made = environment(recipe, tmp_path / "made")
    (made.folder / "mark").touch()
    assert environment(recipe, tmp_path / "made") == made
    assert (made.folder / "mark").exists()


def test_its_programs_see_their_own_home_and_python(recipe: Recipe, tmp_path: Path) -> None:
    made = environment(recipe, tmp_path / "made")
    script = "import os, sys; print(sys.prefix, os.environ['HOME'], sys.version_info[:2])"
    done = subprocess.run([made.python, "-c", script], env=made.variables, capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=2) == [str(made.folder), str(made.home), f"{sys.version_info[:2]}\n"]


def test_another_lock_file_is_another_environment(recipe: Recipe, tmp_path: Path) -> None:
    made = environment(recipe, tmp_path / "made")
    recipe.requirements.write_text("# nothing more\n", "utf-8")
    assert environment(recipe, tmp_path / "made") != made


def test_what_was_interrupted_is_made_anew(recipe: Recipe, tmp_path: Path) -> None:
    made = environment(recipe, tmp_path / "made")
    (made.folder / "finished").unlink()
    (made.folder / "half").touch()
    made.python.unlink()
    assert environment(recipe, tmp_path / "made") == made
    assert made.python.exists()
    assert not (made.folder / "half").exists()


def test_of_several_runs_one_makes_it_and_all_have_it(recipe: Recipe, tmp_path: Path) -> None:
    found: list[Environment] = []

    def run() -> None:
        made = environment(recipe, tmp_path / "made")
        assert made.python.exists()
        found.append(made)

    runs = [threading.Thread(target=run) for _ in range(4)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert found == [found[0]] * 4


@pytest.mark.parametrize(
    "network", [{"UV_OFFLINE": "1"}, {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/", "UV_HTTP_RETRIES": "0"}]
)
def test_without_a_network_the_reason_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: dict[str, str]
) -> None:
    for name, value in {**network, "UV_CACHE_DIR": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    requirements = tmp_path / "something.txt"
    requirements.write_text(f"pytz==2026.6 --hash=sha256:{hashlib.sha256().hexdigest()}\n", "utf-8")
    for _ in range(2):  # what failed is not taken for made
        with pytest.raises(Impossible, match=r"something could not be downloaded .* with a network"):
            environment(Recipe(requirements), tmp_path / "made")


def test_without_its_python_the_reason_names_it(recipe: Recipe, tmp_path: Path) -> None:
    needs = Recipe(recipe.requirements, python="3.5")
    with pytest.raises(Impossible, match=r"nothing: Python 3\.5 is needed and this is 3\.\d+; install it"):
        environment(needs, tmp_path / "made")


def test_without_uv_the_reason_says_where_it_comes_from(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(Impossible, match="uv is not installed; it comes with `make setup`"):
        environment(recipe, tmp_path / "made")


def test_a_lock_file_that_is_wrong_is_a_fault_and_no_reason_to_skip(recipe: Recipe, tmp_path: Path) -> None:
    recipe.requirements.write_text("pytz==2026.6\n", "utf-8")
    with pytest.raises(RuntimeError, match=r"(?s)pip install.*failed:.*hash"):
        environment(recipe, tmp_path / "made")
