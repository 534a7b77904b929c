"""The shipped packages: those of functions/requirements.txt, installed separately and read by tools."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.environments import Recipe, environment

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = Recipe(ROOT / "functions" / "requirements.txt")
TOOLS = Recipe(Path(__file__).with_name("tools.txt"))


def tool(name: str) -> Path:
    """Return the path of a tool.

    Raises:
        Impossible: it cannot be installed here.
    """
    return environment(TOOLS).program(name)


def bill_of_materials() -> str:
    """Return the shipped packages as CycloneDX JSON, with versions, licences and package URLs; the same at each run."""
    options = ("--output-reproducible", "--output-format", "JSON", "--pyproject", str(ROOT / "pyproject.toml"))
    return _output_of(tool("cyclonedx-py"), "environment", *options, str(environment(SHIPPED).python))


def licences() -> str:
    """Return the licences of the shipped packages, as a table in Markdown."""
    options = ("--from", "mixed", "--order", "license", "--format", "markdown", "--with-urls")
    table = _output_of(tool("pip-licenses"), "--python", str(environment(SHIPPED).python), *options)
    return "\n".join(line.rstrip() for line in table.strip().splitlines())


def _output_of(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
