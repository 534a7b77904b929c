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


@click.command("load", short_help="Load a deployment: latency, limit, cost.")
@click.argument("url")
@click.option(
    "--again", metavar="URL", help="The URL once more, so that none is loaded by mistake; else it is asked for."
)
@click.option("--rate", type=click.FloatRange(0.01, MOST_RATE), help="Requests a second, whatever the answers take.")
@click.option(
    "--clients",
    type=click.IntRange(1),
    help="Without --rate: each waits for its answer [8]. With it: the most connections [256].",
)
@click.option("--seconds", type=click.FloatRange(0.1), help="Of the run [60]; with --find-limit of each step [10].")
@click.option("--find-limit", is_flag=True, help="Raise the rate until p95 or errors break.")
@click.option(
    "--images", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Pictures; else drawings."
)
@click.option("--record", is_flag=True, help="Leave rows and pictures in the archive; else ?record=false is asked for.")
@click.option(
    "--token", envvar="BUCKETLENS_TOKEN", help="An identity token; $(gcloud auth print-identity-token) is yours."
)
@click.option("--private", is_flag=True, help="The URL's name may lead to a private address.")
@click.option("--max-requests", type=click.IntRange(1), default=20_000, show_default=True, help="All together.")
@click.option(
    "--max-usd", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True, help="In the dearest case."
)
@click.option(
    "--timeout", type=click.FloatRange(0.1, 300), default=60.0, show_default=True, help="Seconds for a request."
)
@click.option("--max-p95-ms", type=click.FloatRange(0), default=DEFAULTS.max_p95_ms, show_default=True)
@click.option("--max-error-rate", type=click.FloatRange(0, 1), default=DEFAULTS.max_error_rate, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
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
    """Load the deployment at URL, and say how fast and how much it answers, what that costs and which size suits.

    With --rate requests are sent when they are due, whether or not answers come, and a latency counts from when its
    request was due: a stall is seen by everybody who would have come meanwhile. Without, so many clients each wait for
    their answer. It ends at the first of --seconds, --max-requests and --max-usd; Ctrl-C prints what there is. The
    service is asked with ?record=false: no row, nothing in the archive, nothing that monitoring sees as an image.

    \b
    The object of --json holds url, run (requests, statuses, latency_ms, service_ms, error_rate, …), steps of
    --find-limit, limit_per_s, usd (most and likely), advice (setting, value, why) and faults. docs/load.md has more.

    Exit codes: 0 it holds --max-p95-ms and --max-error-rate, or a limit was found; 1 it does not, or was cut short by
    Ctrl-C; 2 it cannot be loaded as typed: the URL is not named twice, redirects, or asks for a token; 4 it does not
    answer.

    \b
    Example:
      bucketlens load http://127.0.0.1:8080 --again http://127.0.0.1:8080 --clients 4 --seconds 20
      bucketlens load https://… --again https://… --rate 20 --images holiday/ --token "$TOKEN"
      bucketlens load https://… --again https://… --find-limit --max-p95-ms 1000 --json | jq .limit_per_s
    """
    if again is None and sys.stdin.isatty():
        again = click.prompt(
            f"This sends up to {max_requests:,} requests and costs up to ${max_usd:.2f}. The URL once more"
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
        pictures = pictures_in(images) if images else drawn()
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
            _carried_out(target, plan, pictures, sender, demands, find_limit=find_limit, record=record)
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


def drawn() -> list[bytes]:
    """Return the drawings as JPEG files, one of each label."""
    files = []
    for picture in drawings().values():
        content = io.BytesIO()
        picture.save(content, "JPEG", quality=90)
        files.append(content.getvalue())
    return files


async def _carried_out(
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
    task = bar.add_task("Asking whether it answers", total=plan.seconds)

    def show(standing: Standing) -> None:
        what = f"{standing.sent:,} sent, {standing.failed:,} failed, at most ${standing.usd:.4f}"
        bar.update(task, description=what, completed=standing.seconds)

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
