"""How many threads the server has: THREADS has one default, and a malformed value is named like any other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.errors import Misconfigured
from shared.settings import Settings, server_threads

ROOT = Path(__file__).parents[2]
READ = "import runpy; print(runpy.run_path('functions/gunicorn.conf.py')['threads'])"


@pytest.mark.parametrize(("environment", "threads"), [({}, 24), ({"THREADS": ""}, 24), ({"THREADS": "3"}, 14)])
def test_server_threads_include_those_of_queued_requests(environment: dict[str, str], threads: int) -> None:
    assert server_threads(environment) == threads


@pytest.mark.parametrize("malformed", ["eight", "0", "-1", "4.5"])
def test_server_threads_have_the_default_for_a_malformed_setting(malformed: str) -> None:
    assert server_threads({"THREADS": malformed}) == server_threads({})
    with pytest.raises(Misconfigured, match=f"UPLOAD_BUCKET is not set.*THREADS is '{malformed}', expected a whole"):
        Settings.from_environment({"THREADS": malformed})


@pytest.mark.needs("process")  # the configuration sets the process it is read in up as a server
def test_gunicorn_configuration_uses_the_settings() -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ],
        cwd=ROOT,
        env={**os.environ, "THREADS": "3", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["14"]
