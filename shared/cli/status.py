"""``bucketlens status``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from shared.cli.options import console, folder_option
from shared.local.cloud import Cloud, process_of, running_cloud

PARTS = ("classify_request", "classify_upload", "storage", "object_store", "relay", "warehouse")


@click.command("status", short_help="Say what runs, and where.")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def command(folder: Path, as_json: bool) -> None:
    """Say whether a local cloud runs in the folder, and where its parts are.

    Exit codes: 0 every part runs; 1 something does not.

    \b
    Example:
      bucketlens status
      bucketlens status --json | jq -r .urls.classify_request
    """
    cloud = running_cloud(folder)
    state: dict[str, Any] = _state(cloud) if cloud else {"running": False, "folder": str(folder.resolve()), "parts": {}}
    if as_json:
        click.echo(json.dumps(state, indent=2))
    elif cloud:
        console.print(_table(cloud, state))
    else:
        click.echo(f"No local cloud runs in {folder}; start one with: bucketlens up --detach")
    sys.exit(0 if state["running"] and all(state["parts"].values()) else 1)


def _state(cloud: Cloud) -> dict[str, Any]:
    return {
        "running": True,
        "folder": str(cloud.folder),
        "pid": cloud.pid,
        "urls": {part: cloud.url(part) for part in PARTS},
        "parts": {part: part in cloud.children and process_of(cloud.children[part]) is not None for part in PARTS},
        "pids": {part: int(identity[0]) for part, identity in cloud.children.items()},
        "environment": cloud.environment,
    }


def _table(cloud: Cloud, state: dict[str, Any]) -> Table:
    table = Table(title=f"Local cloud in {cloud.folder}", title_justify="left")
    for column in ("part", "runs", "process", "url"):
        table.add_column(column)
    for part in PARTS:
        runs = "[green]yes[/]" if state["parts"][part] else "[red]no[/]"
        table.add_row(part, runs, str(state["pids"].get(part, "")), cloud.url(part))
    return table
