"""``python -m tests.system.small_places``: run both functions in 256 MiB and a tenth of a CPU, and print figures."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from shared.local.cloud import Cloud, new_cloud
from shared.local.supervisor import Supervisor
from shared.settings import DEFAULT_BUNDLE
from tests.environments import Impossible
from tests.system.chaos.document import write_between
from tests.system.small_places.limiter import WAYS, Unlimited, limited
from tests.system.small_places.outside import Outside
from tests.system.small_places.report import Report
from tests.system.small_places.size import SMALL, Size
from tests.system.small_places.stay import stay
from tests.system.small_places.work import Work, events_to, formats_to, requests_to

DOCUMENT = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--memory-mb", type=click.IntRange(min=1), default=SMALL.memory_mb, show_default=True, help="MiB.")
@click.option("--cpu", type=click.FloatRange(min=0.01), default=SMALL.cpu, show_default=True, help="Of one CPU.")
@click.option("--times", type=click.IntRange(min=2), default=20, show_default=True, help="Each picture in a row.")
@click.option("--at-once", type=click.IntRange(min=1), default=8, show_default=True, help="And at the same time.")
@click.option("--by", "way", type=click.Choice(WAYS), help="What limits.  [default: the first that works here]")
@click.option("--write", "document", type=DOCUMENT, help="Write the figures into a document, between its marks.")
def main(memory_mb: int, cpu: float, times: int, in_parallel: int, way: str | None, document: Path | None) -> None:
    """Serve both functions without limits and in a small place; object store and warehouse stay outside of it.

    Exit code: 0, all was answered and no process was killed; 1, something else, and the output describes it; 2, wrong
    arguments, or this machine cannot limit a process.

    \b
    Example:
      python -m tests.system.small_places --cpu 0.5 --times 5
    """
    report = Report(f"python -m tests.system.small_places --memory-mb {memory_mb} --cpu {cpu:g} --times {times}")
    with tempfile.TemporaryDirectory(prefix="bucketlens-small-") as name, _cloud(Path(name) / "cloud") as cloud:
        try:
            for work, size in _plan(Size(memory_mb, cpu)):
                Console(stderr=True).log(f"{work.__name__}, {size or 'without limits'}")
                with limited(size, way) if size else nullcontext(Unlimited()) as limiter:
                    report.stays.append(stay(limiter, size, work, Outside(cloud), Path(name), times, in_parallel))
        except Impossible as error:
            raise click.UsageError(str(error)) from error
    report.show(Console(width=None if sys.stdout.isatty() else 160))
    if document:
        write_between(document, "figures", report.as_markdown())
    sys.exit(1 if report.complaints else 0)


def _plan(size: Size) -> list[tuple[Work, Size | None]]:
    """List the work for each place. Large pictures go to a whole CPU: they are for the memory."""
    compared = [(work, size_of_work) for work in (requests_to, events_to) for size_of_work in (None, size)]
    return [*compared, (formats_to, replace(size, cpu=1.0))]


@contextmanager
def _cloud(folder: Path) -> Iterator[Cloud]:
    """Run a local cloud for the length of the block; its own functions only make sure that bytecode exists."""
    supervisor = Supervisor(new_cloud(folder, DEFAULT_BUNDLE), lambda _: None, sweep_every_s=0)
    try:
        supervisor.start()
        yield supervisor.cloud
    finally:
        supervisor.stop()


if __name__ == "__main__":
    main()
