"""Write a run's figures into docs/reliability.md, between marks, so that they are never copied by hand."""

from __future__ import annotations

from pathlib import Path

from tests.system.chaos.report import Report


def write_between(path: Path, mark: str, text: str) -> None:
    """Replace the text between ``<!-- mark -->`` and ``<!-- /mark -->``.

    Raises:
        ValueError: the file has no such marks.
    """
    content = path.read_text("utf-8")
    before, begins, rest = content.partition(f"<!-- {mark} -->\n")
    _, ends, after = rest.partition(f"<!-- /{mark} -->")
    if not begins or not ends:
        raise ValueError(f"{path} has no <!-- {mark} --> … <!-- /{mark} -->; nothing was written")
    path.write_text(f"{before}{begins}{text}\n{ends}{after}", "utf-8")


def figures(report: Report) -> str:
    """Return a run's figures in Markdown: where and when, the totals, a row for each scenario."""
    lines = [
        f"`{report.command}`, seed {report.seed}, {report.seconds:.0f} s, {report.date}",
        f"({report.machine}).",
        "",
        "| scenario | kills | faults | images in | rows out | repeated | lost | doubled | measured |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for result in report.results:
        verdict = result.verdict
        counts = (result.kills, result.faults, verdict.images_in, verdict.rows_out)
        cells = map(str, (*counts, verdict.repeated, verdict.lost, verdict.doubled))
        measured = ", ".join(f"{name}: {value}" for name, value in result.figures.items())
        lines.append(f"| `{result.scenario.name}` | {' | '.join(cells)} | {measured} |")
    totals = report.totals
    names = ("kills", "faults", "images_in", "rows_out", "repeated", "lost", "doubled")
    lines.append(f"| **all** | {' | '.join(f'**{totals[name]:,}**' for name in names)} | |")
    return "\n".join(lines)
