"""``python -m shared.cli`` is ``bucketlens``."""

import atexit

from shared.backlog.graceful_shutdown import ignore_signals
from shared.cli import main


def run() -> None:
    """Run the command line; a signal that comes after a command has ended does not change its exit code."""
    atexit.register(ignore_signals)
    main(prog_name="bucketlens")


if __name__ == "__main__":
    run()
