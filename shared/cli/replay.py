"""``bucketlens replay``."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.progress import track
from rich.table import Table

from shared.cli.options import Places, console, places_options, remarks
from shared.cli.terminal import shown
from shared.errors import BadRequest, Permanent, Transient
from shared.operations.replay import Fate, Rejected, Selection, rejected, replay
from shared.operations.served import check_served
from shared.parsing.gs_uri import bucket_name

REASONS = sorted(kind.reason for kind in Permanent.__subclasses__())
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
SHOWN = {
    Fate.PUT_BACK: "put back",
    Fate.TAKEN: "left: the name is taken",
    Fate.GONE: "no longer in quarantine",
    Fate.SET_ASIDE: "set aside where it is",
}


class _Moment(click.ParamType[datetime]):
    """``2h`` is two hours ago; a date is its midnight, UTC."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            if found := re.fullmatch(r"([0-9]{1,6})([smhdw])", value):
                return datetime.now(UTC) - timedelta(seconds=int(found[1]) * UNITS_S[found[2]])
            moment = datetime.fromisoformat(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither a time ago, such as 90m, 2h or 7d, nor a date, such as 2026-11-20.")
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command("replay", short_help="Put quarantined files back.")
@places_options
@click.option("--bucket", help="The upload bucket, gs://…; required with --project.")
@click.option("--from", "origin", metavar="gs://B", help="Files of another bucket, that a sweep with --keep rejected.")
@click.option("--reason", "reasons", multiple=True, type=click.Choice(REASONS), help="Any of these; may be repeated.")
@click.option("--name", default="*", metavar="PATTERN", help="Object names, with *, ? and […], such as 'holiday/*'.")
@click.option("--older-than", "before", type=_Moment(), metavar="AGE", help="Quarantined before: 2h, 7d, 2026-11-20.")
@click.option("--newer-than", "after", type=_Moment(), metavar="AGE", help="Quarantined since: 2h, 7d, 2026-11-20.")
@click.option("--model", help="Have them classified by this model, whichever they named; also NAME@canary.")
@click.option("--limit", type=click.IntRange(1), help="Put back so many at most, those that wait longest first.")
@click.option("--dry-run", is_flag=True, help="Only list what would be put back.")
@click.option("--keep-quarantined", is_flag=True, help="Leave a copy in quarantine.")
def command(
    places: Places,
    bucket: str | None,
    origin: str | None,
    model: str | None,
    limit: int | None,
    dry_run: bool,
    keep_quarantined: bool,
    **selection: Any,
) -> None:
    """Put quarantined files back into the upload bucket, under their own names, where they are uploads anew.

    Nothing is overwritten: where an object of that name waits in the upload bucket, the file stays in quarantine.
    A replay that was interrupted can be typed again.

    Exit codes: 0 every file that was meant is put back, or no longer in quarantine; 1 some were left.

    \b
    Example:
      bucketlens replay --reason tried_too_often --dry-run
      bucketlens replay --reason unknown_model --model chest_xray
      bucketlens replay --reason damaged_image --name 'holiday/*' --newer-than 2h --limit 100
    """
    target = _bucket_name(bucket) or places.upload_bucket
    if not target:
        raise click.UsageError("--project needs --bucket gs://…: the upload bucket of the deployment.")
    if model and places.cloud:
        check_served(places.cloud.url("classify_request"), model)
    given = {name: value for name, value in selection.items() if value is not None}
    meant = Selection(_bucket_name(origin) or target, **given)
    fates: list[tuple[Rejected, Fate]] = []
    is_whole = True
    try:
        files = list(rejected(places.warehouse, meant))
        how: dict[str, Any] = {"limit": limit, "dry_run": dry_run, "keep_quarantined": keep_quarantined, "model": model}
        replayed = replay(places.store, files, target, **how)
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
    """Show a bar, and above it what is left."""
    for file, fate in track(replayed, "Putting back", total, console=remarks, transient=True):
        if fate is Fate.TAKEN:
            remarks.print(f"{shown(file.name)} waits in the upload bucket already; left in quarantine", highlight=False)
        yield file, fate


def _bucket_name(given: str | None) -> str | None:
    return bucket_name(given) if given else None


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
