"""Tests of the serving image at work: made by the Dockerfile's steps, as its own user, on a read-only root."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
import requests

from shared.local.demo.drawings import drawings
from tests.system.chaos.events import event_of, post
from tests.system.image.confinement import confinement
from tests.system.image.container import as_deployed, run, started
from tests.system.image.engine import Image
from tests.system.image.size import installed_mb, snapshot
from tests.worlds import World

Picture = Callable[..., bytes]
MOST_MB = 400
SWEEP = ["python", "functions/classify_backlog/main.py"]
TRY_TO_WRITE = """
import os, pathlib, sys
for folder in sys.argv[1:]:
    try:
        pathlib.Path(folder, "written").touch()
        print("can write", folder)
    except OSError as error:
        print(type(error).__name__, error.errno)
"""


def daisy() -> bytes:
    content = BytesIO()
    drawings()["daisy"].save(content, "JPEG", quality=92)
    return content.getvalue()


def test_request_function_in_the_image_answers_and_stops_on_sigterm(
    serving: Image, world: World, tmp_path: Path
) -> None:
    before = snapshot(serving)
    with started(serving, as_deployed(world.environment, "classify_request"), tmp_path) as container:
        container.wait_until_ready()
        answer = requests.post(f"{container.url}/v1/classify", data=daisy(), timeout=30)
        assert answer.status_code == 200, container.last_output()
        assert answer.json()["label"] == "daisy"
        assert answer.json()["recorded"] is True
        assert container.end() == 0, container.last_output()
    assert snapshot(serving) == before


def test_upload_function_in_the_image_makes_a_row_of_an_event(
    serving: Image, world: World, picture: Picture, tmp_path: Path
) -> None:
    world.put("garden/rose.jpg", picture(700), tmp_path)
    upload = world.store.find(world.uploads, "garden/rose.jpg")
    with started(serving, as_deployed(world.environment, "classify_upload"), tmp_path) as container:
        container.wait_until_ready()
        assert post(container.url, event_of(upload.ref, upload.size_bytes)) < 300, container.last_output()
        assert container.end() == 0, container.last_output()
    [row] = world.rows("latest_predictions")
    assert row["image"]["name"] == "garden/rose.jpg"
    assert row["call"]["revision"] == "classify-upload-00001-abc"
    assert world.names_in(world.uploads) == []


def test_backlog_job_in_the_image_sweeps_the_backlog(
    serving: Image, world: World, picture: Picture, tmp_path: Path
) -> None:
    world.put("left/behind.jpg", picture(701), tmp_path)
    time.sleep(1.1)
    job = {**world.environment, "BACKLOG_AGE_S": "1", "CLOUD_RUN_JOB": "classify-backlog", "CLOUD_RUN_EXECUTION": "e-1"}
    code, output = run(serving, SWEEP, job, tmp_path)
    assert code == 0, output
    [row] = world.rows("latest_predictions")
    assert row["call"]["service"] == "classify-backlog"


def test_request_function_in_the_image_takes_a_large_form_without_disk(
    serving: Image, world: World, picture: Picture, tmp_path: Path
) -> None:
    """Send a form with a file of more than 500 kB, which werkzeug spools to a temporary file."""
    large = picture(702, (2000, 1500)) + b"\0" * 600_000
    with started(serving, as_deployed(world.environment, "classify_request"), tmp_path) as container:
        container.wait_until_ready()
        answer = requests.post(f"{container.url}/v1/classify?record=false", files={"image": large}, timeout=30)
        assert answer.status_code == 200, container.last_output()


def test_container_without_a_setting_does_not_start_and_names_it(serving: Image, world: World, tmp_path: Path) -> None:
    environment = as_deployed(world.environment, "classify_request")
    del environment["ARCHIVE_BUCKET"]
    with started(serving, environment, tmp_path) as container:
        assert container.process.wait(60) != 0
        assert "ARCHIVE_BUCKET is not set" in container.last_output()


@pytest.mark.skipif(not confinement().namespace, reason=confinement().reason)
def test_container_start_compiles_nothing(serving: Image, world: World, tmp_path: Path) -> None:
    """Check the bytecode of every module that serving loads, Python's own library included."""
    script = """
import os, sys
import functions_framework, gunicorn.app.wsgiapp, gunicorn.workers.gthread
import shared.http.responses, shared.service
shared.service.Service.from_environment().pipeline()
loaded = [module for module in list(sys.modules.values()) if getattr(module, "__cached__", None)]
print(len(loaded), *sorted(module.__name__ for module in loaded if not os.path.exists(module.__cached__)))
"""
    code, output = run(serving, ["python", "-c", script], world.environment, tmp_path)
    assert code == 0, output
    count, *compiled = output.splitlines()[-1].split()
    assert int(count) > 500
    assert compiled == []


def test_serving_image_has_litert_and_no_tensorflow(serving: Image, tmp_path: Path) -> None:
    code, output = run(serving, ["python", "-c", "import ai_edge_litert, pillow_heif; import tensorflow"], {}, tmp_path)
    assert code != 0
    assert "No module named 'tensorflow'" in output


def test_serving_image_is_small(serving: Image) -> None:
    """Measure the same figure as `python -m tests.system.image serving` prints."""
    assert 100 < installed_mb(serving.application) < MOST_MB


@pytest.mark.skipif(not confinement().namespace, reason=confinement().reason)
def test_container_can_write_only_shared_memory(serving: Image, tmp_path: Path) -> None:
    places = ["/", "/app", "/app/shared", "/app/.venv/bin", "/tmp", "/etc", "/usr"]
    code, output = run(serving, ["python", "-c", TRY_TO_WRITE, *places], {}, tmp_path)
    assert code == 0, output
    assert "can write" not in output
    assert len(output.splitlines()) == len(places)


@pytest.mark.skipif(not confinement().changes_user, reason=confinement().reason)
def test_container_runs_as_a_user_that_owns_no_file(serving: Image, tmp_path: Path) -> None:
    script = "import os; print(os.getresuid(), os.getresgid(), os.getgroups())"
    assert run(serving, ["python", "-c", script], {}, tmp_path) == (0, f"{(65532,) * 3} {(65532,) * 3} []\n")
    assert {path.lstat().st_uid for path in serving.application.rglob("*")} == {0}


@pytest.mark.skipif(not confinement().namespace, reason=confinement().reason)
def test_container_sees_no_folder_of_the_machine(serving: Image, tmp_path: Path) -> None:
    """Guard the tests above: nothing that works does so by a file of the repository or of a home folder."""
    script = "import json, os, sys; print(json.dumps([os.listdir('/'), sys.path, os.path.exists(sys.argv[1])]))"
    code, output = run(serving, ["python", "-c", script, str(Path(__file__))], {}, tmp_path)
    assert code == 0, output
    root, path, sees_this_file = json.loads(output)
    assert "app" in root
    assert sees_this_file is False
    assert [entry for entry in path if entry and not entry.startswith(("/app", str(serving.base.prefix)))] == []
