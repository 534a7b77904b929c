"""Make virtual environments for packages that conflict with the project's: with uv, below .bucketlens/, once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ROOT / ".bucketlens" / "environments"
INSTALLING_S = 480

NO_NETWORK = re.compile(r"failed to (?:fetch|download)|error sending request|dns error|network was disabled", re.I)
NO_WHEEL = re.compile(r"has no usable wheels|no wheels? with a matching", re.I)


class Impossible(Exception):
    """This machine cannot have the environment. The message names what is missing, and what to do."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The parts of an environment."""

    requirements: Path
    """A lock file with hashes; its name is the environment's."""
    extensions: tuple[str, ...] = ()
    """DuckDB extensions that are installed as packages and belong in HOME."""
    python: str | None = None
    """Such as ``3.13``; None for the Python that runs."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment and a home for the programs in it."""

    folder: Path

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.program("python")

    @property
    def home(self) -> Path:
        """The folder that its programs get as HOME, with nothing of the user's."""
        return self.folder / "home"

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of its programs: no setting of the user who runs the tests."""
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
        return {**kept, "HOME": str(self.home), "PYTHONUNBUFFERED": "1"}

    def program(self, name: str) -> Path:
        """Return the path of a program in it."""
        return self.folder / "bin" / name


def environment(recipe: Recipe, folder: Path = ENVIRONMENTS) -> Environment:
    """Return the environment of a recipe; it is made if it does not exist, or if making it was interrupted.

    Of several runs in parallel one makes it, and the others wait.

    Raises:
        Impossible: uv, that Python, a network, or a wheel for this machine is missing.
        RuntimeError: it could have been made, and was not; the message holds uv's output.
    """
    try:
        python = interpreter(recipe.python) if recipe.python else sys.executable
    except Impossible as error:
        raise Impossible(f"{recipe.requirements.stem}: {error}") from error
    content = f"{recipe}{recipe.requirements.read_text('utf-8')}{python}"
    name = f"{recipe.requirements.stem}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    made = Environment(folder / name)
    finished = made.folder / "finished"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel releases it if this process is killed
        if not finished.exists():
            shutil.rmtree(made.folder, ignore_errors=True)
            _make(made, recipe, python)
            finished.touch()
    return made


def _make(made: Environment, recipe: Recipe, python: str) -> None:
    what = recipe.requirements.stem
    _run(what, _uv(), "venv", "--quiet", "--python", python, str(made.folder))
    # Only wheels: a build would run, and need, more than was locked.
    options = ("--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--python", str(made.python))
    _run(what, _uv(), "pip", "install", *options, "--requirements", str(recipe.requirements))
    made.home.mkdir()
    for extension in recipe.extensions:
        script = f"from duckdb_extensions import import_extension; import_extension({extension!r})"
        _run(what, str(made.python), "-c", script, variables=made.variables)


def _run(what: str, *command: str, variables: dict[str, str] | None = None) -> str:
    environ = variables or {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    try:
        done = subprocess.run(
            command,
            env=environ,
            cwd="/",  # in a project, uv would follow that project's settings
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALLING_S,
        )
    except subprocess.TimeoutExpired as error:
        raise Impossible(
            f"{what} was not installed within {INSTALLING_S} s; with a faster network, run the tests again"
        ) from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        if NO_NETWORK.search(done.stderr):
            raise Impossible(
                f"{what} could not be downloaded ({lines[-1].strip()}); run the tests again with a network, once, "
                "or name a package index that can be reached (UV_DEFAULT_INDEX)"
            )
        if NO_WHEEL.search(done.stderr):
            raise Impossible(f"{what} has no wheel for this machine; run the tests on Linux x86-64 to include it")
        raise RuntimeError("\n".join([f"{' '.join(command)} failed:", *lines[-20:]]))
    return done.stdout.strip()


def interpreter(version: str) -> str:
    """Return an installed Python of a version such as ``3.13``; none is ever downloaded.

    Raises:
        Impossible: it is not installed, or uv is not, which looks for it.
    """
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version == running:
        return sys.executable
    # pyenv's python3.13 on PATH runs only if PYENV_VERSION names it; without pyenv the variable has no effect.
    variables = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "PYENV_VERSION": version}
    try:
        return _run("python", _uv(), "python", "find", version, variables=variables)
    except RuntimeError as error:
        raise Impossible(
            f"Python {version} is needed and this is {running}; install it, so that `python{version}` is found on PATH"
        ) from error


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    path = str(beside) if beside.exists() else shutil.which("uv")
    if not path:
        raise Impossible("uv is not installed; it comes with `make setup`")
    return path
