"""``bucketlens sweep``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from shared.cli.options import folder_option, required_cloud
from shared.local.parts import sweep_command


@click.command("sweep", short_help="Classify what still waits in the bucket.")
@folder_option
@click.option("--age", type=click.IntRange(1), default=1, show_default=True, help="Seconds; only older uploads.")
def command(folder: Path, age: int) -> None:
    """Run classify_backlog against the local cloud: uploads that no event finished go through the pipeline.

    In production Cloud Scheduler runs it; `bucketlens up` runs it every minute.

    Exit codes: 0 nothing is left; 1 some uploads must wait for the next sweep.

    \b
    Example:
      bucketlens sweep --age 10
    """
    arguments, environment = sweep_command(required_cloud(folder), age)
    sys.exit(subprocess.run(arguments, env=environment, check=False).returncode)
