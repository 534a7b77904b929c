"""``bucketlens drop``."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import click
from rich.progress import track

from shared.cli.options import Deployment, console, deployment_options, remarks
from shared.cli.terminal import shown
from shared.errors import AlreadyDone, Transient
from shared.operations.served import check_served
from shared.operations.upload import Dropped, Skipped, drop, names_of, wait_for, without_known
from shared.parsing.gs_uri import bucket_name

INTERRUPTED = 130


@click.command("drop", short_help="Upload files to the bucket.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@deployment_options
@click.option("--bucket", help="The upload bucket, gs://…; required with --project.")
@click.option(
    "--model",
    help="The model for the files, if several are served; also NAME@canary or NAME@VERSION. With the local cloud, a "
    "model that it does not serve is refused.",
)
@click.option(
    "--skip-existing",
    is_flag=True,
    help="Skip files whose content already has a prediction (with --model, by that model), to upload a folder again or "
    "to continue an interrupted upload.",
)
@click.option("--wait", is_flag=True, help="Wait for the rows; print each prediction, and counts at the end.")
@click.option("--timeout", type=click.IntRange(1), default=120, show_default=True, help="Seconds to wait with --wait.")
def command(
    paths: tuple[Path, ...],
    deployment: Deployment,
    bucket: str | None,
    model: str | None,
    skip_existing: bool,
    wait: bool,
    timeout: int,
) -> None:
    """Upload files and whole folders to the upload bucket of the local cloud, or of a project.

    Nothing is overwritten: if an upload of the same name still waits, the new one gets another name. A file whose name
    is not a valid object name is reported and skipped.

    With --skip-existing, a file that is being processed has no prediction yet and may be uploaded again; the view
    `results` counts it once.

    Exit codes: 0 every file is uploaded, and with --wait classified; 1 a file was skipped, or with --wait was refused
    or has no row yet; 130 interrupted.

    \b
    Example:
      bucketlens drop photo.jpg --wait
      bucketlens drop holiday/ --skip-existing
      bucketlens drop ward/ --model chest_xray
      bucketlens drop holiday/ --project my-project --bucket gs://my-uploads
    """
    name = bucket_name(bucket) if bucket else deployment.upload_bucket
    if not name:
        raise click.UsageError("--project needs --bucket gs://…: the upload bucket of the deployment.")
    if model and deployment.cloud:
        check_served(deployment.cloud.url("classify_request"), model)
    try:
        files = names_of(paths)
        if skip_existing:
            files = _new_ones(deployment, files, model)
        dropped, skipped = _upload(deployment, name, files, model)
        unfinished = _show_landing(deployment, dropped, timeout) if wait else 0
    except AlreadyDone as error:
        raise click.UsageError(f"There is no bucket gs://{name}, or you may not write to it.") from error
    except Transient as error:
        remarks.print(str(error), style="red", markup=False)
        sys.exit(1)
    sys.exit(1 if skipped or unfinished else 0)


def _new_ones(deployment: Deployment, files: list[tuple[Path, str]], model: str | None) -> list[tuple[Path, str]]:
    with remarks.status("Looking for files that are already classified"):
        new = without_known(deployment.warehouse, files, model)
    if len(new) < len(files):
        remarks.print(f"{len(files) - len(new):,} of {len(files):,} files are already classified", highlight=False)
    return new


def _upload(
    deployment: Deployment, bucket: str, files: list[tuple[Path, str]], model: str | None
) -> tuple[list[Dropped], list[Skipped]]:
    """Upload the files; after Ctrl-C print the progress and exit."""
    dropped: list[Dropped] = []
    skipped: list[Skipped] = []
    try:
        with closing(drop(deployment.store, bucket, files, model)) as uploads:
            for result in track(uploads, "Uploading", len(files), console=remarks, transient=True):
                if isinstance(result, Dropped):
                    dropped.append(result)
                    continue
                skipped.append(result)
                remarks.print(f"{shown(result.path)}: skipped; [red]{shown(result.why)}[/]", highlight=False)
    except KeyboardInterrupt:
        _print_progress("Interrupted", dropped, files)
        sys.exit(INTERRUPTED)
    except Transient:
        _print_progress("Stopped early", dropped, files)
        raise
    left = f", {len(skipped):,} skipped" if skipped else ""
    remarks.print(f"{len(dropped):,} uploaded to gs://{bucket}{left}", highlight=False)
    return dropped, skipped


def _print_progress(what: str, dropped: list[Dropped], files: list[tuple[Path, str]]) -> None:
    remarks.print(
        f"{what}: {len(dropped):,} of {len(files):,} files are uploaded, and will be classified. To continue, type the "
        "same command with --skip-existing.",
        highlight=False,
    )


def _show_landing(deployment: Deployment, dropped: list[Dropped], timeout: int) -> int:
    """Print the outcome of each upload, and counts; return the number of files that are not classified."""
    outcomes: Counter[str] = Counter()
    try:
        for upload, row in wait_for(deployment.warehouse, dropped, timeout):
            outcomes[_kind(row)] += 1
            console.print(f"{shown(upload.ref.name)}  {_outcome(row)}", highlight=False)
    except KeyboardInterrupt:
        remarks.print(
            f"Interrupted. {_counted(outcomes)}; the others will be classified too: bucketlens query", highlight=False
        )
        sys.exit(INTERRUPTED)
    remarks.print(_counted(outcomes), highlight=False)
    missing = len(dropped) - outcomes.total()
    if missing:
        remarks.print(f"{missing} of {len(dropped)} files have no row after {timeout} s; the sweep will process them.")
    return missing + outcomes["refused"]


def _kind(row: dict[str, Any]) -> str:
    return "refused" if row["reason"] else "to review" if row["needs_review"] or row["is_unfamiliar"] else "sure"


def _counted(outcomes: Counter[str]) -> str:
    return ", ".join(f"{outcomes[kind]:,} {kind}" for kind in ("sure", "to review", "refused"))


def _outcome(row: dict[str, Any]) -> str:
    if row["reason"]:
        return f"[red]{shown(row['reason'])}[/] {shown(row['detail'])}"
    reasons = {"needs review": row["needs_review"], "unfamiliar": row["is_unfamiliar"]}
    review = ", ".join(reason for reason, applies in reasons.items() if applies)
    return f"[green]{shown(row['label'])}[/] {row['score']:.2f}" + (f"  [yellow]{review}[/]" if review else "")
