"""``bucketlens query``."""

from __future__ import annotations

import csv
import json
import sys
from datetime import date, datetime
from typing import Any

import click
from rich.table import Table

from shared.adapters.bigquery import Result
from shared.cli.options import Deployment, console, deployment_options, remarks
from shared.cli.terminal import say, say_json, shown, visible
from shared.errors import BadRequest, WarehouseUnavailable

READABLE = 14
"""The least width of a column, in characters; a narrower one cannot be read."""
GAP = 3
"""The characters between two columns."""


@click.command("query", short_help="Query the warehouse in BigQuery SQL.")
@click.argument("sql")
@deployment_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="table for people; json for one object a line; csv for raw values (for a spreadsheet: `bucketlens export`).",
)
def command(sql: str, deployment: Deployment, format_: str) -> None:
    """Run BigQuery SQL on the local warehouse, or with --project on BigQuery.

    Names without a dataset are in the dataset of the deployment. If a table has more columns than fit the terminal, the
    values of a row are printed below each other. The view `results` has a row for each picture, `latest_predictions` a
    row for each upload, so there a folder that was uploaded twice counts twice.

    \b
    Example:
      bucketlens query "SELECT final_label, COUNT(*) AS pictures FROM results GROUP BY final_label"
      bucketlens query "SELECT * FROM review_queue ORDER BY score" --format json
      bucketlens query "SELECT * FROM latency_by_revision" --project my-project
    """
    try:
        result = deployment.warehouse.query(sql)
    except BadRequest as error:
        raise click.UsageError(str(error)) from error
    except WarehouseUnavailable as error:
        say(error, err=True)
        sys.exit(1)
    if result.affected is not None:
        remarks.print(f"{result.affected:,} {'row' if result.affected == 1 else 'rows'} changed", highlight=False)
    elif format_ == "table":
        console.print(readable(result, console.width))
    elif format_ == "json":
        for row in result.rows:
            say_json(row, default=_plain)
    else:
        # a file gets every character unescaped
        as_text = visible if sys.stdout.isatty() else str
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(map(as_text, result.columns))
        writer.writerows([as_text(_cell(row[column], "")) for column in result.columns] for row in result.rows)


def readable(result: Result, width: int) -> Table:
    """Return a result as a table, or with the values of a row below each other if the columns do not fit.

    Args:
        result: the result of a query.
        width: the width of the terminal, in characters.
    """
    cells = [[_cell(row[column], "–") for column in result.columns] for row in result.rows]
    longest = [max(map(len, column)) for column in zip(result.columns, *cells, strict=True)] if cells else []
    least = sum(min(length, READABLE) + GAP for length in longest)
    return table_of(result) if least <= width else _stacked(result, cells)


def _stacked(result: Result, cells: list[list[str]]) -> Table:
    table = Table(show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for row in cells:
        for column, cell in zip(result.columns, row, strict=True):
            table.add_row(shown(column), shown(cell))
        table.add_section()
    return table


def table_of(result: Result, title: str | None = None) -> Table:
    """Return a result as a table for a terminal."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in result.columns:
        numeric = any(isinstance(row[column], (int, float)) for row in result.rows)
        table.add_column(shown(column), justify="right" if numeric else "left", overflow="fold")
    for row in result.rows:
        table.add_row(*(shown(_cell(row[column], "–")) for column in result.columns))
    if not result.rows:
        table.caption = "no rows"
    return table


def _cell(value: Any, null: str) -> str:
    match value:
        case None:
            return null
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.4g}"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case dict() | list():
            return json.dumps(value, default=_plain, ensure_ascii=False)
    return str(value)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)
