"""Tests of functions/compose.yaml: valid by the specification's schema, confined, explained, and its command runs."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from shared.cli.up_options import settable
from shared.local.demo.drawings import drawings
from tests.environments import Impossible
from tests.system.image.composed import FILE, VARIABLE, Composed, composed, service_of
from tests.system.image.confinement import OUR_PATH, confinement
from tests.system.image.dockerfile import Expose, parse
from tests.system.image.engine import ROOT, Engine
from tests.system.image.programs import program

TEXT = FILE.read_text("utf-8")
SERVICE = service_of({})
POST = """
import sys, urllib.request
with urllib.request.urlopen("http://127.0.0.1:8000/v1/classify", open(sys.argv[1], "rb").read()) as answer:
    print(answer.read().decode())
"""
PAGE = """
import urllib.request
request = urllib.request.Request("http://127.0.0.1:8000/", headers={"Accept": "text/html"})
print(urllib.request.urlopen(request).read().decode())
"""
NOT_POSSIBLE = confinement().reason if not confinement().namespace else ""


def faults(file: Path) -> str:
    """Return the faults of a file by the compose specification's own schema; empty if it has none."""
    command = [program("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.fixture(scope="module")
def running(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """The service, healthy, with a picture in the folder to drop from."""
    if NOT_POSSIBLE or not shutil.which("ip", path=OUR_PATH):
        pytest.skip(NOT_POSSIBLE or "the program `ip`, which makes a network for the service alone, is not installed")
    folder = tmp_path_factory.mktemp("composed")
    for name, mode in (("data", 0o1777), ("drop", 0o755), ("models", 0o755)):
        (folder / name).mkdir()
        (folder / name).chmod(mode)
    drawings()["daisy"].save(folder / "drop" / "daisy.jpg", quality=92)
    volumes = [f"{folder}/data:/data", f"{folder}/drop:/drop:ro", f"{folder}/models:/models:ro"]
    assert [volume.split(":")[1:] for volume in volumes] == [volume.split(":")[1:] for volume in SERVICE["volumes"]]
    try:
        image = engine.build(SERVICE["build"]["target"])
    except Impossible as error:
        pytest.skip(str(error))
    with composed(image, SERVICE, volumes, folder) as service:
        service.wait_until_healthy()
        yield service


def test_compose_file_matches_the_specification() -> None:
    assert faults(FILE) == ""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("    ports:", "    port:"), ("    init: true", "    init: [yes]"), ("interval: 30s", "interval: [30]")],
)
def test_compose_check_finds_keys_outside_the_specification(right: str, wrong: str, tmp_path: Path) -> None:
    assert right in TEXT
    (tmp_path / "compose.yaml").write_text(TEXT.replace(right, wrong), "utf-8")
    assert faults(tmp_path / "compose.yaml") != ""


def test_compose_builds_a_target_and_publishes_its_port_on_loopback() -> None:
    build = SERVICE["build"]
    assert (FILE.parent / build["context"]).resolve() == ROOT
    stage = parse((ROOT / build["dockerfile"]).read_text("utf-8")).stage(build["target"])
    [port] = [step.port for step in stage.instructions if isinstance(step, Expose)]
    assert SERVICE["ports"] == [f"127.0.0.1:8000:{port}"]
    assert f"--listen=0.0.0.0:{port}" in SERVICE["command"]


def test_compose_service_has_least_privilege() -> None:
    assert SERVICE["read_only"] is True
    assert SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory", "pids"} <= SERVICE["deploy"]["resources"]["limits"].keys()
    assert not {"privileged", "cap_add", "network_mode", "pid", "user", "devices", "environment"} & SERVICE.keys()
    assert set(yaml.safe_load(TEXT)["volumes"]) == {"data"}


def test_compose_variables_are_explained_with_their_defaults() -> None:
    explained = dict(re.findall(r"^#     (BUCKETLENS_\w+) +(.+)$", TEXT, re.MULTILINE))
    used = dict(VARIABLE.findall(TEXT))
    assert explained.keys() == used.keys()
    for name, value in used.items():
        assert value.removeprefix("./") in explained[name], name


def test_compose_settings_are_settings_of_the_functions() -> None:
    names = {word.removeprefix("--set=").partition("=")[0] for word in SERVICE["command"] if word.startswith("--set=")}
    assert names
    assert names <= set(settable())


def test_compose_service_classifies_an_image_and_its_row_can_be_queried(running: Composed) -> None:
    code, output = running.exec("python", "-c", POST, "/drop/daisy.jpg")
    assert code == 0, output
    answer: dict[str, Any] = yaml.safe_load(output)
    assert answer["label"] == "daisy"
    assert answer["recorded"] is True
    sql = f"SELECT label FROM predictions_by_model WHERE prediction_id = '{answer['prediction_id']}'"
    code, output = running.exec("bucketlens", "query", sql)
    assert code == 0, output
    assert "daisy" in output


def test_compose_service_classifies_a_file_of_the_mounted_folder(running: Composed) -> None:
    code, output = running.exec("bucketlens", "drop", "/drop", "--wait")
    assert code == 0, output
    assert "daisy" in output


def test_compose_service_serves_the_page(running: Composed) -> None:
    code, output = running.exec("python", "-c", PAGE)
    assert code == 0, output
    assert "<title>" in output


def test_compose_service_opens_only_its_port(running: Composed) -> None:
    """Read the listening ports from the kernel (proc(5), /proc/net/tcp): on another address than 127.0.0.1."""
    code, output = running.exec("cat", "/proc/net/tcp")
    assert code == 0, output
    rows = [line.split() for line in output.splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A"]
    assert len(listening) >= 5
    assert {address for address in listening if not address.startswith("0100007F")} == {f"00000000:{8000:04X}"}


def test_compose_service_stops_on_sigterm_with_all_its_processes(running: Composed) -> None:
    """Stop the service; last in this module, since the other tests need it running."""
    family = psutil.Process(running.process.pid).children(recursive=True)
    assert len(family) >= 6
    assert running.end() == 0, running.last_output()
    assert [member.cmdline() for member in family if member.is_running()] == []
