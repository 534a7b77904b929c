"""What ships: the packages of functions/requirements.txt, installed apart and looked at by tools."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.environments import Recipe, environment

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = Recipe(ROOT / "functions" / "requirements.txt")
TOOLS = Recipe(Path(__file__).with_name("tools.txt"))


def tool(name: str) -> Path:
    """Return where a tool is.

    Raises:
        Impossible: it cannot be installed here.
    """
    return environment(TOOLS).program(name)


def bill_of_materials() -> str:
    """Return what ships as CycloneDX JSON, with versions, licences and package URLs; the same at each run."""
    options = ("--output-reproducible", "--output-format", "JSON", "--pyproject", str(ROOT / "pyproject.toml"))
    return _told(tool("cyclonedx-py"), "environment", *options, str(environment(SHIPPED).python))


def licences() -> str:
    """Return the licences of what ships, as a table in Markdown."""
    options = ("--from", "mixed", "--order", "license", "--format", "markdown", "--with-urls")
    table = _told(tool("pip-licenses"), "--python", str(environment(SHIPPED).python), *options)
    return "\n".join(line.rstrip() for line in table.strip().splitlines())


def _told(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
