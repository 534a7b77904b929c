"""Judge the models that are served, record each verdict, and write a report each week into the bucket of reports."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from shared.errors import BadRequest, Misconfigured, Transient
from shared.monitoring.judge_models import judge_models
from shared.monitoring.report_due import is_report_due
from shared.service import Service
from shared.settings import monitor_variables
from shared.wiring import open_store, open_warehouse

EPILOG = """examples:
  python functions/monitor/main.py
  python functions/monitor/main.py report

A report is written by itself if the last one is a week old and REPORT_BUCKET is set; `report` writes one now.
exit codes: 0 the verdicts are recorded, whatever they are; 1 something did not answer, run it again; 2 an argument, a
setting or a bundle is invalid.
"""


def monitor(arguments: Sequence[str] = ()) -> int:
    """Judge every model that is served, write the report if it is due, and return the exit code."""
    options = _parser().parse_args(arguments)
    now = datetime.now(UTC)
    try:
        service = Service.from_environment()
        settings, actor = service.settings, service.platform.service
        warehouse, thresholds = open_warehouse(settings, service.platform), monitor_variables()
        judge_models(service.models.index, warehouse, now, actor=actor, environment=thresholds)
        if options.report or (settings.report_bucket and is_report_due(warehouse, now)):
            from shared.reporting.weekly import write_weekly_reports  # it draws, which verdicts need not wait for

            store, bucket = open_store(settings, service.platform), settings.report_bucket
            write_weekly_reports(
                service.models.index, warehouse, store, bucket, now, actor=actor, environment=thresholds
            )
    except (Misconfigured, BadRequest, Transient) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1 if isinstance(error, Transient) else 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("report", nargs="?", choices=["report"], help="write a report now, whenever the last one was")
    return parser


if __name__ == "__main__":
    sys.exit(monitor(sys.argv[1:]))
