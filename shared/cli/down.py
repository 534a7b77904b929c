"""``bucketlens down``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
import psutil

from shared.cli.options import clouds_elsewhere, folder_option, what_is_kept
from shared.cli.terminal import say
from shared.local.cloud import running_cloud, saved_cloud
from shared.local.leftovers import end_leftovers

WAIT_S = 40


@click.command("down", short_help="Stop the local cloud.")
@folder_option
def command(folder: Path) -> None:
    """Stop the local cloud of the folder. Its data is kept.

    \b
    Example:
      bucketlens down
    """
    cloud = running_cloud(folder)
    if cloud is None:
        before = saved_cloud(folder)
        left = end_leftovers(before) if before else []
        say(
            f"Ended the processes that a killed `up` left: {', '.join(left)}."
            if left
            else f"No local cloud runs in {folder}.{clouds_elsewhere()}"
        )
        return
    psutil.Process(cloud.pid).terminate()
    deadline = time.monotonic() + WAIT_S
    while running_cloud(folder):
        if time.monotonic() > deadline:
            say(f"Process {cloud.pid} has not stopped within {WAIT_S} s; see {cloud.log_file('up')}.", err=True)
            sys.exit(1)
        time.sleep(0.05)
    say(what_is_kept(folder))
