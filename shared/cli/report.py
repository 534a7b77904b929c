"""``bucketlens report``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.progress import Progress, SpinnerColumn, TextColumn

from shared.cli.event_record import EventRecord
from shared.cli.moment import Moment
from shared.cli.monitored_bundle import monitored_bundle
from shared.cli.options import Deployment, deployment_options, exit_unreachable, remarks
from shared.cli.plotting import require_matplotlib
from shared.cli.terminal import say
from shared.errors import BadRequest, Transient
from shared.monitoring.threshold_settings import thresholds_from
from shared.settings import monitor_variables

MOST = timedelta(days=3660)

ENDINGS = {".html": "html", ".htm": "html", ".md": "markdown"}


@click.group("report", short_help="Write reports that people read.")
def command() -> None:
    """Write reports: HTML that stands alone, or Markdown."""


@command.command("periodic", short_help="Report on the pictures of the last days.")
@deployment_options
@click.option("--region", help="The region of the services; with --project, unless --bundle is given.")
@click.option("--bundle", help="The bundle to compare with.  [default: what the service of uploads serves]")
@click.option("--model", help="The model to report on, if several serve: NAME.")
@click.option("--since", type=Moment(), default="30d", show_default=True, help="Report on uploads from that day on.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; it ends with .html or .md.  [default: report_MODEL_FIRST-DAY_LAST-DAY.html]",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("--no-pictures", is_flag=True, help="Show no thumbnails: pictures stay in the archive.")
def periodic(
    deployment: Deployment,
    region: str | None,
    bundle: str | None,
    model: str | None,
    since: datetime,
    out: Path | None,
    force: bool,
    no_pictures: bool,
) -> None:
    """Report on a model's pictures of the last days.

    Volume by day and label, scores and novelty next to the bundle's profile, accuracy on audited labels, verdicts,
    failures, latency, cost, and thumbnails of the most novel and the least certain pictures. The file loads nothing and
    runs nothing. Days are those of UTC. The report is recorded in `model_events`.

    Exit codes: 0 written; 1 the file exists or cannot be written; 2 the arguments are invalid; 4 the platform or the
    warehouse did not answer.

    \b
    Example:
      bucketlens report periodic
      bucketlens report periodic --since 7d --out week.md
      bucketlens report periodic --project my-project --region europe-west1 --no-pictures
    """
    require_matplotlib()
    if out is not None and out.suffix.lower() not in ENDINGS:
        raise click.UsageError(f"--out is {out}, expected a name that ends with .html or .md.")
    from shared.reporting.period import Period  # these load matplotlib, which takes a second
    from shared.reporting.periodic import file_stem, make_periodic_report, report_event

    now = datetime.now(UTC)
    if not now - MOST <= since < now:
        raise click.UsageError(f"--since is {since:%Y-%m-%d %H:%M}, expected a time in the last {MOST.days} days.")
    try:
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=remarks, transient=True) as progress:
            task = progress.add_task("Finding the model")
            monitored = monitored_bundle(deployment, region, bundle, model)
            name, period = monitored.bundle.manifest.name, Period.since(since.astimezone(UTC).date(), now)
            target = out or Path(f"{file_stem(name, period)}.html")
            _refuse_to_overwrite(target, force)
            report = make_periodic_report(
                deployment.warehouse,
                deployment.store,
                period,
                monitored.bundle,
                made_at=now,
                model_name=name,
                audit_share=thresholds_from(monitor_variables())[0].audit_share,
                with_pictures=not no_pictures,
                begin=lambda step: progress.update(task, description=step),
            )
            is_html = ENDINGS[target.suffix.lower()] == "html"
            content = (report.html if is_html else report.markdown).encode()
            target.write_bytes(content)
    except BadRequest as error:
        raise click.UsageError(str(error)) from error
    except Transient as error:
        exit_unreachable(error)
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written ({error.strerror}).") from error
    record = EventRecord(deployment)
    record.write(lambda: [report_event(report.facts, {target.name: content}, record.actor)])
    say(f"{target}: {report.facts.summary.pictures:,} pictures of {name}, {period}")


def _refuse_to_overwrite(target: Path, force: bool) -> None:
    if target.exists() and not force:
        raise click.ClickException(f"{target} exists already; overwrite it with --force, or choose another with --out.")
