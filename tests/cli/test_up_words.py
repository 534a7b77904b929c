"""What `up` and its fellows say: where the page is, what is kept, how to go on, and where clouds run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from shared.cli import main
from shared.cli.type_next import what_to_type_next
from shared.local.cloud import Cloud, folder_lock
from shared.local.running import folders_in_use

ROOT = Path(__file__).parents[2]


def test_up_prints_the_url_of_the_page_first(cloud: Cloud) -> None:
    assert f"\nOpen {cloud.url('classify_request')} and drop pictures.\n" in what_to_type_next(cloud)


def test_up_opens_the_page_and_prints_at_its_end_what_is_kept(tmp_path: Path) -> None:
    """The browser is a script that records the URL to open."""
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{tmp_path}/opened"\n')
    browser.chmod(0o755)
    folder = tmp_path / "cloud"
    process = subprocess.Popen(
        [sys.executable, "-m", "shared.cli", "up", "--open", "--folder", str(folder)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "BROWSER": f"{browser} %s"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=tmp_path,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "gcloud storage cp" in line:
                break
        [page] = [line.split()[1] for line in lines if line.startswith("Open ")]
        while not (tmp_path / "opened").exists():
            assert process.poll() is None
        assert folder in folders_in_use()
    finally:
        process.send_signal(signal.SIGINT)
        remaining, _ = process.communicate(timeout=60)
    assert (tmp_path / "opened").read_text().strip() == page
    assert f"Pictures and rows are kept in {folder}; start again with: bucketlens up --folder {folder}" in remaining
    assert process.returncode == 0


def test_status_names_the_page(cloud: Cloud, tmp_path: Path) -> None:
    replace(cloud, folder=tmp_path).save()
    with folder_lock(tmp_path):
        shown = CliRunner().invoke(main, ["status", "--folder", str(tmp_path)], env={"COLUMNS": "200"})
    assert f"The page is at {cloud.url('classify_request')}" in shown.output


@pytest.mark.parametrize("typed", [["query", "SELECT 1"], ["status"], ["down"], ["drop", __file__]])
def test_commands_without_a_local_cloud_name_the_folder_of_another(
    cloud: Cloud, tmp_path: Path, typed: list[str]
) -> None:
    cloud.save()
    with folder_lock(cloud.folder):
        done = CliRunner().invoke(main, [*typed, "--folder", str(tmp_path / "empty")])
    assert f"A local cloud runs in {cloud.folder}: add --folder {cloud.folder}" in done.output
    assert not (tmp_path / "empty").exists()
