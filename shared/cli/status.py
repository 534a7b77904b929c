"""``bucketlens status``."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from shared.cli.console import TerminalConsole
from shared.cli.options import Deployment, console, folder_option, none_runs
from shared.cli.release_report import standing_json, standings_table
from shared.cli.terminal import say, say_json, shown
from shared.errors import AlreadyDone, Transient
from shared.local.cloud import DATASET, PROJECT, UPLOAD_BUCKET, Cloud, process_of, running_cloud
from shared.local.releases.ledger import SERVICES
from shared.local.releases.platform import LocalPlatform
from shared.operations.status import watch
from shared.release.revisions import Standing

BY_REVISION = """
SELECT
  revision, COUNT(*) AS images, COUNTIF(outcome = 'rejected') AS rejected,
  APPROX_QUANTILES(total_ms, 100)[OFFSET(50)] AS p50_ms, APPROX_QUANTILES(total_ms, 100)[OFFSET(95)] AS p95_ms
FROM calls
WHERE recorded_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR)
GROUP BY revision
ORDER BY revision
"""

PARTS = ("classify_request", "classify_upload", "storage", "relay", "warehouse")


@click.command("status", short_help="Show the parts and figures of the local cloud.")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option(
    "--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Also write the output to an HTML page."
)
def command(folder: Path, as_json: bool, page: Path | None) -> None:
    """Show whether a local cloud runs in the folder, its parts, and the figures of the last hour.

    The figures are those of the dashboard in production: outcomes, failures by reason, milliseconds by step, and the
    uploads that wait.

    Exit codes: 0 every part runs; 1 some part does not.

    \b
    Example:
      bucketlens status
      bucketlens status --json | jq -r .urls.classify_request
    """
    cloud = running_cloud(folder)
    state: dict[str, Any] = _state(cloud) if cloud else {"running": False, "folder": str(folder.resolve()), "parts": {}}
    if as_json:
        say_json(state, indent=2)
    elif cloud:
        _print(cloud, state, page)
    else:
        say(none_runs(folder))
    sys.exit(0 if state["running"] and all(state["parts"].values()) else 1)


def _state(cloud: Cloud) -> dict[str, Any]:
    return {
        "running": True,
        "folder": str(cloud.folder),
        "pid": cloud.pid,
        "urls": {part: cloud.url(part) for part in PARTS},
        "parts": {part: process_of(cloud.children.get(part, [])) is not None for part in _parts(cloud)},
        "pids": {part: int(identity[0]) for part, identity in cloud.children.items()},
        "environment": cloud.environment,
        **_watched(cloud),
        "queue": _queue(cloud),
        "releases": [standing_json(standing) for standing in _standings(cloud)],
    }


def _parts(cloud: Cloud) -> list[str]:
    """Return the parts of every cloud, and those that a release added: the front and other revisions."""
    return [*PARTS, *sorted(part for part in cloud.children if part not in PARTS)]


def _print(cloud: Cloud, state: dict[str, Any], page: Path | None) -> None:
    shown = TerminalConsole(record=True) if page else console
    shown.print(f"The page is at {cloud.url('classify_request')}; logs: bucketlens logs", highlight=False)
    shown.print(_table(cloud, state))
    shown.print(standings_table(_standings(cloud)))
    if state["watched"]:
        shown.print(_figures(state["watched"], state["queue"]))
        shown.print(_revisions_table(state["revisions"]))
    if page:
        shown.save_html(str(page))


def _watched(cloud: Cloud) -> dict[str, Any]:
    """Return the figures, or None and no revisions if the store or the warehouse does not run."""
    unknown: dict[str, Any] = {"watched": None, "revisions": []}
    if any(part not in cloud.children or process_of(cloud.children[part]) is None for part in ("storage", "warehouse")):
        return unknown
    deployment = Deployment(PROJECT, DATASET, cloud)
    try:
        watched = watch(deployment.warehouse, deployment.store, UPLOAD_BUCKET).as_json()
        return {"watched": watched, "revisions": deployment.warehouse.query(BY_REVISION).rows}
    except (Transient, AlreadyDone):
        return unknown


def _queue(cloud: Cloud) -> dict[str, Any] | None:
    """Return the relay's counts of events, or None if it does not run."""
    try:
        with urllib.request.urlopen(f"{cloud.url('relay')}/status", timeout=2) as answer:  # noqa: S310  # loopback
            status: dict[str, Any] = json.load(answer)
    except OSError:
        return None
    return status


def _standings(cloud: Cloud) -> list[Standing]:
    return [LocalPlatform(cloud).standing(service) for service in SERVICES]


def _revisions_table(revisions: list[dict[str, Any]]) -> Table:
    table = Table(
        "revision", "images", "rejected", "median", "95th percentile", title="By revision", title_justify="left"
    )
    for row in revisions:
        times = (f"{row[name]:.0f} ms" for name in ("p50_ms", "p95_ms"))
        table.add_row(row["revision"] or "", f"{row['images']:,}", f"{row['rejected']:,}", *times)
    return table


def _table(cloud: Cloud, state: dict[str, Any]) -> Table:
    table = Table(title=f"Local cloud in {shown(cloud.folder)}", title_justify="left")
    for column in ("part", "runs", "process", "url"):
        table.add_column(column)
    for part in state["parts"]:
        runs = "[green]yes[/]" if state["parts"][part] else "[red]no[/]"
        table.add_row(part, runs, str(state["pids"].get(part, "")), state["urls"].get(part, ""))
    return table


def _figures(watched: dict[str, Any], queue: dict[str, Any] | None) -> Table:
    table = Table(title="The last hour", title_justify="left")
    table.add_column("figure")
    table.add_column("", justify="right")
    for outcome, calls in watched["outcomes"].items():
        table.add_row(outcome, f"{calls:,}")
    for reason, calls in watched["failures"].items():
        table.add_row(f"  {reason}", f"{calls:,}")
    table.add_row("share in quarantine", f"{watched['quarantine_rate']:.1%}")
    for step, (median, slowest) in watched["milliseconds"].items():
        if median is not None:
            table.add_row(f"{step}: median, 95th percentile", f"{median:.0f} ms, {slowest:.0f} ms")
    table.add_row("uploads that wait", f"{watched['waiting']:,}")
    table.add_row("age of the oldest upload", f"{watched['oldest_upload_s']:.0f} s")
    if queue:
        table.add_row("events in the queue", f"{queue['pending']:,}")
        table.add_row("failed deliveries", f"{queue['failed_attempts']:,}")
    return table
