"""Ports of a local cloud: taken before a part starts, kept while it is not running, and reported if in use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest
import requests
from click.testing import CliRunner

from shared.cli import main
from shared.emulators.loopback.sockets import take_port
from shared.local.cloud import PREFERRED_PORTS, Cloud, new_cloud, saved_cloud
from shared.local.held_ports import HeldPorts
from shared.local.processes import Part, parts_of
from shared.local.supervisor import PartFailed, Supervisor
from shared.settings import DEFAULT_BUNDLE
from tests.emulators.storage_parts import HOST, ROOT, eventually
from tests.ports import free_port


class AlwaysReady(BaseHTTPRequestHandler):
    """A foreign server that answers 200 to every request."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def foreign_server() -> Iterator[int]:
    """Run a foreign server on a port."""
    server = HTTPServer((HOST, 0), AlwaysReady)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def only_the_relay(cloud: Cloud, duplicates: float) -> list[Part]:
    return [part for part in parts_of(cloud, duplicates) if part.name == "relay"]


def supervised(folder: Path, cloud: Cloud | None = None) -> Supervisor:
    """Return the supervisor of a cloud with one part, not started."""
    return Supervisor(cloud or new_cloud(folder, DEFAULT_BUNDLE), print, sweep_every_s=0, list_parts=only_the_relay)


def test_clouds_with_equal_preferred_ports_get_different_ports(tmp_path: Path) -> None:
    """As two `up` do that begin at the same instant: both looked before either had taken anything."""
    first, second = (new_cloud(tmp_path / name, DEFAULT_BUNDLE) for name in ("first", "second"))
    second.ports.update(first.ports)
    ours, theirs = supervised(tmp_path, first), supervised(tmp_path, second)
    try:
        ours.start()
        theirs.start()
        assert not set(first.ports.values()) & set(second.ports.values())
        assert saved_cloud(second.folder) == second, "others learn the ports that it has"
        for cloud in (first, second):
            assert requests.get(f"{cloud.url('relay')}/status", timeout=10).json()["pending"] == 0
    finally:
        ours.stop()
        theirs.stop()


def test_foreign_server_is_never_used_as_a_part(tmp_path: Path) -> None:
    with foreign_server() as port:
        cloud = new_cloud(tmp_path, DEFAULT_BUNDLE)
        cloud.ports["relay"] = port
        watched = supervised(tmp_path, cloud)
        try:
            watched.start()
            assert cloud.ports["relay"] != port
            assert requests.get(f"{cloud.url('relay')}/status", timeout=10).json()["pending"] == 0
        finally:
            watched.stop()


def test_listen_address_in_use_is_reported_before_any_part_starts(tmp_path: Path) -> None:
    with foreign_server() as port:
        cloud = new_cloud(tmp_path / "cloud", DEFAULT_BUNDLE, (HOST, port))
        watched = supervised(tmp_path, cloud)
        with pytest.raises(
            PartFailed, match=f"Another program listens on {HOST}:{port}; end it, or choose another port"
        ):
            watched.start()
        watched.stop()
        for options in ([], ["--detach"]):
            command = ["up", "--folder", str(tmp_path / "other"), "--listen", f"{HOST}:{port}", *options]
            done = CliRunner().invoke(main, command)
            assert done.exit_code == 2
            assert "Another program listens on" in done.output
        assert not (tmp_path / "other" / "cloud.json").exists()
    done = CliRunner().invoke(main, ["up", "--folder", str(tmp_path / "other"), "--listen", "192.0.2.1:8000"])
    assert done.exit_code == 2
    assert "192.0.2.1 is not an address of this machine" in done.output


def test_port_of_a_dead_part_goes_to_its_successor(tmp_path: Path) -> None:
    watched = supervised(tmp_path)
    try:
        watched.start()
        url, [pid, _] = f"{watched.cloud.url('relay')}/status", watched.cloud.children["relay"]
        os.kill(int(pid), signal.SIGKILL)
        eventually(lambda: not psutil.pid_exists(int(pid)) or psutil.Process(int(pid)).status() == "zombie")
        with pytest.raises(OSError, match="in use"):
            take_port(watched.cloud.ports["relay"])
        statuses: list[int] = []
        caller = threading.Thread(target=lambda: statuses.append(requests.get(url, timeout=60).status_code))
        caller.start()

        def answered() -> list[int]:
            watched.watch()
            return statuses

        eventually(answered)
        assert statuses == [200], "who called while it was dead was answered by its successor"
    finally:
        watched.stop()


def test_ports_are_released_at_the_end(tmp_path: Path) -> None:
    cloud, held = new_cloud(tmp_path, DEFAULT_BUNDLE), HeldPorts()
    held.take_all(cloud)
    assert set(cloud.ports) == set(PREFERRED_PORTS)
    held.close()
    for port in cloud.ports.values():
        take_port(port).close()


@pytest.mark.parametrize("module", ["emulators.storage", "emulators.eventarc", "local.releases.front"])
def test_part_started_by_hand_reports_a_taken_port(tmp_path: Path, module: str) -> None:
    options = {
        "emulators.storage": ["--data", str(tmp_path)],
        "emulators.eventarc": ["--queue", str(tmp_path / "queue"), "--target", "http://127.0.0.1:1/"],
        "local.releases.front": ["--releases", str(tmp_path / "r"), "--service", "s", "--target", "http://127.0.0.1:1"],
    }
    with foreign_server() as port:
        command = [sys.executable, "-m", f"shared.{module}", "--port", str(port), *options[module]]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "cannot listen" in ended.stderr


def test_url_of_another_host_has_its_own_address(tmp_path: Path) -> None:
    port = free_port()
    cloud = new_cloud(tmp_path, DEFAULT_BUNDLE, ("127.0.0.2", port))
    assert cloud.url("classify_request") == f"http://127.0.0.2:{port}"
    assert cloud.environment["ALLOWED_HOSTS"] == "127.0.0.1,localhost,[::1],127.0.0.2"
    assert new_cloud(tmp_path, DEFAULT_BUNDLE, ("0.0.0.0", port)).environment["ALLOWED_HOSTS"] == ""
