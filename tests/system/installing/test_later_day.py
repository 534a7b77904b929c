"""Install from the lock files on a day on which every package has a newer release that cannot be installed.

Each command is read from the file that a person or a machine runs, and is run on every Python of this machine.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.environments import ROOT, Recipe
from tests.environments import environment as recipe_environment
from tests.system.image.dockerfile import Copy, Run, Stage, parse
from tests.system.image.locks import OWN_LOCK
from tests.system.installing.later_day import LOCAL, LaterDay, installed
from tests.system.installing.pythons import COMBINATIONS

Make = Callable[[str, str, Path], Path]

EVERYTHING = "requirements.txt"
CHECKS = "tests/requirements.txt"

on_each_python = pytest.mark.parametrize(("python", "pip"), COMBINATIONS)
with_each_pip = pytest.mark.parametrize(("python", "pip"), [("3.11", "22.3"), ("3.12", "23.2.1"), ("3.13", "26.3")])


def run(command: list[str], folder: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=300, check=False)


def succeeded(command: list[str], folder: Path, variables: dict[str, str]) -> None:
    done = run(command, folder, variables)
    assert done.returncode == 0, done.stdout + done.stderr


def without_constraint(lock: Path) -> str:
    lines = [line for line in lock.read_text("utf-8").splitlines() if not line.startswith("--constraint")]
    lock.write_text("\n".join(lines) + "\n", "utf-8")
    return lock.name


@pytest.mark.parametrize("lock", [EVERYTHING, LOCAL])
def test_resolver_fails_on_the_later_day(day: LaterDay, environment: Make, tmp_path: Path, lock: str) -> None:
    """Install as before there were lock files, as a control."""
    project = day.project(tmp_path / "project")
    python = environment("3.11", "23.2.1", project / ".venv")
    without_constraint(project / lock)
    done = run([str(python), "-m", "pip", "install", "-r", lock], project, day.variables(python, tmp_path))
    assert done.returncode == 1
    assert "In --require-hashes mode, all requirements must have their versions pinned with ==" in done.stderr


@on_each_python
def test_make_installs_the_lock_files(day: LaterDay, environment: Make, tmp_path: Path, python: str, pip: str) -> None:
    project = day.project(tmp_path / "project")
    variables = day.variables(environment(python, pip, project / ".venv"), tmp_path)
    succeeded(["make", ".venv/.local"], project, variables)
    assert installed(project / ".venv") == day.expected(LOCAL)
    succeeded(["make", ".venv/.dev"], project, variables)
    assert installed(project / ".venv") == day.expected(LOCAL, CHECKS)
    succeeded(["make", ".venv/.everything"], project, variables)
    assert installed(project / ".venv") == day.expected(EVERYTHING)
    assert (project / ".venv" / "bin" / "bucketlens").exists()


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_make_installs_the_lock_files_with_uv(
    day_with_uv: LaterDay, environment: Make, tmp_path: Path, python: str
) -> None:
    project = day_with_uv.project(tmp_path / "project")
    variables = day_with_uv.variables(environment(python, "23.2.1", project / ".venv"), tmp_path, uv=True)
    succeeded(["make", ".venv/.everything"], project, variables)
    assert installed(project / ".venv") == day_with_uv.expected(EVERYTHING)
    installers = (project / ".venv").glob("lib/python3*/site-packages/click-*/INSTALLER")
    assert [file.read_text("utf-8").strip() for file in installers] == ["uv"]


@on_each_python
def test_command_of_the_user_page_installs_the_lock_file(
    day: LaterDay, environment: Make, tmp_path: Path, python: str, pip: str
) -> None:
    project = day.project(tmp_path / "project")
    made = environment(python, pip, project / ".venv")
    [line] = re.findall(
        r"\.venv/bin/python -m pip install [^\n`]*requirements\.txt", (ROOT / "docs" / "use.md").read_text("utf-8")
    )
    succeeded(shlex.split(line), project, day.variables(made, tmp_path))
    assert installed(project / ".venv") == day.expected(EVERYTHING)


@with_each_pip
def test_main_lock_file_is_enough_where_pip_resolves(
    day: LaterDay, environment: Make, tmp_path: Path, python: str, pip: str
) -> None:
    """Install without any option, as a person may type it."""
    project = day.project(tmp_path / "project")
    made = environment(python, pip, project / ".venv")
    command = [str(made), "-m", "pip", "install", "--no-compile", "-r", EVERYTHING]
    succeeded(command, project, day.variables(made, tmp_path))
    assert installed(project / ".venv") == day.expected(EVERYTHING)


@with_each_pip
def test_image_installs_the_lock_files_of_each_target(
    day: LaterDay, environment: Make, tmp_path: Path, python: str, pip: str
) -> None:
    project = day.project(tmp_path / "project")
    variables = day.variables(environment(python, pip, tmp_path / "python"), tmp_path)
    locks: dict[str, list[str]] = {}
    for stage in parse((project / "functions" / "Dockerfile").read_text("utf-8")).stages:
        if stage.name.startswith("packages"):
            folder = tmp_path / stage.name
            shutil.copytree(tmp_path / stage.base, folder, symlinks=True) if stage.base in locks else folder.mkdir()
            locks[stage.name] = [*locks.get(stage.base, []), *perform(stage, project, folder, variables)]
            assert installed(folder / ".venv") == day.expected(*locks[stage.name])
    assert {lock for copied in locks.values() for lock in copied} == set(OWN_LOCK.values())


def perform(stage: Stage, project: Path, folder: Path, variables: dict[str, str]) -> list[str]:
    """Copy the lock files that a stage copies, and install as it does; return the lock files."""
    copied = []
    for step in stage.instructions:
        if isinstance(step, Copy):
            [source] = step.sources
            shutil.copyfile(project / source, folder / "requirements.txt")
            copied.append(source)
        elif isinstance(step, Run):
            for part in step.command.split("&&"):
                if re.match(r"\s*python -m (venv|pip) ", part):
                    succeeded(["sh", "-c", part], folder, variables)
    return copied


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_delivery_pipeline_installs_the_lock_file_that_its_tests_need(
    day: LaterDay, environment: Make, tmp_path: Path, python: str
) -> None:
    """Run the script that makes an environment of its own, with the pip that comes with the Python."""
    project = day.project(tmp_path / "project")
    variables = day.variables(environment(python, "26.3", tmp_path / "python"), tmp_path)
    [line] = re.findall(
        r"^bash infra/pipeline/tools\.sh.*$", (project / "infra/pipeline/test.sh").read_text(), re.MULTILINE
    )
    succeeded(shlex.split(line), project, variables)
    assert installed(project / ".venv").items() >= day.expected(EVERYTHING).items()


def test_environments_of_the_tests_hold_what_their_lock_files_say(
    day_with_uv: LaterDay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in day_with_uv.variables(Path(sys.executable), tmp_path, uv=True).items():
        monkeypatch.setenv(name, value)
    project = day_with_uv.project(tmp_path / "project")
    made = recipe_environment(Recipe(project / LOCAL), tmp_path / "environments")
    assert installed(made.folder) == day_with_uv.expected(LOCAL)
