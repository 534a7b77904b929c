"""Query the known vulnerabilities of all locked packages from the advisory database, by pip-audit."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT_S = 15
LIMIT_S = 900

ACCEPTED: dict[str, str] = {}
"""Vulnerabilities that do not apply to the project, by id, each with the reason; none at present."""


class NoAnswer(Exception):
    """The advisory database did not answer for a package. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """A known vulnerability of a package."""

    package: str
    id: str
    fixed_in: str
    text: str

    @property
    def is_accepted(self) -> bool:
        """Whether ``ACCEPTED`` explains it."""
        return self.id in ACCEPTED


def lock_files() -> list[Path]:
    """Return every lock file of the project."""
    folders = ("shared/local", "docs/site", "tests/*", "tests/emulators/contract", "tests/system/infra")
    paths = [ROOT / "requirements.txt", *sorted((ROOT / "functions").glob("requirements*.txt"))]
    for folder in (*folders, "tests/system/supply_chain"):
        paths += sorted(ROOT.glob(f"{folder}/*.txt"))
    return paths


def audited(lock: Path, pip_audit: Path) -> list[Vulnerability]:
    """Query each package of a lock file.

    Raises:
        NoAnswer: packages are missing from the answer; pip-audit itself would only warn and exit with 0.
    """
    options = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", str(TIMEOUT_S))
    command = [str(pip_audit), "--requirement", str(lock), "--format", "json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError) as error:
        raise NoAnswer(_sentence(lock, (done.stderr.strip().splitlines() or ["no answer"])[-1])) from error
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    if unknown:
        raise NoAnswer(_sentence(lock, f"{len(unknown)} of {len(packages)} packages unknown there: {unknown[0]}, …"))
    return list(vulnerabilities_in(packages))


def vulnerabilities_in(packages: Iterable[dict[str, Any]]) -> Iterator[Vulnerability]:
    """Yield the vulnerabilities of pip-audit's report, from its JSON."""
    for package in packages:
        for entry in package["vulns"]:
            fixed_in = ", ".join(entry["fix_versions"]) or "no version yet"
            text = (entry.get("description") or "").split("\n")[0][:160]
            yield Vulnerability(f"{package['name']} {package['version']}", entry["id"], fixed_in, text)


def _sentence(lock: Path, why: str) -> str:
    return (
        f"The advisory database cannot be reached for {lock.relative_to(ROOT)} ({why}); run this again on a machine "
        "that reaches it: pip-audit asks the package index itself, a mirror of its files is not enough."
    )
