"""Runs test files without any mutant, under coverage: ``python -m tests.mutation.baseline TARGET FILE …``.

It is started in a copy of the project, runs the tests of the first tier in the files, and writes into TARGET which test
ran which statement: see ``measured.Entry``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.mutation import recorder
from tests.mutation.chapters import CHAPTERS
from tests.mutation.choice import AT_IMPORT, VIEW_READER, statement_at
from tests.mutation.measured import is_test_file, structure_of
from tests.mutation.tree import digest

CONFIGURATION = """[run]
data_file = {root}/coverage.data
include =
{included}
"""
BESIDE = 8
"""With so many files, two processes run the tests; to start them takes a while."""


def main() -> int:
    """Run them; returns 1 where the result could not be written."""
    root, target, files = Path.cwd(), Path(sys.argv[1]), sys.argv[2:]
    record, configuration = root / "record.jsonl", root / "coverage.ini"
    configuration.write_text(CONFIGURATION.format(root=root, included=_included(root)), "utf-8")
    record.write_text("", "utf-8")
    os.environ[recorder.FILE] = str(record)
    options = ["--tier", "check", "-q", "-p", "no:cacheprovider", f"--basetemp={root / 'temporary'}"]
    options += ["--numprocesses", "2", "--dist", "loadscope"] if len(files) >= BESIDE else []
    coverage = ("--cov", f"--cov-config={configuration}", "--cov-context=test", "--cov-report=")
    pytest.main([*options, "-p", "pytest_cov", *coverage, *files], plugins=[recorder])
    target.write_text(json.dumps(_entries(root, files)), "utf-8")
    return 0


def _included(root: Path) -> str:
    """Return the folders whose coverage is asked for; to trace the local cloud too would take several times as long."""
    mutated = {Path(path).parent for chapter in CHAPTERS for path in chapter.files(root) if path.endswith(".py")}
    return "\n".join(f"    {root / folder}/*" for folder in sorted({*mutated, Path(VIEW_READER).parent}))


def _entries(root: Path, files: list[str]) -> dict[str, Any]:
    from coverage import CoverageData

    found: dict[str, Any] = {
        file: {
            "digest": digest((root / file).read_text("utf-8")),
            "sources": {},
            "seconds": {},
            "failed": [],
            "statements": {},
        }
        for file in files
    }
    for line in (root / "record.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        of = found[entry["test"].partition("::")[0]]
        of["seconds"][entry["test"]] = entry["seconds"]
        if entry["failed"] and entry["test"] not in of["failed"]:
            of["failed"].append(entry["test"])
    numbers = {test: number for of in found.values() for number, test in enumerate(of["seconds"])}
    data = CoverageData(str(root / "coverage.data"))
    data.read()
    for file in data.measured_files():
        if is_test_file(file):
            continue
        path, source = Path(file).relative_to(root).as_posix(), Path(file).read_text("utf-8")
        structure = structure_of(source)
        for line_number, contexts in data.contexts_by_lineno(file).items():
            number = statement_at(source, line_number)
            statement = AT_IMPORT if number is None else number
            for test in {context.partition("|")[0] for context in contexts} & set(numbers):
                of = found[test.partition("::")[0]]
                of["sources"][path] = structure
                ran = of["statements"].setdefault(path, {}).setdefault(statement, [])
                if numbers[test] not in ran:
                    ran.append(numbers[test])
    return found


if __name__ == "__main__":
    raise SystemExit(main())
