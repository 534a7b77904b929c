"""``bucketlens demo``."""

from __future__ import annotations

import json
import shutil
import sys
import time
import urllib.request
from pathlib import Path

import click
from rich.syntax import Syntax

from shared.backlog.graceful_shutdown import interruptible
from shared.bundles.model_index import ModelIndex
from shared.bundles.resolve import with_absolute_paths
from shared.cli.options import (
    Deployment,
    bundles_option,
    checked_index,
    checked_references,
    console,
    folder_option,
    refuse_without_locks,
    remarks,
)
from shared.cli.query import table_of
from shared.cli.terminal import shown
from shared.local.cloud import DATASET, PROJECT, UPLOAD_BUCKET, Cloud, folder_lock, new_cloud, saved_cloud
from shared.local.demo.samples import write_samples
from shared.local.leftovers import end_leftovers
from shared.local.supervisor import PartFailed, Supervisor
from shared.operations.upload import Dropped, drop, names_of, wait_for
from shared.settings import own_models

WAIT_S = 120
LONG_LIST = 20

QUERIES = {
    "Predictions": "SELECT image.name, model.name AS model, label, ROUND(score, 3) AS score, needs_review\n"
    f"FROM latest_predictions ORDER BY image.name LIMIT {LONG_LIST}",
    "Review queue: too uncertain to trust": "SELECT name, label, ROUND(score, 3) AS score\n"
    f"FROM review_queue ORDER BY score LIMIT {LONG_LIST}",
    "Failures: in quarantine, with the reason": f"SELECT name, reason, detail\nFROM rejected_uploads LIMIT {LONG_LIST}",
    "One picture, stored once": "SELECT image.archive_uri, COUNT(*) AS uploads\n"
    "FROM latest_predictions GROUP BY image.archive_uri HAVING COUNT(*) > 1",
    "Latency, milliseconds": "SELECT service, calls, cold_starts, ROUND(p50_ms, 1) AS p50_ms,\n"
    "  ROUND(p95_ms, 1) AS p95_ms, ROUND(mean_decode_ms, 1) AS decode_ms, ROUND(mean_classify_ms, 1) AS classify_ms\n"
    "FROM latency_by_revision ORDER BY service",
}

LISTED = dict(zip(QUERIES, ("latest_predictions", "review_queue", "rejected_uploads"), strict=False))
"""The views of the first queries, which list up to LONG_LIST rows."""


@click.command("demo", short_help="Show the whole product once, and stop.")
@folder_option
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Your own images instead of the drawn ones; images for another model in a sub-folder of its name.",
)
@bundles_option
def command(folder: Path, images: Path | None, bundles: tuple[str, ...]) -> None:
    """Start a separate local cloud, upload images, show their rows by BigQuery SQL, and stop.

    The demo's data is in the sub-folder demo of the folder, and is deleted at the start of each demo.

    Exit codes: 0 every image has its row; 1 some rows are missing.

    \b
    Example:
      bucketlens demo
      bucketlens demo --images ~/Pictures/garden
      bucketlens demo --bundle flowers_v1 --bundle chest_xray_v1
    """
    refuse_without_locks()
    folder = folder / "demo"
    served = checked_index(checked_references(bundles))
    with folder_lock(folder) as is_ours:
        if not is_ours:
            raise click.UsageError(f"A demo already runs in {folder}; wait for its end, or give another --folder.")
        sys.exit(_demo(folder, images, served))


def _demo(folder: Path, images: Path | None, served: ModelIndex) -> int:
    began = time.monotonic()
    _clear(folder)
    files = names_of(sorted(images.iterdir()) if images else write_samples(folder / "images"))
    if not files:
        raise click.UsageError(f"{images} has no files, expected images.")
    bundles = with_absolute_paths((reference for reference, _ in served.entries), own_models())
    supervisor = Supervisor(new_cloud(folder, bundles), remarks.print)
    try:
        with interruptible():
            with console.status("Starting the object store, the relay, the warehouse and the functions"):
                supervisor.start()
            seconds = time.monotonic() - began
            console.print(f"The local cloud is up after [bold]{seconds:.1f} s[/], on 127.0.0.1 only")
            _print_models_without_samples(served, files)
            missing = _upload_and_show(supervisor, files)
    except PartFailed as failure:
        remarks.print(str(failure), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        remarks.print("Interrupted.")
        return 130
    finally:
        supervisor.stop()
    console.print("\nStopped; nothing is left running. To keep a local cloud: [bold]bucketlens up[/]")
    return 1 if missing else 0


def _print_models_without_samples(served: ModelIndex, files: list[tuple[Path, str]]) -> None:
    """Print each further model that has no file: flowers can be drawn for samples, radiographs cannot."""
    folders = {name.partition("/")[0] for _, name in files}
    for name in served.names[1:]:
        if name not in folders:
            console.print(
                f"The model [bold]{name}[/] is served too, but gets no image: the demo has no samples for it, since a "
                f"drawing would not show how it works. Put your own images into a sub-folder {name}/ of --images.",
                highlight=False,
            )


def _upload_and_show(supervisor: Supervisor, files: list[tuple[Path, str]]) -> int:
    """Upload the files and print the results of the queries; return the number of files without a row."""
    deployment = Deployment(PROJECT, DATASET, supervisor.cloud)
    dropped = []
    for upload in drop(deployment.store, UPLOAD_BUCKET, files):
        if isinstance(upload, Dropped):
            dropped.append(upload)
        else:
            remarks.print(f"{shown(upload.path)}: skipped; {shown(upload.why)}", style="yellow")
    console.print(f"Uploaded [bold]{len(dropped)} files[/] to gs://{UPLOAD_BUCKET}")
    with console.status("Waiting for their rows"):
        landed = list(wait_for(deployment.warehouse, dropped, WAIT_S))
    for title, sql in QUERIES.items():
        result = deployment.warehouse.query(sql)
        console.print(f"\n[bold]{title}[/]")
        console.print(Syntax(sql, "sql", background_color="default", word_wrap=True))
        table = table_of(result)
        if len(result.rows) == LONG_LIST and (more := _rows_of(deployment, LISTED[title]) - LONG_LIST):
            table.caption = f"{more:,} more"
        console.print(table)
    if classified := [recorded.path for recorded, row in landed if row["label"]]:
        _classify_over_https(supervisor.cloud, min(classified))
    missing = len(dropped) - len(landed)
    if missing:
        remarks.print(f"{missing} of {len(dropped)} files have no row after {WAIT_S} s.", style="red")
    return missing


def _rows_of(deployment: Deployment, view: str) -> int:
    return int(deployment.warehouse.query(f"SELECT COUNT(*) AS n FROM {view}").rows[0]["n"])  # noqa: S608  # one of LISTED


def _classify_over_https(cloud: Cloud, image: Path) -> None:
    """Send an image as an HTTPS client would, and print the main fields of the answer."""
    url = f"{cloud.url('classify_request')}/v1/classify?record=false"
    console.print(f"\n[bold]The same over HTTPS[/]\ncurl --data-binary @{shown(image.name)} {url}", highlight=False)
    request = urllib.request.Request(url, image.read_bytes(), {"Content-Type": "image/jpeg"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310  # our own http:// on loopback
        answer = json.load(response)
    fields_shown = {name: answer[name] for name in ("label", "score", "needs_review", "prediction_id")}
    console.print_json(json.dumps(fields_shown))


def _clear(folder: Path) -> None:
    """Delete the data of an earlier demo, and end the processes that a killed demo left."""
    if running_before := saved_cloud(folder):
        end_leftovers(running_before)
    for name in ("images", "objects", "buckets", "buckets.unfinished", "warehouse", "logs"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for file in folder.glob("relay.sqlite*"):
        file.unlink()
