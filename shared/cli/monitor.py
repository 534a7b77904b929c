"""``bucketlens monitor``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from shared.cli.event_record import EventRecord
from shared.cli.moment import Moment
from shared.cli.monitor_options import thresholds_options
from shared.cli.monitor_report import print_judgement
from shared.cli.monitored_bundle import monitored_bundle
from shared.cli.options import Deployment, deployment_options, exit_unreachable, remarks
from shared.cli.plotting import require_matplotlib
from shared.cli.terminal import say_json
from shared.errors import BadRequest, Transient
from shared.monitoring.judge import Judgement, judge, verdict_event
from shared.monitoring.thresholds import RetrainingThresholds, VerdictThresholds

WITHOUT_TABLES = "The tables and views are those of infra/bigquery; an older deployment gets them by `terraform apply`."


@click.command("monitor", short_help="Judge whether the model still suits its pictures.")
@deployment_options
@click.option("--region", help="The region of the services; with --project, unless --bundle is given.")
@click.option("--bundle", help="The bundle to judge.  [default: what the service of uploads serves]")
@click.option("--model", help="The model to judge, if several serve: NAME; or NAME@VERSION, without other versions.")
@click.option("--since", type=Moment(), default="7d", show_default=True, help="Judge uploads from then on: 7d, a date.")
@click.option("--window", type=click.IntRange(1), help="Judge only so many of the latest pictures since then.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Also write the verdict as an HTML page."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
@click.option("--dry-run", is_flag=True, help="Do not record the verdict.")
@thresholds_options
def command(
    deployment: Deployment,
    region: str | None,
    bundle: str | None,
    model: str | None,
    since: datetime,
    window: int | None,
    report: Path | None,
    as_json: bool,
    dry_run: bool,
    thresholds: VerdictThresholds,
    retraining: RetrainingThresholds,
) -> None:
    """Compare recent pictures with those of the bundle's profile, estimate and audit the accuracy, and print a verdict.

    The verdict is steady, drifting (harmless so far), harmed or unknown, each with its evidence. Shadows, probes and
    generated pictures do not count. The accuracy is audited where people have labelled pictures of the view
    `audit_queue`, a uniform 1 % of all uploads. The verdict is recorded in `model_events`. A retraining may be
    proposed; nothing starts it.

    Exit codes: 0 steady or drifting; 1 harmed; 2 the arguments are invalid; 3 unknown; 4 the platform or the warehouse
    did not answer.

    \b
    Example:
      bucketlens monitor
      bucketlens monitor --since 30d --window 200 --report verdict.html
      bucketlens monitor --project my-project --region europe-west1 --dry-run
    """
    now = datetime.now(UTC)
    if since >= now:
        raise click.UsageError(f"--since is {since:%Y-%m-%d %H:%M}, expected a time in the past.")
    if report:
        require_matplotlib()
    try:
        monitored = monitored_bundle(deployment, region, bundle, model)
        judgement = judge(
            deployment.warehouse,
            monitored.bundle,
            since,
            now,
            latest=window,
            only_version=monitored.is_version,
            thresholds=thresholds,
            retraining=retraining,
        )
    except BadRequest as error:
        raise click.UsageError(f"{error} {WITHOUT_TABLES}") from error
    except Transient as error:
        exit_unreachable(error)
    if as_json:
        say_json(judgement.as_json(), indent=2)
    else:
        print_judgement(judgement)
    if report:
        _write_page(judgement, report)
    if not dry_run:
        record = EventRecord(deployment)
        record.write(lambda: [verdict_event(judgement, record.actor, now)])
    sys.exit(judgement.verdict.exit_code)


def _write_page(judgement: Judgement, path: Path) -> None:
    from shared.reporting.verdict_page import verdict_page  # it loads matplotlib, which takes a second

    try:
        path.write_text(verdict_page(judgement), "utf-8")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written ({error.strerror}).") from error
    remarks.print(f"The page is {path}", markup=False, highlight=False, soft_wrap=True)
