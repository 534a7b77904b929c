"""Run ``bucketlens`` by ``python -m shared.cli``."""

import atexit

from shared.backlog.graceful_shutdown import ignore_signals
from shared.cli import main


def run() -> None:
    """Run the command line; signals after the end of a command do not change its exit code."""
    atexit.register(ignore_signals)
    main(prog_name="bucketlens")


if __name__ == "__main__":
    run()
