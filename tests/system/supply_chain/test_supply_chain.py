"""What we build on is pinned by its bytes, its licences are listed, and an audit that was not answered says so."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.system.supply_chain.audit import ACCEPTED, ROOT, NotAsked, audited, lock_files, vulnerabilities_in

HASH = "--hash=sha256:"


def blocks(lock: Path) -> list[str]:
    """Return each package of a lock file with what belongs to it."""
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
    here = [one for one in shipped if one.marker is None or one.marker.evaluate({"sys_platform": "linux"})]
    assert {one.name: listed.get(canonicalize_name(one.name)) for one in here} == {
        one.name: next(iter(one.specifier)).version for one in here
    }, "run: make licences"


def pip_audit(folder: Path, said: object, code: int = 0) -> Path:
    """Return a program that says what pip-audit said once."""
    program = folder / "pip-audit"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(said)}\nEND\nexit {code}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_audit_without_an_answer_is_not_clean(tmp_path: Path) -> None:
    """pip-audit 2.10 ends with 0 where the index knows none of the packages, as a mirror does."""
    said = {"dependencies": [{"name": name, "skip_reason": "not found"} for name in ("pillow", "numpy")]}
    with pytest.raises(NotAsked, match="2 of 2 packages unknown there: pillow"):
        audited(lock_files()[0], pip_audit(tmp_path, said))


def test_audit_without_a_network_explains_what_to_do(tmp_path: Path) -> None:
    program = tmp_path / "pip-audit"
    program.write_text("#!/bin/sh\necho 'ConnectionError: no route' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(NotAsked, match=r"\(ConnectionError: no route\); run this again on a machine that reaches it"):
        audited(lock_files()[0], program)


def test_audit_names_the_version_that_fixes_a_vulnerability(tmp_path: Path) -> None:
    known = {"id": "PYSEC-2026-1", "fix_versions": ["13.0.1"], "description": "A picture can write a file.\nMore."}
    said = {"dependencies": [{"name": "pillow", "version": "13.0.0", "vulns": [known]}]}
    [found] = audited(lock_files()[0], pip_audit(tmp_path, said, code=1))
    assert (found.package, found.id, found.mended_in) == ("pillow 13.0.0", "PYSEC-2026-1", "13.0.1")
    assert found.text == "A picture can write a file."
    assert not found.is_accepted


def test_audit_reports_a_vulnerability_without_a_fixed_version() -> None:
    [found] = vulnerabilities_in([{"name": "a", "version": "1", "vulns": [{"id": "X", "fix_versions": []}]}])
    assert found.mended_in == "no version yet"


def test_audit_exceptions_each_have_a_reason() -> None:
    assert [id for id, why in ACCEPTED.items() if len(why) < 30] == []
