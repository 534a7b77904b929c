"""The examples of docs/https.md run, and print what the page shows."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from docs.run_https_examples import CONSOLE, PAGE, answer_to, commands_in, photo_in
from shared.http.router import PROTOCOLS
from tests.http.client_environments import CLIENT_S, made

TEXT = PAGE.read_text("utf-8")
BLOCKS = [match[1] for match in CONSOLE.finditer(TEXT)]
SCRIPTS = re.findall(r"```python\n# pip install (\w+)\S*\n(.*?)```", TEXT, re.DOTALL)
ENVIRONMENTS = {"tritonclient": "triton_client", "kserve": "kserve_client"}

CHANGES = re.compile(r"[0-9a-f]{12,64}|\d+\.\d+(e-\d+)?|\d{4}-\d\d-\d\dT[\d:.+]+")
"""Ids, scores, milliseconds and times: they differ between machines and between answers."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made_here = tmp_path_factory.mktemp("examples")
    photo_in(made_here)
    return made_here


def test_https_page_has_an_example_for_each_protocol() -> None:
    shown = " ".join(command for block in BLOCKS for command in commands_in(block))
    beginnings = (
        *("/v1/classify", "/v2/models", "/v1/models", "/v1/projects", "/v1/bigquery:call", "/v1/predictions"),
        "/v1/preview",
    )
    assert [path for path in beginnings if f"$URL{path}" not in shown] == []
    carrying = {
        route.path.split("{")[0].rstrip("/")
        for protocol in PROTOCOLS
        for route in protocol.routes
        if route.request_bodies
    }
    assert carrying == set(beginnings)
    assert len(SCRIPTS) == len(ENVIRONMENTS)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_https_page_shows_what_each_example_prints(url: str, folder: Path, block: str) -> None:
    if not (shutil.which("curl") and shutil.which("base64")):
        pytest.skip("curl or base64 is not installed")
    printed = "".join(f"$ {command}\n{answer_to(command, url, folder)}\n" for command in commands_in(block))
    assert CHANGES.sub("#", printed) == CHANGES.sub("#", block), "run: python docs/run_https_examples.py"


@pytest.mark.parametrize(("package", "script"), SCRIPTS, ids=[package for package, _ in SCRIPTS])
def test_https_page_client_script_gets_an_answer(url: str, folder: Path, package: str, script: str) -> None:
    client = made(ENVIRONMENTS[package])
    command = [str(client.python), "-c", script, url]
    done = subprocess.run(command, cwd=folder, env=client.variables, capture_output=True, text=True, timeout=CLIENT_S)
    assert done.returncode == 0, done.stderr
    assert "daisy" in done.stdout or "'label': (1,)" in done.stdout
