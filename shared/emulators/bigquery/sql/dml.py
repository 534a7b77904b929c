"""INSERT, UPDATE, DELETE and MERGE, in the form that DuckDB takes."""

from __future__ import annotations

from sqlglot import exp

from shared.emulators.bigquery.errors import Refusal
from shared.emulators.bigquery.sql.resolve import Names


def prepare_change(tree: exp.Expr, names: Names) -> None:
    """Check what a DML statement writes to, and rewrite it in place where DuckDB's grammar differs.

    Raises:
        Refusal: notFound for the table; invalidQuery for a view, for fields of a STRUCT, or without a condition.
    """
    if isinstance(tree, exp.Delete) and not tree.this:
        # DELETE t WHERE …, without FROM.
        tree.set("this", tree.args["tables"][0])
        tree.set("tables", None)
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    if not isinstance(target, exp.Table):
        raise Refusal("invalidQuery", "The statement does not name a table to change", "query")
    names.target(target)
    if isinstance(tree, exp.Insert) and isinstance(tree.expression, exp.Values):
        _widen(tree.expression)
    if isinstance(tree, exp.Update):
        _strip_targets(tree, target.alias_or_name)
    if isinstance(tree, exp.Merge):
        for when in tree.find_all(exp.When):
            _rewrite_when(when, target.alias_or_name)


def _strip_targets(update: exp.Update, table: str) -> None:
    """``SET t.a = 1`` is ``SET a = 1`` in DuckDB."""
    for assignment in update.expressions:
        column = assignment.this
        if not isinstance(column, exp.Column) or not column.table:
            continue
        if column.args.get("db") or column.table.lower() != table.lower():
            raise Refusal(
                "invalidQuery", f"Changing one field of a STRUCT ({column.sql()}) is not supported locally", "query"
            )
        column.set("table", None)


def _rewrite_when(when: exp.When, table: str) -> None:
    then = when.args.get("then")
    if isinstance(then, exp.Update):
        _strip_targets(then, table)
    if isinstance(then, exp.Insert) and isinstance(then.this, exp.Var) and then.this.name.upper() == "ROW":
        # INSERT ROW takes the source's columns by their place, as INSERT without anything does in DuckDB.
        then.set("this", exp.var("*"))


def _widen(values: exp.Values) -> None:
    """DEFAULT is a keyword in VALUES, which SQLGlot reads as a column."""
    for column in list(values.find_all(exp.Column)):
        if column.name.upper() == "DEFAULT" and not column.table:
            column.replace(exp.var("DEFAULT"))
