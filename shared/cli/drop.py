"""``bucketlens drop``."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import click
from rich.progress import track

from shared.cli.options import Places, console, places_options, remarks
from shared.cli.terminal import shown
from shared.errors import AlreadyDone, Transient
from shared.operations.served import check_served
from shared.operations.upload import Dropped, Skipped, drop, names_of, wait_for, without_known
from shared.parsing.gs_uri import bucket_name

INTERRUPTED = 130


@click.command("drop", short_help="Upload files into the bucket.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@places_options
@click.option("--bucket", help="The upload bucket, gs://…; required with --project.")
@click.option(
    "--model",
    help="The model that the files are for, where several are served; also NAME@canary or NAME@VERSION. The local "
    "cloud is asked first whether it serves it.",
)
@click.option(
    "--skip-existing",
    is_flag=True,
    help="Leave out files whose content has a prediction already, with --model by that model; a folder can be dropped "
    "again so, and an interrupted drop goes on.",
)
@click.option("--wait", is_flag=True, help="Show each prediction as it lands, and count them at the end.")
@click.option("--timeout", type=click.IntRange(1), default=120, show_default=True, help="Seconds to wait.")
def command(
    paths: tuple[Path, ...],
    places: Places,
    bucket: str | None,
    model: str | None,
    skip_existing: bool,
    wait: bool,
    timeout: int,
) -> None:
    """Upload files and whole folders into the upload bucket of the local cloud, or of a project.

    Nothing is overwritten: where an upload of the same name still waits, the new one gets another name. A file whose
    name no object can have is named and skipped, and the others go on.

    With --skip-existing, what is on its way just now has no prediction yet and may be uploaded again; the view results
    counts it once.

    Exit codes: 0 all is uploaded, and with --wait classified; 1 a file was skipped, or with --wait was refused or has
    not landed; 130 interrupted.

    \b
    Example:
      bucketlens drop photo.jpg --wait
      bucketlens drop holiday/ --skip-existing
      bucketlens drop ward/ --model chest_xray
      bucketlens drop holiday/ --project my-project --bucket gs://my-uploads
    """
    name = bucket_name(bucket) if bucket else places.upload_bucket
    if not name:
        raise click.UsageError("--project needs --bucket gs://…: the upload bucket of the deployment.")
    if model and places.cloud:
        check_served(places.cloud.url("classify_request"), model)
    try:
        files = names_of(paths)
        if skip_existing:
            files = _new_ones(places, files, model)
        dropped, skipped = _upload(places, name, files, model)
        unfinished = _show_landing(places, dropped, timeout) if wait else 0
    except AlreadyDone as error:
        raise click.UsageError(f"There is no bucket gs://{name}, or it may not be written to.") from error
    except Transient as error:
        remarks.print(str(error), style="red", markup=False)
        sys.exit(1)
    sys.exit(1 if skipped or unfinished else 0)


def _new_ones(places: Places, files: list[tuple[Path, str]], model: str | None) -> list[tuple[Path, str]]:
    with remarks.status("Looking for what is classified already"):
        new = without_known(places.warehouse, files, model)
    if len(new) < len(files):
        remarks.print(f"{len(files) - len(new):,} of {len(files):,} are classified already", highlight=False)
    return new


def _upload(
    places: Places, bucket: str, files: list[tuple[Path, str]], model: str | None
) -> tuple[list[Dropped], list[Skipped]]:
    """Upload what can be; after Ctrl-C say how far it came, and end."""
    dropped: list[Dropped] = []
    skipped: list[Skipped] = []
    try:
        with closing(drop(places.store, bucket, files, model)) as uploads:
            for one in track(uploads, "Uploading", len(files), console=remarks, transient=True):
                if isinstance(one, Dropped):
                    dropped.append(one)
                    continue
                skipped.append(one)
                remarks.print(f"{shown(one.path)}: skipped; [red]{shown(one.why)}[/]", highlight=False)
    except KeyboardInterrupt:
        _say_how_far("Interrupted", dropped, files)
        sys.exit(INTERRUPTED)
    except Transient:
        _say_how_far("Broken off", dropped, files)
        raise
    left = f", {len(skipped):,} skipped" if skipped else ""
    remarks.print(f"{len(dropped):,} uploaded to gs://{bucket}{left}", highlight=False)
    return dropped, skipped


def _say_how_far(what: str, dropped: list[Dropped], files: list[tuple[Path, str]]) -> None:
    remarks.print(
        f"{what}: {len(dropped):,} of {len(files):,} are uploaded, and will be classified. To go on, type the same "
        "again with --skip-existing.",
        highlight=False,
    )


def _show_landing(places: Places, dropped: list[Dropped], timeout: int) -> int:
    """Print each upload's fate, and how many there were of each. Returns how many are not classified."""
    fates: Counter[str] = Counter()
    try:
        for upload, row in wait_for(places.warehouse, dropped, timeout):
            fates[_kind(row)] += 1
            console.print(f"{shown(upload.ref.name)}  {_fate(row)}", highlight=False)
    except KeyboardInterrupt:
        remarks.print(
            f"Interrupted. {_counted(fates)}; the others land all the same: bucketlens query", highlight=False
        )
        sys.exit(INTERRUPTED)
    remarks.print(_counted(fates), highlight=False)
    missing = len(dropped) - fates.total()
    if missing:
        remarks.print(f"{missing} of {len(dropped)} have not landed in {timeout} s; the sweep will take them.")
    return missing + fates["refused"]


def _kind(row: dict[str, Any]) -> str:
    return "refused" if row["reason"] else "to review" if row["needs_review"] else "sure"


def _counted(fates: Counter[str]) -> str:
    return ", ".join(f"{fates[kind]:,} {kind}" for kind in ("sure", "to review", "refused"))


def _fate(row: dict[str, Any]) -> str:
    if row["reason"]:
        return f"[red]{shown(row['reason'])}[/] {shown(row['detail'])}"
    review = "  [yellow]needs review[/]" if row["needs_review"] else ""
    return f"[green]{shown(row['label'])}[/] {row['score']:.2f}{review}"
