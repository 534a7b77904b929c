"""``bucketlens load``."""

from __future__ import annotations

import asyncio
import contextlib
import io
import signal
import sys
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TextColumn

from shared.adapters.http_load import HttpSender
from shared.cli.load_report import Report, print_report
from shared.cli.options import remarks
from shared.cli.terminal import say_json
from shared.errors import BadRequest
from shared.local.demo.drawings import drawings
from shared.operations.load.drive import Standing
from shared.operations.load.limit import Demands
from shared.operations.load.pictures import largest_of, pictures_in
from shared.operations.load.plan import Plan, Target, checked_target, is_surprising
from shared.operations.load.session import LoadTest, Unanswered

DEFAULTS = Demands()
MOST_RATE = 2000.0


@click.command("load", short_help="Load test a deployment: latency, limit, cost.")
@click.argument("url")
@click.option(
    "--again", metavar="URL", help="The same URL again, so that none is loaded by mistake.  [default: a prompt]"
)
@click.option(
    "--rate",
    type=click.FloatRange(0.01, MOST_RATE),
    help="Send this many requests per second, however long answers take.",
)
@click.option(
    "--clients",
    type=click.IntRange(1),
    help="Without --rate: the clients, each waiting for its answer [8]. With --rate: the most connections [256].",
)
@click.option(
    "--seconds", type=click.FloatRange(0.1), help="The length of the run [60], or with --find-limit of each step [10]."
)
@click.option("--find-limit", is_flag=True, help="Raise the rate until --max-p95-ms or --max-error-rate is exceeded.")
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The pictures to send.  [default: drawings]",
)
@click.option("--record", is_flag=True, help="Write rows and archive the pictures: send no ?record=false.")
@click.option(
    "--token", envvar="BUCKETLENS_TOKEN", help="An identity token; $(gcloud auth print-identity-token) prints yours."
)
@click.option("--private", is_flag=True, help="Allow a URL whose host has a private address.")
@click.option(
    "--max-requests", type=click.IntRange(1), default=20_000, show_default=True, help="Stop after this many requests."
)
@click.option(
    "--max-usd",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Stop at this cost, estimated for the most expensive case.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 300),
    default=60.0,
    show_default=True,
    help="Seconds that a request may take.",
)
@click.option(
    "--max-p95-ms",
    type=click.FloatRange(0),
    default=DEFAULTS.max_p95_ms,
    show_default=True,
    help="The limit on the 95th percentile of latency.",
)
@click.option(
    "--max-error-rate",
    type=click.FloatRange(0, 1),
    default=DEFAULTS.max_error_rate,
    show_default=True,
    help="The limit on the share of failed requests.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
def command(
    url: str,
    again: str | None,
    rate: float | None,
    clients: int | None,
    seconds: float | None,
    find_limit: bool,
    images: Path | None,
    record: bool,
    token: str | None,
    private: bool,
    max_requests: int,
    max_usd: float,
    timeout: float,
    max_p95_ms: float,
    max_error_rate: float,
    as_json: bool,
) -> None:
    """Load test the deployment at URL: measure latency and throughput, estimate the cost, and advise a size.

    With --rate, requests are sent when they are due, whether or not answers come, and latency counts from when a
    request was due, so a stall delays each request that was due in it. Without --rate, each of --clients waits for its
    answer before it sends again. The run ends at the first of --seconds, --max-requests and --max-usd; Ctrl-C prints
    the results so far. Requests have ?record=false: they leave no row, nothing in the archive, and no image in
    monitoring.

    \b
    The object of --json has url, run (requests, statuses, latency_ms, service_ms, error_rate, …), steps of
    --find-limit, limit_per_s, usd (most and likely), advice (setting, value, why) and faults. docs/load.md has more.

    Exit codes: 0 --max-p95-ms and --max-error-rate hold, or a limit was found; 1 they do not hold, or Ctrl-C ended the
    run; 2 the arguments are invalid: the URLs differ, or the URL redirects or needs a token; 4 the service does not
    answer.

    \b
    Example:
      bucketlens load http://127.0.0.1:8080 --again http://127.0.0.1:8080 --clients 4 --seconds 20
      bucketlens load https://… --again https://… --rate 20 --images holiday/ --token "$TOKEN"
      bucketlens load https://… --again https://… --find-limit --max-p95-ms 1000 --json | jq .limit_per_s
    """
    if again is None and sys.stdin.isatty():
        again = click.prompt(
            f"This sends up to {max_requests:,} requests and costs up to ${max_usd:.2f}. Type the URL again"
        )
    try:
        target = checked_target(url, again, token)
        is_open = rate is not None or find_limit
        plan = Plan(
            seconds or (10.0 if find_limit else 60.0),
            (rate or 1.0) if is_open else None,
            clients or (256 if is_open else 8),
            max_requests,
            max_usd,
        )
        pictures = pictures_in(images) if images else drawn_pictures()
        demands = Demands(max_p95_ms, max_error_rate)
        sender = HttpSender(
            target.url,
            token,
            connections=plan.clients,
            timeout_s=timeout,
            record=record,
            is_surprising=lambda address: is_surprising(target, address, allow_private=private),
        )
        report = asyncio.run(
            _run_load_test(target, plan, pictures, sender, demands, find_limit=find_limit, record=record)
        )
    except BadRequest as error:
        raise click.UsageError(str(error)) from error
    except Unanswered as error:
        remarks.print(str(error), style="red", markup=False)
        sys.exit(4)
    if as_json:
        say_json(report.as_json(), indent=2)
    else:
        print_report(report)
    sys.exit(1 if report.faults else 0)


def drawn_pictures() -> list[bytes]:
    """Return drawings as JPEG files, one for each label."""
    files = []
    for picture in drawings().values():
        content = io.BytesIO()
        picture.save(content, "JPEG", quality=90)
        files.append(content.getvalue())
    return files


async def _run_load_test(
    target: Target,
    plan: Plan,
    pictures: list[bytes],
    sender: HttpSender,
    demands: Demands,
    *,
    find_limit: bool,
    record: bool,
) -> Report:
    bar = Progress(TextColumn("{task.description}"), BarColumn(), console=remarks, transient=True)
    task = bar.add_task("Checking that it answers", total=plan.seconds)

    def show(standing: Standing) -> None:
        description = f"{standing.sent:,} sent, {standing.failed:,} failed, at most ${standing.usd:.4f}"
        bar.update(task, description=description, completed=standing.seconds)

    async with sender:
        test = LoadTest(plan, pictures, sender.send, show, recorded=record)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError, ValueError):  # on Windows, and outside of the main thread
                loop.add_signal_handler(number, test.stop)
        with bar:
            await test.look()
            steps = await test.find_limit(demands, MOST_RATE) if find_limit else []
            if not find_limit:
                await test.run()
    return Report(target.url, plan, demands, test, steps, largest_of(pictures), record)
