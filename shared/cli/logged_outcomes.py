"""Print what the functions logged: one outcome a line, for people or as JSON."""

from __future__ import annotations

from shared.cli.options import remarks
from shared.cli.terminal import say, say_json, visible
from shared.operations.logged_outcomes import LoggedOutcome, LogQuery

LONGEST = 300
"""The characters of a name or a message that are shown; --json has all of them."""


def print_outcomes(outcomes: list[LoggedOutcome], query: LogQuery, *, as_json: bool, is_cut: bool) -> None:
    """Print outcomes, or that there are none, and whether there may be earlier ones (``is_cut``)."""
    for outcome in outcomes:
        if as_json:
            say_json(outcome.as_json())
        else:
            say(_line(outcome))
    if not outcomes:
        what = "failure" if query.only_failures else "outcome"
        remarks.print(f"No {what} was logged since {query.since:%Y-%m-%d %H:%M:%S %Z}.", highlight=False)
    elif is_cut:
        remarks.print("Earlier outcomes are left out; show more with -n, or choose with --since.", highlight=False)


def _line(outcome: LoggedOutcome) -> str:
    took = "" if outcome.total_ms is None else f"{outcome.total_ms:.0f} ms"
    cells = (
        f"{outcome.at.astimezone():%Y-%m-%d %H:%M:%S}",
        outcome.function,
        outcome.outcome,
        outcome.name,
        _finding(outcome),
        took,
        f"prediction_id {outcome.prediction_id}" if outcome.prediction_id else "",
        f"failure_id {outcome.failure_id}" if outcome.failure_id else "",
    )
    return "  ".join(visible(cell)[:LONGEST] for cell in cells if cell)


def _finding(outcome: LoggedOutcome) -> str | None:
    """Return the label with its score, or the reason, or else the message."""
    if outcome.label:
        return outcome.label if outcome.score is None else f"{outcome.label} {outcome.score:.2f}"
    return outcome.reason or outcome.message
