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

PATIENCE_S = 40


@click.command("down", short_help="Stop the local cloud.")
@folder_option
def command(folder: Path) -> None:
    """Stop the local cloud that runs in the folder. Its data stays.

    \b
    Example:
      bucketlens down
    """
    cloud = running_cloud(folder)
    if cloud is None:
        before = saved_cloud(folder)
        left = end_leftovers(before) if before else []
        say(
            f"Ended what a killed `up` had left: {', '.join(left)}."
            if left
            else f"Nothing runs in {folder}.{clouds_elsewhere()}"
        )
        return
    psutil.Process(cloud.pid).terminate()
    give_up_at = time.monotonic() + PATIENCE_S
    while running_cloud(folder):
        if time.monotonic() > give_up_at:
            say(f"Process {cloud.pid} has not stopped in {PATIENCE_S} s; see {cloud.log_file('up')}.", err=True)
            sys.exit(1)
        time.sleep(0.05)
    say(what_is_kept(folder))
