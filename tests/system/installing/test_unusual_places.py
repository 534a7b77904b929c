"""Tests of the documented commands in unusual folders and for unusual users."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.environments import ROOT
from tests.system.installing.later_day import LOCAL, LaterDay, installed

Make = Callable[[str, str, Path], Path]

PREFERRED_PORTS = (8080, 8081, 9023, 9050)
WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@pytest.fixture
def as_a_person() -> tuple[str, ...]:
    """Return a prefix that makes a command obey permissions, which root does not."""
    if os.geteuid():
        return ()
    if not shutil.which("setpriv"):
        pytest.skip("root obeys no permissions, and setpriv (util-linux), which would make it, is not installed")
    lost = "-dac_override,-dac_read_search"
    return ("setpriv", f"--bounding-set={lost}", f"--inh-caps={lost}")


@pytest.fixture
def read_only() -> Iterator[Callable[[Path], None]]:
    """Make everything in a folder read-only, and the folder too if ``whole``; restore it at the end."""
    before: dict[Path, int] = {}

    def take(folder: Path, *, whole: bool = False) -> None:
        for path in [*folder.rglob("*"), *([folder] if whole else [])]:
            if not path.is_symlink() and ".venv" not in path.relative_to(folder).parts:
                before[path] = path.stat().st_mode
                path.chmod(before[path] & ~WRITE)

    yield take
    for path, mode in before.items():
        if path.exists():
            path.chmod(mode)


@pytest.fixture
def taken_ports() -> Iterator[None]:
    """Hold the ports that the local cloud prefers; a port that another process holds serves as well."""
    with contextlib.ExitStack() as held:
        for port in PREFERRED_PORTS:
            holder = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                holder.bind(("127.0.0.1", port))
                holder.listen()
        yield


def run(command: tuple[str, ...], folder: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=400, check=False)


def test_make_installs_in_a_read_only_copy_with_spaces_in_its_name(
    day_with_uv: LaterDay,
    environment: Make,
    tmp_path: Path,
    as_a_person: tuple[str, ...],
    read_only: Callable[[Path], None],
) -> None:
    """Install without HOME, and with a pip configuration of another index, a constraint and an option."""
    project = day_with_uv.project(tmp_path / "a folder of  mine")
    python = environment("3.11", "23.2.1", project / ".venv")
    read_only(project)
    (tmp_path / "constraints.txt").write_text("click<1\n", "utf-8")
    settings = f"index_url = {day_with_uv.address}\nextra_index_url = http://127.0.0.1:9/simple\n"
    (tmp_path / "pip.conf").write_text(
        f"[global]\n{settings}constraint = {tmp_path / 'constraints.txt'}\nuser = true\n", "utf-8"
    )
    variables = day_with_uv.variables(python, tmp_path) | {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
    del variables["HOME"], variables["PIP_INDEX_URL"]
    done = run((*as_a_person, "make", ".venv/.local"), project, variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed(project / ".venv") == day_with_uv.expected(LOCAL)
    imported = run((str(project / ".venv" / "bin" / "python"), "-c", "import shared"), tmp_path, variables)
    assert imported.returncode == 0, imported.stderr


def test_make_explains_what_to_do_where_no_environment_can_be_made(
    day: LaterDay,
    environment: Make,
    tmp_path: Path,
    as_a_person: tuple[str, ...],
    read_only: Callable[..., None],
) -> None:
    project = day.project(tmp_path / "project")
    variables = day.variables(Path(sys.executable), tmp_path)
    read_only(project, whole=True)
    done = run((*as_a_person, "make", ".venv/.local"), project, variables)
    assert done.returncode == 2
    assert "could not make the folder .venv here" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("uv", [True, False], ids=["uv has the index", "pip alone"])
def test_make_explains_what_to_do_without_a_network(day: LaterDay, environment: Make, tmp_path: Path, uv: bool) -> None:
    project = day.project(tmp_path / "project")
    python = environment("3.11", "23.2.1", project / ".venv")
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
    variables = day.variables(python, tmp_path, uv=uv) | nowhere
    done = run(("make", ".venv/.local"), project, variables)
    assert done.returncode == 2
    assert f"{LOCAL} was not installed, for the reason above: see that a package index can be reached" in done.stderr
    assert not (project / ".venv" / ".local").exists()


def test_pip_installs_where_uv_cannot(day: LaterDay, environment: Make, tmp_path: Path) -> None:
    """Install where the index holds a uv that does not run."""
    project = day.project(tmp_path / "project")
    variables = day.variables(environment("3.11", "23.2.1", project / ".venv"), tmp_path, uv=True)
    done = run(("make", ".venv/.local"), project, variables)
    assert done.returncode == 0, done.stderr
    assert "pip tries" in done.stderr
    assert installed(project / ".venv").items() >= day.expected(LOCAL).items()


@pytest.mark.usefixtures("taken_ports")
def test_demo_runs_in_a_read_only_copy_with_spaces_without_free_ports_or_home(
    tmp_path: Path, as_a_person: tuple[str, ...], read_only: Callable[[Path], None]
) -> None:
    project = tmp_path / "a folder of  mine"
    for name in ("shared", "functions", "infra/bigquery"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "pyproject.toml"):
        shutil.copyfile(ROOT / name, project / name)
    read_only(project)
    assert run((*as_a_person, "sh", "-c", "echo >> Makefile"), project, dict(os.environ)).returncode != 0
    binaries = Path(sys.executable).parent
    variables = {"PATH": f"{binaries}{os.pathsep}{os.defpath}", "PYTHONPATH": str(project)}
    (tmp_path / "bin").symlink_to(
        binaries
    )  # make takes no value with a space, and these tests may lie in such a folder
    command = (*as_a_person, "make", "demo", f"BIN={tmp_path / 'bin'}", "--old-file=.venv/.local")
    done = run(command, project, variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Stopped; nothing is left running" in done.stdout + done.stderr
    assert not any(f":{port}/" in done.stdout for port in PREFERRED_PORTS)
    assert (project / ".bucketlens" / "demo").is_dir()
