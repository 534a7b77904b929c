"""``bucketlens replay``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import click
from rich.progress import track
from rich.table import Table

from shared.cli.moment import Moment
from shared.cli.options import Deployment, console, deployment_options, remarks
from shared.cli.terminal import shown
from shared.errors import BadRequest, Permanent, Transient
from shared.operations.replay import Fate, Rejected, Selection, rejected, replay
from shared.operations.served import check_served
from shared.parsing.gs_uri import bucket_name

REASONS = sorted(kind.reason for kind in Permanent.__subclasses__())
SHOWN = {
    Fate.PUT_BACK: "put back",
    Fate.TAKEN: "left: the name is taken",
    Fate.GONE: "no longer in quarantine",
    Fate.SET_ASIDE: "set aside in its bucket",
}


@click.command("replay", short_help="Put quarantined files back.")
@deployment_options
@click.option("--bucket", help="The upload bucket, gs://…; required with --project.")
@click.option(
    "--from", "origin", metavar="gs://B", help="Replay the files of this bucket that a sweep with --keep rejected."
)
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    type=click.Choice(REASONS),
    help="Replay only files with this reason; may be repeated.",
)
@click.option(
    "--name",
    default="*",
    metavar="PATTERN",
    help="Replay only objects whose names match, with *, ? and […]: 'holiday/*'.",
)
@click.option(
    "--older-than",
    "before",
    type=Moment(),
    metavar="AGE",
    help="Replay only files quarantined before: 2h or 7d ago, or a date: 2026-11-20.",
)
@click.option(
    "--newer-than",
    "after",
    type=Moment(),
    metavar="AGE",
    help="Replay only files quarantined since: 2h or 7d ago, or a date: 2026-11-20.",
)
@click.option("--model", help="Classify the files by this model instead of the one that they named; also NAME@canary.")
@click.option("--limit", type=click.IntRange(1), help="Put back at most this many files, the oldest first.")
@click.option("--dry-run", is_flag=True, help="Only list the files that would be put back.")
@click.option("--keep-quarantined", is_flag=True, help="Keep the copies in quarantine.")
def command(
    deployment: Deployment,
    bucket: str | None,
    origin: str | None,
    model: str | None,
    limit: int | None,
    dry_run: bool,
    keep_quarantined: bool,
    **selection: Any,
) -> None:
    """Put quarantined files back into the upload bucket under their own names, as new uploads.

    Nothing is overwritten: if an object of that name waits in the upload bucket, the file stays in quarantine. Run an
    interrupted replay again to continue it.

    Exit codes: 0 every selected file is put back, or no longer in quarantine; 1 some were left.

    \b
    Example:
      bucketlens replay --reason tried_too_often --dry-run
      bucketlens replay --reason unknown_model --model chest_xray
      bucketlens replay --reason damaged_image --name 'holiday/*' --newer-than 2h --limit 100
    """
    target = _bucket_name(bucket) or deployment.upload_bucket
    if not target:
        raise click.UsageError("--project needs --bucket gs://…: the upload bucket of the deployment.")
    if model and deployment.cloud:
        check_served(deployment.cloud.url("classify_request"), model)
    options = {name: value for name, value in selection.items() if value is not None}
    chosen = Selection(_bucket_name(origin) or target, **options)
    fates: list[tuple[Rejected, Fate]] = []
    is_whole = True
    try:
        files = list(rejected(deployment.warehouse, chosen))
        settings: dict[str, Any] = {
            "limit": limit,
            "dry_run": dry_run,
            "keep_quarantined": keep_quarantined,
            "model": model,
        }
        replayed = replay(deployment.store, files, target, **settings)
        fates.extend(_tracked(replayed, len(files)))
    except BadRequest as error:
        raise click.UsageError(str(error)) from error
    except Transient as error:
        remarks.print(str(error), style="red", markup=False)
        is_whole = False
    console.print(_list_of(fates) if dry_run else _counts_of(fates))
    is_left = any(fate is Fate.TAKEN for _, fate in fates)
    sys.exit(1 if is_left or not is_whole else 0)


def _tracked(replayed: Iterator[tuple[Rejected, Fate]], total: int) -> Iterator[tuple[Rejected, Fate]]:
    """Show a progress bar, and above it the files that are left."""
    for file, fate in track(replayed, "Putting back", total, console=remarks, transient=True):
        if fate is Fate.TAKEN:
            remarks.print(f"{shown(file.name)} already waits in the upload bucket; left in quarantine", highlight=False)
        yield file, fate


def _bucket_name(option: str | None) -> str | None:
    return bucket_name(option) if option else None


def _list_of(fates: list[tuple[Rejected, Fate]]) -> Table:
    table = Table(caption="nothing was done: --dry-run", caption_justify="left")
    for column in ("name", "reason", "quarantined", "bytes", "would be"):
        table.add_column(column, overflow="fold", justify="right" if column == "bytes" else "left")
    for file, fate in fates:
        if fate is not Fate.GONE:
            moment = f"{file.recorded_at:%Y-%m-%d %H:%M:%S}"
            table.add_row(shown(file.name), file.reason, moment, f"{file.size_bytes:,}", SHOWN[fate])
    return table


def _counts_of(fates: list[tuple[Rejected, Fate]]) -> Table:
    table = Table()
    table.add_column("outcome")
    table.add_column("files", justify="right")
    counts = Counter(fate for _, fate in fates)
    for fate in Fate:
        if counts[fate] or fate is Fate.PUT_BACK:
            table.add_row(SHOWN[fate], f"{counts[fate]:,}")
    return table
