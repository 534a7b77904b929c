"""A plugin of pytest that writes how each test ended, and how long it took, into the file that ``FILE`` names.

A line of JSON for each test is written immediately, so results survive the end of the process.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

FILE = "BUCKETLENS_MUTATION_RECORD"
"""The environment variable that names the file."""

_seconds: dict[str, float] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Record a test that failed, or that is over."""
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration
    if report.failed or report.when == "teardown":
        _write(report.nodeid, report.failed, _seconds[report.nodeid])


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Record a file that cannot be imported: that notices the mutant, too."""
    if report.failed:
        _write(report.nodeid, True, 0.0)


def _write(test: str, failed: bool, seconds: float) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        return  # the process that started the workers gets all tests
    with Path(os.environ[FILE]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"test": test, "failed": failed, "seconds": round(seconds, 3)}) + "\n")
