"""``bucketlens drop``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from rich.progress import track

from shared.cli.options import Places, console, places_options, remarks
from shared.cli.terminal import shown
from shared.dropping import Dropped, drop, names_of, wait_for
from shared.errors import AlreadyDone, Transient


@click.command("drop", short_help="Upload files into the bucket.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@places_options
@click.option("--bucket", help="The upload bucket, gs://…; required with --project.")
@click.option(
    "--model", help="The model that the files are for, where several are served; also NAME@canary or NAME@VERSION."
)
@click.option("--wait", is_flag=True, help="Show each prediction as it lands.")
@click.option("--timeout", type=click.IntRange(1), default=120, show_default=True, help="Seconds to wait.")
def command(
    paths: tuple[Path, ...], places: Places, bucket: str | None, model: str | None, wait: bool, timeout: int
) -> None:
    """Upload files and whole folders into the upload bucket of the local cloud, or of a project.

    Nothing is overwritten: where an upload of the same name still waits, the new one gets another name.

    Exit codes: 0 all is uploaded, and with --wait has landed; 1 something is missing.

    \b
    Example:
      bucketlens drop photo.jpg --wait
      bucketlens drop ward/ --model chest_xray
      bucketlens drop holiday/ --project my-project --bucket gs://my-uploads
    """
    name = bucket.removeprefix("gs://").strip("/") if bucket else places.upload_bucket
    if not name:
        raise click.UsageError("--project needs --bucket gs://…: the upload bucket of the deployment.")
    files = names_of(paths)
    uploads = drop(places.store, name, files, model)
    try:
        dropped = list(track(uploads, "Uploading", len(files), console=remarks, transient=True))
        remarks.print(f"{len(dropped)} uploaded to gs://{name}", highlight=False)
        missing = _show_landing(places, dropped, timeout) if wait else 0
    except AlreadyDone as error:
        raise click.UsageError(f"There is no bucket gs://{name}, or it may not be written to.") from error
    except Transient as error:
        remarks.print(str(error), style="red", markup=False)
        sys.exit(1)
    sys.exit(1 if missing else 0)


def _show_landing(places: Places, dropped: list[Dropped], timeout: int) -> int:
    """Print each upload's fate. Returns how many have none yet."""
    landed = 0
    for upload, row in wait_for(places.warehouse, dropped, timeout):
        landed += 1
        console.print(f"{shown(upload.ref.name)}  {_fate(row)}", highlight=False)
    missing = len(dropped) - landed
    if missing:
        remarks.print(f"{missing} of {len(dropped)} have not landed in {timeout} s; the sweep will take them.")
    return missing


def _fate(row: dict[str, Any]) -> str:
    if row["reason"]:
        return f"[red]{shown(row['reason'])}[/] {shown(row['detail'])}"
    review = "  [yellow]needs review[/]" if row["needs_review"] else ""
    return f"[green]{shown(row['label'])}[/] {row['score']:.2f}{review}"
