"""The table of hostile input, and its Markdown in docs/hostile-input.md."""

from __future__ import annotations

from tests.system.hostile import rows_of_callers, rows_of_pictures, rows_of_texts
from tests.system.hostile.row import Row

SECTIONS: dict[str, tuple[Row, ...]] = {
    "bombs": rows_of_pictures.BOMBS,
    "animations": rows_of_pictures.ANIMATIONS,
    "cut": rows_of_pictures.CUT_AND_JOINED,
    "chimeras": rows_of_pictures.CHIMERAS,
    "sizes": rows_of_pictures.SIZES,
    "names": rows_of_texts.NAMES,
    "documents": rows_of_texts.DOCUMENTS,
    "places": rows_of_texts.PLACES,
    "callers": rows_of_callers.CALLERS,
    "wire": rows_of_texts.WIRE,
    "manifests": rows_of_texts.MANIFESTS,
}
"""Rows by the mark of their section in docs/hostile-input.md."""

ROWS = tuple(row for rows in SECTIONS.values() for row in rows)


def hostile_table(section: str) -> str:
    """Return a section's rows in Markdown."""
    lines = ["| what is sent | endpoint | outcome |", "|---|---|---|"]
    lines += [f"| {row.what.replace('|', '¦')} | {row.endpoint} | {row.expected} |" for row in SECTIONS[section]]
    return "\n".join(lines)
