"""The whole of it in real processes: what a person types, what is killed, what is left."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

Picture = Callable[..., bytes]
ROOT = Path(__file__).parents[2]


class Bucketlens:
    """The command line as a process, with a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, check: int | None = 0, timeout: int = 120) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "shared.cli", *arguments],
            env=os.environ | {"PYTHONPATH": str(ROOT), "BUCKETLENS_FOLDER": str(self.folder), "COLUMNS": "200"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check is not None:
            assert done.returncode == check, f"{arguments}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def status(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self("status", "--json", check=None))
        return state

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self("query", sql, "--format", "json").splitlines()]


def living(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def bucketlens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucketlens]:
    """A cloud that was started with --detach and delivers a third of its events twice."""
    here = Bucketlens(tmp_path_factory.mktemp("up"))
    here("up", "--detach", "--duplicates", "0.3")
    yield here
    pids = list(here.status().get("pids", {}).values())
    here("down", check=None)
    assert living(pids) == []


def write(folder: Path, contents: list[bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, content in enumerate(contents):
        (folder / f"{index:03}.jpg").write_bytes(content)
    return folder


def test_drop_ends_in_a_row_that_sql_finds(bucketlens: Bucketlens, picture: Picture, tmp_path: Path) -> None:
    shown = bucketlens("drop", str(write(tmp_path / "one", [picture(100)])), "--wait")
    assert "one/000.jpg" in shown
    [row] = bucketlens.rows(
        "SELECT label, score, call.service FROM latest_predictions WHERE image.name = 'one/000.jpg'"
    )
    assert f"{row['label']} {row['score']:.2f}" in shown
    assert row["service"] == "classify-upload"


def test_up_refuses_a_folder_in_use(bucketlens: Bucketlens) -> None:
    for arguments in (["up"], ["up", "--detach"]):
        assert "runs in" in bucketlens(*arguments, check=2)


def test_status_names_every_part_with_its_url(bucketlens: Bucketlens) -> None:
    state = bucketlens.status()
    assert state["running"]
    assert all(state["parts"].values())
    assert all(url.startswith("http://127.0.0.1:") for url in state["urls"].values())


def test_parts_listen_on_loopback_only(bucketlens: Bucketlens) -> None:
    for pid in bucketlens.status()["pids"].values():
        process = psutil.Process(pid)
        for member in (process, *process.children(recursive=True)):
            addresses = {it.laddr.ip for it in member.net_connections() if it.status == psutil.CONN_LISTEN}
            assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_https_function_answers_as_in_the_cloud(bucketlens: Bucketlens, picture: Picture) -> None:
    url = bucketlens.status()["urls"]["classify_request"] + "/v1/classify"
    with urllib.request.urlopen(urllib.request.Request(url, picture(101)), timeout=30) as response:
        assert json.load(response)["recorded"] is True


def test_drop_does_not_overwrite_an_object(bucketlens: Bucketlens, picture: Picture, tmp_path: Path) -> None:
    one, two = (write(tmp_path / side / "same", [picture(seed)]) for side, seed in (("a", 102), ("b", 103)))
    bucketlens("drop", str(one), str(two), "--wait")
    rows = bucketlens.rows("SELECT image.sha256 FROM latest_predictions WHERE image.name LIKE 'same/%'")
    assert len({row["sha256"] for row in rows}) == 2


def test_query_refuses_invalid_sql_with_a_sentence(bucketlens: Bucketlens) -> None:
    assert "BigQuery refused the query" in bucketlens("query", "SELEC 1", check=2)
    assert "nowhere" in bucketlens("query", "SELECT * FROM nowhere", check=2)


def test_killed_upload_function_loses_and_duplicates_nothing(
    bucketlens: Bucketlens, picture: Picture, tmp_path: Path
) -> None:
    count = 60
    folder = write(tmp_path / "killed", [picture(1000 + index, (160, 120)) for index in range(count)])
    dropping = subprocess.Popen(
        [sys.executable, "-m", "shared.cli", "drop", str(folder)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "BUCKETLENS_FOLDER": str(bucketlens.folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    pause = random.Random()
    for _ in range(3):
        time.sleep(pause.uniform(0.3, 1.2))
        with contextlib.suppress(psutil.NoSuchProcess):  # the supervisor may have ended it in between
            master = psutil.Process(bucketlens.status()["pids"]["classify_upload"])
            for process in (master, *master.children(recursive=True)):
                process.send_signal(signal.SIGKILL)
    assert dropping.wait(60) == 0
    sql = "SELECT COUNT(*) AS images FROM latest_predictions WHERE image.name LIKE 'killed/%'"
    give_up_at = time.monotonic() + 90
    while bucketlens.rows(sql) != [{"images": count}]:
        assert time.monotonic() < give_up_at, bucketlens.rows(sql)
        bucketlens("sweep", "--age", "5", check=None)
    bucketlens("sweep", check=None)
    assert bucketlens.rows(sql) == [{"images": count}]
    store = f"{bucketlens.status()['urls']['storage']}/storage/v1/b"
    [distinct] = bucketlens.rows(
        "SELECT COUNT(DISTINCT image.archive_uri) AS archived FROM latest_predictions WHERE image.name LIKE 'killed/%'"
    )
    assert distinct == {"archived": count}
    with urllib.request.urlopen(f"{store}/bucketlens-uploads/o", timeout=10) as listing:
        assert json.load(listing).get("items", []) == []


def test_killed_part_is_restarted_with_its_data(bucketlens: Bucketlens, picture: Picture, tmp_path: Path) -> None:
    bucketlens("drop", str(write(tmp_path / "before", [picture(104)])), "--wait")
    [had] = bucketlens.rows("SELECT COUNT(*) AS images FROM latest_predictions")
    before = bucketlens.status()["pids"]
    assert len(before) == 5
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    give_up_at = time.monotonic() + 60
    while not all((state := bucketlens.status())["parts"].values()) or before.items() & state["pids"].items():
        assert time.monotonic() < give_up_at
    bucketlens("drop", str(write(tmp_path / "after", [picture(105)])), "--wait")
    assert bucketlens.rows("SELECT COUNT(*) AS images FROM latest_predictions") == [{"images": had["images"] + 1}]
    archive = state["urls"]["storage"] + "/storage/v1/b/bucketlens-archive/o"
    with urllib.request.urlopen(archive, timeout=10) as listing:
        archived = {item["name"] for item in json.load(listing)["items"]}
    named = bucketlens.rows("SELECT DISTINCT image.archive_uri AS uri FROM latest_predictions")
    assert archived == {row["uri"].removeprefix("gs://bucketlens-archive/") for row in named}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_every_started_process(tmp_path: Path, number: signal.Signals) -> None:
    here = Bucketlens(tmp_path)
    with (tmp_path / "out").open("w") as out:
        up = subprocess.Popen(
            [sys.executable, "-m", "shared.cli", "up"],
            env=os.environ | {"PYTHONPATH": str(ROOT), "BUCKETLENS_FOLDER": str(tmp_path)},
            stdout=out,
            stderr=out,
        )
        give_up_at = time.monotonic() + 60
        while "Type next" not in (tmp_path / "out").read_text():
            assert up.poll() is None, (tmp_path / "out").read_text()
            assert time.monotonic() < give_up_at
            time.sleep(0.1)
        family = [child.pid for child in psutil.Process(up.pid).children(recursive=True)]
        assert len(family) >= 6
        up.send_signal(number)
        assert up.wait(40) == 0
    assert living(family) == []
    assert here.status() == {"running": False, "folder": str(tmp_path.resolve()), "parts": {}}


def test_down_ends_the_leftovers_of_a_killed_up(tmp_path: Path) -> None:
    here = Bucketlens(tmp_path)
    here("up", "--detach")
    state = here.status()
    os.kill(state["pid"], signal.SIGKILL)
    assert "left" in here("down")
    assert living(list(state["pids"].values())) == []


def test_up_leaves_a_taken_port_to_its_owner(tmp_path: Path) -> None:
    with socket.socket() as owner:
        owner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            owner.bind(("127.0.0.1", 8080))
            owner.listen()
        except OSError:
            pass  # another program has the port, which serves the test too
        here = Bucketlens(tmp_path)
        here("up", "--detach")
        url = here.status()["urls"]["classify_request"]
        here("down")
    assert not url.endswith(":8080")


def test_commands_without_a_cloud_name_the_command_that_starts_it(tmp_path: Path) -> None:
    here = Bucketlens(tmp_path)
    for arguments in (["query", "SELECT 1"], ["sweep"], ["drop", str(ROOT / "README.md")]):
        assert "bucketlens up" in here(*arguments, check=2)
    assert here("status", check=1)
    assert "No local cloud runs" in here("down")
