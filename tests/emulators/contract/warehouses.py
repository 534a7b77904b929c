"""The warehouses that are held to our contract: ours and two others, each started on a port of its own."""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.emulators.bigquery.start.lifecycle import warehouse_running
from tests.emulators.contract.difference import BQEMULATOR, LOCAL_BIGQUERY, OURS
from tests.environments import Environment, Recipe, environment
from tests.ports import free_port

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"
PROJECT = "local"
STARTING_S = 90
STOPPING_S = 10


@dataclass(frozen=True, slots=True)
class Other:
    """A warehouse that is not ours."""

    recipe: Recipe
    command: Callable[[Environment, int, int, Path], list[str]]
    """Takes its environment, a port for HTTP, one for gRPC and a folder for its data."""


def _bqemulator(made: Environment, port: int, grpc_port: int, folder: Path) -> list[str]:
    ports = ["--rest-host", HOST, "--rest-port", str(port), "--grpc-host", HOST, "--grpc-port", str(grpc_port)]
    data = ["--ephemeral", "--data-dir", str(folder), "--project", PROJECT, "--log-level", "warning"]
    return [str(made.python), "-m", "bqemulator", "start", *ports, *data]


def _local_bigquery(made: Environment, port: int, grpc_port: int, folder: Path) -> list[str]:
    ports = ["--host", HOST, "--port", str(port), "--grpc-port", str(grpc_port)]
    return [str(made.program("local-bigquery")), *ports, "--project", PROJECT, "--data-dir", str(folder)]


OTHERS = {
    BQEMULATOR: Other(Recipe(HERE / "bqemulator.txt", ("spatial",)), _bqemulator),
    LOCAL_BIGQUERY: Other(Recipe(HERE / "local_bigquery.txt", ("ducklake", "icu", "spatial"), "3.13"), _local_bigquery),
}


@contextmanager
def warehouse_at_work(name: str, folder: Path) -> Iterator[str]:
    """Start an empty warehouse and yield its URL; it ends with the block.

    Raises:
        Impossible: this machine cannot have it.
        RuntimeError: it does not answer; the message ends with its log.
    """
    if name == OURS:
        with warehouse_running(folder) as url:
            yield url
        return
    made = environment(OTHERS[name].recipe)
    port, grpc_port = free_port(), free_port()
    folder.mkdir(exist_ok=True)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            OTHERS[name].command(made, port, grpc_port, folder / "data"),
            cwd=folder,
            env=made.variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://{HOST}:{port}"
        _wait_for(process, f"{url}/bigquery/v2/projects/{PROJECT}/datasets", name, log)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(STOPPING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], url: str, name: str, log: Path) -> None:
    give_up_at = time.monotonic() + STARTING_S
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > give_up_at:
            state = "does not answer" if process.returncode is None else f"ended with {process.returncode}"
            last = "\n".join(log.read_text("utf-8", "replace").splitlines()[-20:])
            raise RuntimeError(f"{name} {state}; the end of its log:\n{last}")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
