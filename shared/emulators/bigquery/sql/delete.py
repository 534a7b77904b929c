"""Rewrite DELETE to DuckDB's grammar."""

from __future__ import annotations

from sqlglot import exp

from shared.emulators.bigquery.errors import ApiError
from shared.emulators.bigquery.sql.resolve import Names


def prepare_delete(tree: exp.Delete, names: Names) -> None:
    """Check the table of a DELETE, and rewrite the statement in place where DuckDB's grammar differs.

    Raises:
        ApiError: notFound for the table; invalidQuery for a view.
    """
    if not tree.this:
        # DELETE t WHERE … without FROM
        tree.set("this", tree.args["tables"][0])
        tree.set("tables", None)
    if not isinstance(tree.this, exp.Table):
        raise ApiError("invalidQuery", "The statement does not name a table to change", "query")
    names.target(tree.this)
