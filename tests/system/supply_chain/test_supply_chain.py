"""Tests that dependencies are pinned by their bytes, licences listed, and an audit without an answer reported."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.system.supply_chain.audit import ACCEPTED, ROOT, NoAnswer, audited, lock_files, vulnerabilities_in

HASH = "--hash=sha256:"


def blocks(lock: Path) -> list[str]:
    """Return each package of a lock file with its further lines."""
    return [block for block in re.split(r"\n(?=\S)", lock.read_text("utf-8")) if "==" in block.splitlines()[0]]


@pytest.mark.parametrize("lock", lock_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_lock_files_pin_every_package_by_its_hashes(lock: Path) -> None:
    assert blocks(lock)
    assert [block.split("==")[0] for block in blocks(lock) if HASH not in block] == []


def test_lock_files_are_all_audited() -> None:
    folders = (".", "docs/site", "functions", "shared/local", "tests/*", "tests/*/*")
    text_files = {path for folder in folders for path in ROOT.glob(f"{folder}/*.txt")}
    assert {path for path in text_files if HASH in path.read_text("utf-8")} == set(lock_files())


def test_licences_of_everything_that_ships_are_documented() -> None:
    text = (ROOT / "docs" / "licences.md").read_text("utf-8")
    listed = dict(re.findall(r"^\| (\S+) +\| (\S+) +\|", text, re.MULTILINE))
    listed = {canonicalize_name(name): version for name, version in listed.items()}
    shipped = [
        Requirement(block.split("\\")[0].split("--hash")[0].strip())
        for block in blocks(ROOT / "functions" / "requirements.txt")
    ]
    installed = [
        requirement
        for requirement in shipped
        if requirement.marker is None or requirement.marker.evaluate({"sys_platform": "linux"})
    ]
    assert {requirement.name: listed.get(canonicalize_name(requirement.name)) for requirement in installed} == {
        requirement.name: next(iter(requirement.specifier)).version for requirement in installed
    }, "run: make licences"


def pip_audit(folder: Path, report: object, code: int = 0) -> Path:
    """Return a program that prints a report of pip-audit."""
    program = folder / "pip-audit"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(report)}\nEND\nexit {code}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_audit_without_an_answer_is_not_clean(tmp_path: Path) -> None:
    """Imitate pip-audit 2.10, which exits with 0 where the index knows none of the packages, as a mirror does."""
    report = {"dependencies": [{"name": name, "skip_reason": "not found"} for name in ("pillow", "numpy")]}
    with pytest.raises(NoAnswer, match="2 of 2 packages unknown there: pillow"):
        audited(lock_files()[0], pip_audit(tmp_path, report))


def test_audit_without_a_network_explains_what_to_do(tmp_path: Path) -> None:
    program = tmp_path / "pip-audit"
    program.write_text("#!/bin/sh\necho 'ConnectionError: no route' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(NoAnswer, match=r"\(ConnectionError: no route\); run this again on a machine that reaches it"):
        audited(lock_files()[0], program)


def test_audit_names_the_version_that_fixes_a_vulnerability(tmp_path: Path) -> None:
    known = {"id": "PYSEC-2026-1", "fix_versions": ["13.0.1"], "description": "A picture can write a file.\nMore."}
    report = {"dependencies": [{"name": "pillow", "version": "13.0.0", "vulns": [known]}]}
    [vulnerability] = audited(lock_files()[0], pip_audit(tmp_path, report, code=1))
    assert (vulnerability.package, vulnerability.id, vulnerability.fixed_in) == (
        "pillow 13.0.0",
        "PYSEC-2026-1",
        "13.0.1",
    )
    assert vulnerability.text == "A picture can write a file."
    assert not vulnerability.is_accepted


def test_audit_reports_a_vulnerability_without_a_fixed_version() -> None:
    [vulnerability] = vulnerabilities_in([{"name": "a", "version": "1", "vulns": [{"id": "X", "fix_versions": []}]}])
    assert vulnerability.fixed_in == "no version yet"


def test_audit_exceptions_each_have_a_reason() -> None:
    assert [id for id, why in ACCEPTED.items() if len(why) < 30] == []
