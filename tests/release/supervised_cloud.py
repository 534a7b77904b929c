"""The command line on a local cloud of its own, which is supervised as by `bucketlens up`."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from shared.adapters.bigquery import BigQuery
from shared.cli import main
from shared.local.cloud import DATASET, PROJECT, Cloud, folder_lock, new_cloud
from shared.local.supervisor import Supervisor
from shared.settings import DEFAULT_BUNDLE
from tests.pictures import encoded, smooth

PICTURES, COPIES = 12, 4


class Bucketlens:
    """The command line on a local cloud of its own."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    @cached_property
    def warehouse(self) -> BigQuery:
        return BigQuery(PROJECT, DATASET, 20, endpoint=self.cloud.url("warehouse"))

    def __call__(self, *arguments: str, code: int = 0, has_remarks: bool = False) -> str:
        """Run a command and return its output, with stderr if it failed or ``has_remarks``."""
        folder = ("--folder", str(self.cloud.folder))
        result = CliRunner().invoke(main, [*arguments, *folder], prog_name="bucketlens")
        assert result.exit_code == code, (
            f"{arguments}: exit code {result.exit_code}\n{result.output}\n{result.exception!r}"
        )
        return result.output if has_remarks or (code and "--json" not in arguments) else result.stdout

    def service(self, name: str) -> dict[str, Any]:
        services = json.loads(self("release", "status", "--json"))["services"]
        [match] = [service for service in services if service["service"] == name]
        return dict(match)

    def drop(self, name: str, copies: int = COPIES) -> None:
        """Drop ``copies`` of each picture: each copy is an event, and all are one object in the archive."""
        for copy in range(copies):
            folder = self.cloud.folder / "images" / name / str(copy)
            folder.mkdir(parents=True)
            for number in range(PICTURES):
                content = encoded(smooth(96, 72, seed=number), "JPEG", quality=90)
                (folder / f"{number:02}.jpg").write_bytes(content)
        self("drop", str(self.cloud.folder / "images" / name), "--wait")


@contextmanager
def supervised(folder: Path, bundle: str = DEFAULT_BUNDLE) -> Iterator[Bucketlens]:
    """Run a cloud as `bucketlens up` does, without its process."""
    supervisor = Supervisor(new_cloud(folder, bundle), print, sweep_every_s=0)
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.1):
            supervisor.watch()

    watching = threading.Thread(target=watch)
    with folder_lock(folder):
        try:
            supervisor.start()
            watching.start()
            yield Bucketlens(supervisor.cloud)
        finally:
            stop.set()
            watching.join()
            supervisor.stop()
