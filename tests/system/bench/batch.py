"""Batches: images a second through ``classify_backlog`` and ``bucketlens classify FOLDER``, against the limit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from shared.adapters.gcs import CloudStorage
from shared.cli.classify_files import usable_cores
from shared.local.cloud import PROJECT, Cloud
from shared.local.processes import ROOT, sweep_command
from tests.system.bench.events_cloud import open_cloud, uploaded
from tests.system.bench.events_pictures import write_pictures
from tests.system.bench.figures import Figure, Goal, print_measured
from tests.system.bench.limit import images_per_s

PICTURES, TIMES, WAITING = 400, 5, 250
"""Different pictures; how often each is in the folder; how many of them wait in the bucket."""
BUCKET = "bucketlens-batch"
US, LIMIT = "bucketlens", "limit"
FOLDER, BACKLOG = "classify FOLDER", "classify_backlog"


def measure_batch(rounds: int, say: Callable[[str], None]) -> tuple[list[Figure], list[Goal]]:
    """Measure the limit, the folder and the bucket on one core and on two, in turn, each round.

    The time of a start is not counted: the folder's clock runs from its first answer to its last, the bucket's is the
    job's own. On the bucket the object store and the warehouse are at work on the same cores.

    Args:
        rounds: how often to measure.
        say: takes a sentence for the person who watches.
    """
    values: dict[tuple[str, str, int], list[float]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="bucketlens-batch-", ignore_cleanup_errors=True) as scratch,
        open_cloud(Path(scratch) / "cloud") as running,
    ):
        pictures, folder = Path(scratch) / "pictures", Path(scratch) / "folder"
        write_pictures(pictures, PICTURES, seed=9)
        _repeat(pictures, folder)
        CloudStorage(PROJECT, 60, endpoint=running.cloud.url("storage")).create_bucket(BUCKET)
        for index in range(rounds):
            for cores in _core_counts():
                rates_now = {
                    (LIMIT, FOLDER): images_per_s(sorted(pictures.iterdir()), cores),
                    (US, FOLDER): _folder_rate(folder, cores),
                    (US, BACKLOG): _backlog_rate(running.cloud, pictures, f"{index}-{cores}", cores),
                }
                for (contestant, what), rate in rates_now.items():
                    values.setdefault((contestant, what, cores), []).append(rate)
                    say(f"{what} on {_named(cores)}, {contestant}: {rate:.1f} images a second")
    return _figures(values)


def _figures(values: dict[tuple[str, str, int], list[float]]) -> tuple[list[Figure], list[Goal]]:
    figures = {
        (contestant, what, cores): Figure(contestant, f"{what}, {_named(cores)}", "images/s", tuple(rates))
        for (contestant, what, cores), rates in values.items()
    }
    goals = [
        Goal(
            f"{what}, {_named(cores)}: at least 90 % of the limit",
            figure,
            figures[LIMIT, FOLDER, cores],
            at_least=0.90,
        )
        for (contestant, what, cores), figure in figures.items()
        if contestant == US
    ]
    return list(figures.values()), goals


def _folder_rate(folder: Path, cores: int) -> float:
    """Return the images a second of the command, from its first answer to its last."""
    command = (sys.executable, "-m", "shared.cli", "classify", str(folder), "--json")
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=_only(cores)
    ) as process:
        assert process.stdout is not None
        times = [time.perf_counter() for _ in process.stdout]
    if process.returncode:
        raise RuntimeError(f"bucketlens classify ended with {process.returncode}.")
    return (len(times) - 1) / (times[-1] - times[0])


def _backlog_rate(cloud: Cloud, pictures: Path, prefix: str, cores: int) -> float:
    """Return the images a second that the job reports, over a bucket that keeps its objects."""
    with tempfile.TemporaryDirectory() as scratch:
        waiting = Path(scratch) / "waiting"
        waiting.mkdir()
        for path in sorted(pictures.iterdir())[:WAITING]:
            (waiting / path.name).hardlink_to(path)
        uploaded(cloud, waiting, prefix, "--bucket", BUCKET)
    command, environment = sweep_command(cloud, 1)
    arguments = ("--bucket", BUCKET, "--prefix", f"{prefix}/", "--keep")
    run = subprocess.run(
        (*command, *arguments),
        env={**environment, "LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=_only(cores),
    )
    swept = json.loads(run.stdout.splitlines()[-1])
    if run.returncode or swept["predicted"] != WAITING:
        raise RuntimeError(f"The sweep ended with {run.returncode} and {swept}, expected {WAITING} predictions.")
    return float(swept["images_per_s"])


def _only(cores: int) -> Callable[[], None] | None:
    """Return a function that limits a new process to so many cores; None on macOS, or where all cores are meant."""
    if not hasattr(os, "sched_setaffinity") or cores == usable_cores():
        return None
    core_ids = sorted(os.sched_getaffinity(0))[:cores]
    return lambda: os.sched_setaffinity(0, core_ids)


def _core_counts() -> Sequence[int]:
    """Return one and two, as far as there are so many; elsewhere than on Linux the number of all cores."""
    if not hasattr(os, "sched_setaffinity"):
        return (usable_cores(),)
    return range(1, min(2, usable_cores()) + 1)


def _repeat(pictures: Path, folder: Path) -> None:
    folder.mkdir()
    for path in sorted(pictures.iterdir()):
        for index in range(TIMES):
            (folder / f"{index}-{path.name}").hardlink_to(path)


def _named(cores: int) -> str:
    return "1 core" if cores == 1 else f"{cores} cores"


def main() -> None:
    """Measure, and print every figure and goal."""
    print_measured(*measure_batch(1, print))


if __name__ == "__main__":
    main()
