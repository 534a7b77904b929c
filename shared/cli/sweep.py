"""``bucketlens sweep``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from shared.backlog.graceful_shutdown import graceful_shutdown
from shared.backlog.selection import Backlog
from shared.backlog.summary import Summary, log_summary
from shared.backlog.sweep import Sweep
from shared.cli.options import console, folder_option, remarks, required_cloud
from shared.errors import BadRequest, Misconfigured, Transient
from shared.local.cloud import Cloud
from shared.local.processes import sweep_settings
from shared.logs import log
from shared.service import Service
from shared.settings import Platform, Settings
from shared.types import Upload


@click.command("sweep", short_help="Classify the uploads that still wait.")
@folder_option
@click.option(
    "--age",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Process only uploads older than this, in seconds.",
)
@click.option("--bucket", metavar="gs://B", help="Sweep this bucket instead of the upload bucket; needs --keep.")
@click.option("--prefix", default="", metavar="P", help="Process only objects whose names begin with this.")
@click.option("--keep", is_flag=True, help="Delete nothing, and skip every generation that has a row.")
def command(folder: Path, age: int, bucket: str | None, prefix: str, keep: bool) -> None:
    """Run classify_backlog on the local cloud: process every upload that no event has finished.

    In production Cloud Scheduler runs it; `bucketlens up` runs it every minute. With --keep it classifies a bucket
    without deleting anything, and a second run processes only new objects.

    Ctrl-C stops the sweep gracefully: uploads in flight are finished, or left to the next sweep.

    Exit codes: 0 no upload remains; 1 some uploads wait for the next sweep; 2 the arguments are invalid.

    \b
    Example:
      bucketlens sweep --age 10
      bucketlens sweep --bucket gs://holiday-photos --prefix 2024/ --keep
    """
    cloud = required_cloud(folder)
    try:
        service = _service(cloud, age)
        backlog = Backlog.of(service.settings, service.platform, bucket, prefix, keep=keep)
        summary = (_with_a_bar if console.is_terminal else _with_log_lines)(service, backlog)
    except (BadRequest, Misconfigured) as error:
        raise click.UsageError(str(error)) from error
    except Transient as error:
        remarks.print(str(error), style="red", markup=False)
        sys.exit(1)
    sys.exit(summary.exit_code)


def _service(cloud: Cloud, age_s: int) -> Service:
    environment = sweep_settings(cloud, age_s)
    return Service(Settings.from_environment(environment), Platform.from_environment(environment))


def _with_log_lines(service: Service, backlog: Backlog) -> Summary:
    summary = _run(service, backlog, backlog.uploads(service.pipeline().store), lambda _: None, log_summary)
    log_summary(summary)
    return summary


def _with_a_bar(service: Service, backlog: Backlog) -> Summary:
    """Show a progress bar with warnings above it, and a table at the end."""
    log.setLevel(logging.WARNING)
    uploads = list(backlog.uploads(service.pipeline().store))
    columns = (TextColumn("Sweeping"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=remarks, transient=True) as progress:
        task = progress.add_task("", total=len(uploads))
        summary = _run(service, backlog, uploads, lambda _: progress.advance(task), _print_table)
    _print_table(summary)
    return summary


def _run(
    service: Service,
    backlog: Backlog,
    uploads: Iterable[Upload],
    on_outcome: Callable[[str], None],
    report: Callable[[Summary], None],
) -> Summary:
    sweep = Sweep.of(service, keep=backlog.keep, on_outcome=on_outcome)
    with graceful_shutdown(sweep.stop, lambda: report(sweep.cut_off())):
        return sweep.run(uploads)


def _print_table(summary: Summary) -> None:
    table = Table(title="Cut short: sweep again for the rest" if summary.is_cut_short else None)
    table.add_column("outcome")
    table.add_column("uploads", justify="right")
    for name, figure in summary.figures().items():
        if figure or name in ("predicted", "rejected"):
            table.add_row(name.replace("_", " "), f"{figure:,}")
    console.print(table)
