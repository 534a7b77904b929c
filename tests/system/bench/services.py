"""Start the services that Bucketlens calls while it is measured: Cloud Storage and BigQuery emulators, no events."""

from __future__ import annotations

import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from shared.local.buckets import create_buckets
from shared.local.cloud import Cloud, new_cloud
from shared.local.processes import Part, parts_of
from shared.settings import DEFAULT_BUNDLE
from tests.system.bench.server import NotAnswering, Server

NEEDED = ("warehouse", "storage")
READY_S = 60.0


@contextmanager
def services() -> Iterator[Cloud]:
    """Run the services for the length of the block, over an empty folder."""
    with tempfile.TemporaryDirectory(prefix="bucketlens-bench-", ignore_cleanup_errors=True) as folder:
        cloud = new_cloud(Path(folder), DEFAULT_BUNDLE)
        parts = {part.name: part for part in parts_of(cloud)}
        with ExitStack() as running:
            for name in NEEDED:
                running.callback(_start(cloud, parts[name]).stop)
            create_buckets(cloud)
            yield cloud


def _start(cloud: Cloud, part: Part) -> Server:
    server = Server(part.command, part.environment, cloud.folder, cloud.ports[part.name], cloud.log_file(part.name))
    give_up_at = time.monotonic() + READY_S
    while not _is_ready(part):
        if time.monotonic() > give_up_at:
            server.stop()
            raise NotAnswering(
                f"{part.name} was not ready in {READY_S:.0f} s. The end of its log:\n{server.last_lines()}"
            )
        time.sleep(0.05)
    return server


def _is_ready(part: Part) -> bool:
    try:
        with urllib.request.urlopen(part.ready_url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
