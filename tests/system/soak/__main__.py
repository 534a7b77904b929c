"""``python -m tests.system.soak``: steady traffic, overload, a burst; then everything is counted."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

from tests.system.chaos.document import write_between
from tests.system.chaos.snapshot import take
from tests.system.chaos.verdict import judge
from tests.system.chaos.world import World, open_world
from tests.system.soak.files import file
from tests.system.soak.overload import overload
from tests.system.soak.report import Report
from tests.system.soak.traffic import Traffic
from tests.system.soak.watch import Watch

DOCUMENT = click.Path(exists=True, dir_okay=False, path_type=Path)
WARM_UP = 0.2
"""Share of the time that is not measured: heaps grow to the size they need, connections are opened."""
OVERLOAD_S = 20.0
BURST_THREADS = 8
PATIENCE_S = 3600.0
BURST_SEED = 10_000_000


@click.command()
@click.option("--minutes", type=click.FloatRange(min=0.2), default=30, show_default=True, help="Of steady traffic.")
@click.option(
    "--rate", type=click.FloatRange(min=0.5), default=8, show_default=True, help="Uploads, and requests, a second."
)
@click.option("--burst", type=click.IntRange(0), default=10_000, show_default=True, help="Uploads as fast as they go.")
@click.option("--write", "document", type=DOCUMENT, help="Write the figures into a document, between its marks.")
def main(minutes: float, rate: float, burst: int, document: Path | None) -> None:
    """Run a local cloud under mixed traffic, then overload, then a burst of uploads.

    Memory and open files may not grow after the warm-up, no answer may be unexpected, overload must be refused
    quickly, and every upload must end in one row.

    Exit code: 0, all of that held; 1, something did not; 2, wrong arguments.

    \b
    Example:
      python -m tests.system.soak --minutes 3 --burst 500
    """
    say = Console(stderr=True).log
    with (
        tempfile.TemporaryDirectory(prefix="bucketlens-soak-", ignore_cleanup_errors=True) as folder,
        open_world(Path(folder) / "cloud", seed=1, duplicates=0.01, settings={}) as world,
    ):
        report = _soak(world, minutes, rate, burst, say)
    report.command = f"python -m tests.system.soak --minutes {minutes:g} --rate {rate:g} --burst {burst}"
    report.show(Console(width=None if sys.stdout.isatty() else 160))
    if document:
        write_between(document, "soak", report.as_markdown())
    sys.exit(0 if report.is_kept else 1)


def _soak(world: World, minutes: float, rate: float, burst: int, say: Callable[[str], None]) -> Report:
    report = Report(minutes, rate, burst)
    traffic, watch = Traffic(world, rate), Watch(world)
    say("warming up")
    seed = traffic.flow(60 * minutes * WARM_UP)
    traffic.answered_s.clear()
    say("steady traffic")
    watch.start()
    traffic.flow(60 * minutes * (1 - WARM_UP), seed)
    report.growths = watch.stop()
    world.settle(PATIENCE_S)
    report.traffic = traffic
    say("overload")
    report.overload = overload(world, OVERLOAD_S)
    if burst:
        say(f"a burst of {burst:,} uploads")
        report.burst_s = _burst(world, burst)
    world.sweep(PATIENCE_S)
    say("counting")
    report.rows_after_s = _rows_after_s(world)
    report.verdict = judge(world.ledger, take(world.buckets, world.warehouse), keeps_versions=True)
    return report


def _burst(world: World, count: int) -> float:
    """Upload as fast as the store takes it; return the seconds until nothing is left to deliver."""
    started = time.monotonic()
    world.buckets.put_all((file(BURST_SEED + seed, "burst") for seed in range(count)), BURST_THREADS)
    world.settle(PATIENCE_S)
    return time.monotonic() - started


def _rows_after_s(world: World) -> list[float]:
    """Return the seconds from each steady upload to its row."""
    sql = """
        SELECT TIMESTAMP_DIFF(recorded_at, uploaded_at, MILLISECOND) / 1000 AS after_s FROM latest_predictions
        WHERE STARTS_WITH(image.name, 'soak/')
    """
    return [row["after_s"] for row in world.warehouse.query(sql).rows]


if __name__ == "__main__":
    main()
