"""``bucketlens logs``."""

from __future__ import annotations

import time
from pathlib import Path

import click

from shared.cli.options import folder_option
from shared.cli.terminal import say
from shared.local.log_files import Tail, last_lines, names_in

LOOK_S = 0.2


@click.command("logs", short_help="Show the log of a part of the local cloud.")
@click.argument("part", required=False)
@folder_option
@click.option("-f", "--follow", is_flag=True, help="Continue with new lines until Ctrl-C.")
@click.option(
    "-n", "--lines", type=click.IntRange(0), default=50, show_default=True, help="How many of the last lines to show."
)
def command(part: str | None, folder: Path, follow: bool, lines: int) -> None:
    """Show the last lines of a part's log; without PART, list the log files.

    \b
    Example:
      bucketlens logs
      bucketlens logs classify_upload
      bucketlens logs -f classify_request
    """
    logs = folder / "logs"
    known = list(names_in(logs))
    if part is None:
        say("\n".join(str(logs / f"{name}.log") for name in known) or f"No part has written to {logs} yet.")
        return
    if part not in known:
        raise click.UsageError(f"There is no log of {part!r} in {logs}; the logs are {', '.join(known) or 'none'}.")
    tail = Tail(logs / f"{part}.log")
    for line in last_lines(logs / f"{part}.log", lines):
        say(line)
    while follow:
        try:
            say(tail.read_new(), nl=False)
            time.sleep(LOOK_S)
        except KeyboardInterrupt:
            return
