"""The options of ``bucketlens up`` for hosting; faults are reported before anything starts."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from shared.cli.up import command
from shared.cli.up_options import DECIDED, checked_settings, settable
from shared.local.cloud import HOST, new_cloud, saved_cloud
from shared.local.processes import parts_of, sweep_settings
from shared.settings import DEFAULT_BUNDLE


def test_up_listen_changes_only_the_request_function(tmp_path: Path) -> None:
    cloud = new_cloud(tmp_path, DEFAULT_BUNDLE, ("0.0.0.0", 8123))
    bound = {part.name: (part.environment.get("HOST"), part.environment.get("PORT")) for part in parts_of(cloud)}
    assert bound["classify_request"] == ("0.0.0.0", "8123")
    assert bound["classify_upload"] == (HOST, str(cloud.ports["classify_upload"]))
    assert cloud.url("classify_request") == "http://127.0.0.1:8123"


def test_up_listens_on_loopback_by_default(tmp_path: Path) -> None:
    parts = parts_of(new_cloud(tmp_path, DEFAULT_BUNDLE))
    assert {part.environment.get("HOST", HOST) for part in parts} == {HOST}


def test_up_settings_reach_both_functions_and_the_sweep(tmp_path: Path) -> None:
    cloud = new_cloud(tmp_path, DEFAULT_BUNDLE, settings={"THREADS": "2", "STRIP_METADATA": "true"})
    functions = [part.environment for part in parts_of(cloud) if part.name.startswith("classify")]
    for environment in (*functions, sweep_settings(cloud, 1)):
        assert (environment["THREADS"], environment["STRIP_METADATA"]) == ("2", "true")


def test_up_saves_the_address_for_other_commands(tmp_path: Path) -> None:
    cloud = new_cloud(tmp_path, DEFAULT_BUNDLE, ("0.0.0.0", 8123), {"THREADS": "2"})
    cloud.save()
    assert saved_cloud(tmp_path) == cloud


@pytest.mark.parametrize("address", ["8000", ":8000", "0.0.0.0:", "0.0.0.0:http", "0.0.0.0:0", "0.0.0.0:65536"])
def test_up_refuses_an_address_without_host_or_port(address: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["--folder", str(tmp_path / "cloud"), "--listen", address])
    assert done.exit_code == 2
    assert "expected HOST:PORT, such as 0.0.0.0:8000" in done.output
    assert not (tmp_path / "cloud").exists()


@pytest.mark.parametrize("setting", ["THREADS", "threads=2", "NO_SUCH=1", *(f"{name}=x" for name in DECIDED)])
def test_up_refuses_unknown_and_fixed_settings(setting: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["--folder", str(tmp_path / "cloud"), "--set", setting])
    assert done.exit_code == 2
    assert "expected NAME=VALUE with a name of" in done.output
    assert not (tmp_path / "cloud").exists()


def test_up_names_every_fault_of_the_settings() -> None:
    with pytest.raises(click.UsageError) as refused:
        checked_settings([("THREADS", "none"), ("MAX_IMAGE_BYTES", "-1")])
    assert "THREADS is 'none'" in str(refused.value)
    assert "MAX_IMAGE_BYTES is '-1'" in str(refused.value)


def test_up_accepts_only_settings_of_the_functions() -> None:
    assert {"THREADS", "MEMORY_MB", "STRIP_METADATA"} <= set(settable())
    assert not set(DECIDED) & set(settable())
