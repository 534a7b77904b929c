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
    Places,
    bundles_option,
    checked_index,
    checked_places,
    console,
    folder_option,
    refuse_without_locks,
    remarks,
)
from shared.cli.query import table_of
from shared.cli.terminal import shown
from shared.local.cloud import DATASET, PROJECT, UPLOAD_BUCKET, Cloud, new_cloud, saved_cloud, sole_use
from shared.local.demo.samples import write_samples
from shared.local.leftovers import end_leftovers
from shared.local.supervisor import PartFailed, Supervisor
from shared.operations.upload import Dropped, drop, names_of, wait_for
from shared.settings import own_models

PATIENCE_S = 120
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
"""The views that the first queries list up to LONG_LIST rows of."""


@click.command("demo", short_help="Show the whole of it, and stop again.")
@folder_option
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Your own images, not the drawn ones; those for another model in a sub-folder that is called like it.",
)
@bundles_option
def command(folder: Path, images: Path | None, bundles: tuple[str, ...]) -> None:
    """Start a local cloud of its own, drop images, show the rows by BigQuery SQL, and stop.

    The demo's data is in the folder's sub-folder demo, and is made anew each time.

    Exit codes: 0 every image has its row; 1 something is missing.

    \b
    Example:
      bucketlens demo
      bucketlens demo --images ~/Pictures/garden
      bucketlens demo --bundle flowers_v1 --bundle chest_xray_v1
    """
    refuse_without_locks()
    folder = folder / "demo"
    served = checked_index(checked_places(bundles))
    with sole_use(folder) as is_ours:
        if not is_ours:
            raise click.UsageError(f"A demo runs in {folder} already; wait for it, or name another --folder.")
        sys.exit(_demo(folder, images, served))


def _demo(folder: Path, images: Path | None, served: ModelIndex) -> int:
    began = time.monotonic()
    _clear(folder)
    files = names_of(sorted(images.iterdir()) if images else write_samples(folder / "images"))
    if not files:
        raise click.UsageError(f"There is no file in {images}, expected images.")
    places = with_absolute_paths((place for place, _ in served.entries), own_models())
    supervisor = Supervisor(new_cloud(folder, places), remarks.print)
    try:
        with interruptible():
            with console.status("Starting the object store, the relay, the warehouse and the functions"):
                supervisor.start()
            seconds = time.monotonic() - began
            console.print(f"The local cloud is up after [bold]{seconds:.1f} s[/], all of it on 127.0.0.1")
            _say_what_is_missing(served, files)
            missing = _drop_and_show(supervisor, files)
    except PartFailed as failure:
        remarks.print(str(failure), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        remarks.print("Interrupted.")
        return 130
    finally:
        supervisor.stop()
    console.print("\nStopped; nothing is left running. Keep a cloud: [bold]bucketlens up[/]")
    return 1 if missing else 0


def _say_what_is_missing(served: ModelIndex, files: list[tuple[Path, str]]) -> None:
    """Say of each model beside the default that no file is for it: flowers can be drawn, and a radiograph cannot."""
    folders = {name.partition("/")[0] for _, name in files}
    for name in served.names[1:]:
        if name not in folders:
            console.print(
                f"The model [bold]{name}[/] is served too, and sees nothing here: there are no samples for it, since a "
                f"drawn one would say nothing about it. Yours go into a sub-folder {name}/ of --images.",
                highlight=False,
            )


def _drop_and_show(supervisor: Supervisor, files: list[tuple[Path, str]]) -> int:
    """Drop the files and print what the warehouse says. Returns how many have no row."""
    places = Places(PROJECT, DATASET, supervisor.cloud)
    dropped = []
    for one in drop(places.store, UPLOAD_BUCKET, files):
        if isinstance(one, Dropped):
            dropped.append(one)
        else:
            remarks.print(f"{shown(one.path)}: skipped; {shown(one.why)}", style="yellow")
    console.print(f"Dropped [bold]{len(dropped)} files[/] into gs://{UPLOAD_BUCKET}")
    with console.status("Waiting for their rows"):
        landed = list(wait_for(places.warehouse, dropped, PATIENCE_S))
    for title, sql in QUERIES.items():
        result = places.warehouse.query(sql)
        console.print(f"\n[bold]{title}[/]")
        console.print(Syntax(sql, "sql", background_color="default", word_wrap=True))
        table = table_of(result)
        if len(result.rows) == LONG_LIST and (more := _rows_of(places, LISTED[title]) - LONG_LIST):
            table.caption = f"{more:,} more"
        console.print(table)
    if classified := [upload.path for upload, row in landed if row["label"]]:
        _ask_over_https(supervisor.cloud, min(classified))
    missing = len(dropped) - len(landed)
    if missing:
        remarks.print(f"{missing} of {len(dropped)} files have no row after {PATIENCE_S} s.", style="red")
    return missing


def _rows_of(places: Places, view: str) -> int:
    return int(places.warehouse.query(f"SELECT COUNT(*) AS n FROM {view}").rows[0]["n"])  # noqa: S608  # one of LISTED


def _ask_over_https(cloud: Cloud, image: Path) -> None:
    """Send one image as an HTTPS client would, and print the answer's main fields."""
    url = f"{cloud.url('classify_request')}/v1/classify?record=false"
    console.print(f"\n[bold]The same over HTTPS[/]\ncurl --data-binary @{shown(image.name)} {url}", highlight=False)
    request = urllib.request.Request(url, image.read_bytes(), {"Content-Type": "image/jpeg"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310  # our own http:// on loopback
        answer = json.load(response)
    fields_shown = {name: answer[name] for name in ("label", "score", "needs_review", "prediction_id")}
    console.print_json(json.dumps(fields_shown))


def _clear(folder: Path) -> None:
    """Remove an earlier demo's data, and what a killed one left running."""
    if running_before := saved_cloud(folder):
        end_leftovers(running_before)
    for name in ("images", "objects", "buckets", "buckets.unfinished", "warehouse", "logs"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for file in folder.glob("relay.sqlite*"):
        file.unlink()
