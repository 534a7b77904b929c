"""Classify the uploads that are still in the upload bucket; with --keep, classify any bucket and delete nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from shared.backlog.graceful_shutdown import graceful_shutdown
from shared.backlog.selection import Backlog
from shared.backlog.summary import log_summary
from shared.backlog.sweep import Sweep
from shared.errors import BadRequest, Misconfigured
from shared.service import Service

EPILOG = """example:
  python functions/classify_backlog/main.py
  python functions/classify_backlog/main.py --bucket gs://holiday-photos --prefix 2024/ --keep

exit codes: 0 no upload remains; 1 some uploads wait for the next sweep; 2 an argument or a setting is invalid.
The tasks of a job share the uploads by CLOUD_RUN_TASK_INDEX and CLOUD_RUN_TASK_COUNT.
"""


def classify_backlog(arguments: Sequence[str] = ()) -> int:
    """Run one sweep and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        service = Service.from_environment()
        backlog = Backlog.of(service.settings, service.platform, options.bucket, options.prefix, keep=options.keep)
        sweep = Sweep.of(service, keep=backlog.keep)
        with graceful_shutdown(sweep.stop, lambda: log_summary(sweep.cut_off())):
            summary = sweep.run(backlog.uploads(service.pipeline().store))
    except (Misconfigured, BadRequest) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    log_summary(summary)
    return summary.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bucket", metavar="gs://B", help="sweep this bucket instead of UPLOAD_BUCKET; needs --keep")
    parser.add_argument("--prefix", default="", metavar="P", help="process only objects whose names begin with this")
    parser.add_argument("--keep", action="store_true", help="delete nothing, and skip every generation that has a row")
    return parser


if __name__ == "__main__":
    sys.exit(classify_backlog(sys.argv[1:]))
