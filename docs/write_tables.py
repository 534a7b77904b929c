"""Write the tables of docs/ from what they describe: ``make docs``. Tests compare.

python docs/write_tables.py
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from shared.monitoring.threshold_settings import KINDS, variable_of  # noqa: E402  # found only now
from shared.operations.cost import Measured, cost_table, measured_table, price_table  # noqa: E402
from shared.operations.monthly_bill import classes_table, further_price_table, month_table  # noqa: E402
from shared.settings import Settings  # noqa: E402
from tests.emulators.contract import object_store_differences, warehouse_differences  # noqa: E402
from tests.system.chaos.document import write_between  # noqa: E402
from tests.system.hostile.table import SECTIONS, hostile_table  # noqa: E402

TABLES = ("predictions", "failures", "labels", "model_events")


def row_table(name: str) -> str:
    """Return one table's fields in Markdown, nested ones with their path."""
    fields: list[dict[str, Any]] = json.loads((ROOT / f"infra/bigquery/tables/{name}.json").read_text("utf-8"))
    lines = ["| field | type | | what it says |", "|---|---|---|---|"]
    lines += [f"| `{path}` | {kind} | {mode} | {text} |" for path, kind, mode, text in _rows(fields)]
    return "\n".join(lines)


def settings_table() -> str:
    """Return the table of settings, in Markdown."""
    lines = ["| setting | default | what it decides |", "|---|---|---|"]
    for setting in dataclasses.fields(Settings):
        default = setting.metadata["default"]
        shown = "required" if default is None else f"`{default}`" if default else "none"
        lines.append(f"| `{setting.metadata['env']}` | {shown} | {setting.metadata['help']} |")
    return "\n".join(lines)


def thresholds_table() -> str:
    """Return the table of monitoring's thresholds, in Markdown, each with the reason for its default."""
    lines = ["| setting | default | what it decides | why this default |", "|---|---|---|---|"]
    for kind in KINDS:
        reasons = _docstrings_of_fields(kind)
        for threshold in dataclasses.fields(kind):
            default = "none" if threshold.default is None else f"`{threshold.default:g}`"
            cells = (f"`{variable_of(threshold)}`", default, threshold.metadata["help"], reasons[threshold.name])
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _docstrings_of_fields(kind: type) -> dict[str, str]:
    """Return the text below each field of a class; empty for a field without one."""
    texts: dict[str, str] = {}
    [definition] = ast.parse(inspect.getsource(kind)).body
    for field, below in pairwise([*ast.iter_child_nodes(definition), ast.Pass()]):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            text = ast.literal_eval(below.value) if isinstance(below, ast.Expr) else ""
            texts[field.target.id] = " ".join(text.split()).replace("``", "`")
    return texts


def cost_tables() -> dict[str, str]:
    """Return the tables of docs/cost.md by their mark."""
    measured = Measured.load(ROOT / "docs" / "measured_cost.json")
    return {
        "classes": classes_table(measured),
        "cost": cost_table(measured),
        "further-prices": further_price_table(),
        "measured": measured_table(measured),
        "month": month_table(measured),
        "prices": price_table(),
    }


def _rows(fields: list[dict[str, Any]], above: str = "") -> Iterator[tuple[str, str, str, str]]:
    for field in fields:
        path = f"{above}{field['name']}"
        mode = {"REQUIRED": "", "NULLABLE": "may be null", "REPEATED": "list"}[field["mode"]]
        yield path, field["type"], mode, field["description"]
        yield from _rows(field.get("fields", []), f"{path}.")


def main() -> None:
    """Write the files."""
    _fill("docs/settings.md", {"settings": settings_table()})
    _fill("docs/monitoring.md", {"thresholds": thresholds_table()})
    _fill("docs/rows.md", {name: row_table(name) for name in TABLES})
    _fill("docs/cost.md", cost_tables())
    stores, warehouses = object_store_differences, warehouse_differences
    _fill("docs/object-store-differences.md", {stores.MARK: stores.differences_table()})
    tables = {"asked": warehouses.ASKED, "documented": warehouses.DOCUMENTED}
    _fill("docs/hostile-input.md", {section: hostile_table(section) for section in SECTIONS})
    _fill("docs/bigquery-differences.md", {mark: warehouses.differences_table(rows) for mark, rows in tables.items()})


def _fill(file: str, tables: dict[str, str]) -> None:
    for mark, table in tables.items():
        write_between(ROOT / file, mark, table)


if __name__ == "__main__":
    main()
