"""``bucketlens logs``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from shared.cli.logged_outcomes import print_outcomes
from shared.cli.moment import Moment
from shared.cli.options import folder_option, none_runs
from shared.cli.terminal import say
from shared.local.log_files import Tail, fields_of_lines, last_lines, names_in
from shared.operations.logged_outcomes import Line, LoggedOutcome, LogQuery, functions_of, newest, trace_id_from

LOOK_S = 0.2
SINCE = timedelta(hours=1)
SINCE_OF_A_PICTURE = timedelta(days=7)
"""The default of --since for one trace or one picture: the user knows which, and seldom when it was."""

OF_FUNCTIONS = ("classify_", "shadow")
"""How the names of the logs begin that functions write; each revision has its own."""


@click.command("logs", short_help="Show what the functions logged, or the log of a part of the local cloud.")
@click.argument("part", required=False)
@folder_option
@click.option("--project", help="Read Cloud Logging in this Google Cloud project instead of the local cloud's files.")
@click.option(
    "--since",
    type=Moment(),
    metavar="AGE",
    help="Show outcomes from this time on: 30m, 1h or 7d ago, or a date.  [default: 1h; with --trace or --name 7d]",
)
@click.option("--failures", is_flag=True, help="Show only outcomes that are not a prediction, and errors.")
@click.option("--trace", metavar="TRACE", help="Show the outcomes of a trace: its id, or the value of a trace header.")
@click.option("--name", metavar="TEXT", help="Show the outcomes of pictures whose name contains this.")
@click.option("--json", "as_json", is_flag=True, help="Print each outcome as a JSON object on a line.")
@click.option("-f", "--follow", is_flag=True, help="Continue with new lines until Ctrl-C.")
@click.option(
    "-n", "--lines", type=click.IntRange(0), default=50, show_default=True, help="How many of the last lines to show."
)
def command(
    part: str | None,
    folder: Path,
    project: str | None,
    since: datetime | None,
    failures: bool,
    trace: str | None,
    name: str | None,
    as_json: bool,
    follow: bool,
    lines: int,
) -> None:
    """Show what the functions logged, one outcome a line, with the id of its row; or the log of a part as it is.

    With --since, --failures, --trace, --name, --json or --project the command shows outcomes, oldest first: time,
    function, outcome, name, label and score or reason, milliseconds, and `prediction_id` or `failure_id`. PART is then
    a function. Otherwise it shows the last lines of a part of the local cloud; without PART, it lists the log files.

    Reading a project's logs needs roles/logging.viewer on it. Exit codes: 0 also if there is no such outcome; 1 Cloud
    Logging did not answer; 2 the arguments are invalid, or the logs may not be read.

    \b
    Example:
      bucketlens logs --failures --since 1d
      bucketlens logs --name rose.jpg --project my-project
      bucketlens logs --trace 4bf92f3577b34da6a3ce929d0e0e4736 --json
      bucketlens logs -f classify_request
    """
    if since or failures or trace or name or as_json or project:
        if follow:
            raise click.UsageError("--follow shows the lines of one part; leave out the options that choose outcomes.")
        default = datetime.now(UTC) - (SINCE_OF_A_PICTURE if trace or name else SINCE)
        query = LogQuery(
            since=since or default,
            functions=_functions(part, folder / "logs", project),
            only_failures=failures,
            trace=trace_id_from(trace) if trace else None,
            name=name,
        )
        outcomes = _in_project(project, query, lines) if project else _on_this_machine(folder, query, lines)
        print_outcomes(outcomes, query, as_json=as_json, is_cut=len(outcomes) == lines)
    else:
        _show_part(part, folder, follow=follow, lines=lines)


def _functions(part: str | None, logs: Path, project: str | None) -> tuple[str, ...]:
    """Return the functions of a query; on this machine a revision has a log of its own, and so a name."""
    if part and not project and part.startswith(OF_FUNCTIONS) and part in names_in(logs):
        return (_function_of(part),)
    return functions_of(part)


def _in_project(project: str, query: LogQuery, limit: int) -> list[LoggedOutcome]:
    from shared.adapters.cloud_logging import CloudLogging  # its import takes a second

    return newest(CloudLogging(project).lines(query.filter(project), limit), query, limit) if limit else []


def _on_this_machine(folder: Path, query: LogQuery, limit: int) -> list[LoggedOutcome]:
    logs = folder / "logs"
    if not logs.is_dir():
        raise click.UsageError(none_runs(folder))
    return newest(_lines_in(logs, query), query, limit)


def _lines_in(logs: Path, query: LogQuery) -> Iterator[Line]:
    for name in names_in(logs):
        if name.startswith(OF_FUNCTIONS) and _function_of(name).startswith(query.functions):
            yield from ((name, fields) for fields in fields_of_lines(logs / f"{name}.log"))


def _function_of(log: str) -> str:
    return log.replace("_", "-").replace("shadow", "classify-backlog-shadow")


def _show_part(part: str | None, folder: Path, *, follow: bool, lines: int) -> None:
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
