"""Run a warehouse: an open file and a listening server, in this process or in a thread of a test."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from shared.emulators.bigquery.api.faults import WAREHOUSE
from shared.emulators.bigquery.api.server import build_app
from shared.emulators.bigquery.engine.store import Store
from shared.emulators.bigquery.start.schemas import apply_schemas, create_dataset
from shared.emulators.errors import StartError
from shared.emulators.faults.injector import Injector
from shared.emulators.loopback.sockets import inherited_socket, take_port

SHUTDOWN_S = 1.0
"""Time in which running requests may end."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a warehouse."""

    data: Path
    project: str = "local"
    dataset: str = "bucketlens"
    schemas: Path | None = None
    host: str = "127.0.0.1"
    port: int = 0
    """TCP port; 0 for any that is free."""
    injector: Injector = field(default_factory=lambda: Injector(WAREHOUSE))
    descriptor: int | None = None
    """File descriptor of a socket that already listens on the port, if any."""


async def serve(options: Options, stop: asyncio.Event, say: Callable[[str], object]) -> bool:
    """Serve until ``stop`` is set or the file can no longer be written.

    Args:
        options: the data, the schemas and the address.
        stop: event that ends the server.
        say: receives the URL when requests are answered.

    Returns:
        Whether ``stop`` ended it.

    Raises:
        StartError: the port is in use, the file cannot be opened, or the schemas do not fit it.
    """
    loop = asyncio.get_running_loop()
    broken = asyncio.Event()
    listening = _listen(options.host, options.port, options.descriptor)
    with contextlib.closing(listening):
        store = await asyncio.to_thread(_open, options, lambda: loop.call_soon_threadsafe(broken.set))
        try:
            url = f"http://{options.host}:{listening.getsockname()[1]}"
            app = build_app(store, _status_of(store, options, url), options.injector, options.host)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
            await runner.setup()
            await web.SockSite(runner, listening).start()
            say(url)
            waiting = [asyncio.create_task(event.wait()) for event in (stop, broken)]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
            store.jobs.cancel_all()
            await runner.cleanup()
        finally:
            await asyncio.to_thread(store.close)
    return not broken.is_set()


@contextlib.contextmanager
def warehouse_running(data: Path, schemas: Path | None = None, dataset: str = "bucketlens") -> Iterator[str]:
    """Run a warehouse in a thread of this process on a free port, and yield its URL."""
    loop = asyncio.new_event_loop()
    started, stop = threading.Event(), asyncio.Event()
    urls: list[str] = []
    failures: list[BaseException] = []

    def say(url: str) -> None:
        urls.append(url)
        started.set()

    def run() -> None:
        try:
            loop.run_until_complete(serve(Options(data, dataset=dataset, schemas=schemas), stop, say))
        except BaseException as error:
            failures.append(error)
        finally:
            loop.close()
            started.set()

    thread = threading.Thread(target=run, name="warehouse", daemon=True)
    thread.start()
    started.wait()
    try:
        if failures:
            raise failures[0]
        yield urls[0]
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(stop.set)
        thread.join()


def _open(options: Options, when_broken: Callable[[], object]) -> Store:
    store = Store(options.data, options.project, when_broken)
    try:
        create_dataset(store, options.dataset)
        if options.schemas:
            apply_schemas(store, options.schemas, options.dataset)
    except BaseException:
        store.close()
        raise
    return store


def _listen(host: str, port: int, descriptor: int | None) -> socket.socket:
    try:
        return inherited_socket(descriptor) or take_port(port, host)
    except OSError as error:
        problem = (
            "is in use by another process" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        )
        raise StartError("the warehouse", [f"{host}:{port} {problem}; choose another --port"]) from error


def _status_of(store: Store, options: Options, url: str) -> Callable[[], Mapping[str, Any]]:
    started_at = time.monotonic()

    def status() -> dict[str, Any]:
        running = sum(job.state != "DONE" for job in store.jobs.newest_first())
        tables = store.catalog.tables(options.dataset) if store.catalog.has_dataset(options.dataset) else []
        return {
            "status": "ready",
            "url": url,
            "project": options.project,
            "dataset": options.dataset,
            "data": str(options.data.resolve()),
            "pid": os.getpid(),
            "uptime_s": round(time.monotonic() - started_at, 1),
            "tables": [table.name for table in tables],
            "running_jobs": running,
        }

    return status
