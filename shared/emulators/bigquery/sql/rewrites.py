"""Rewrite parts of a query that DuckDB would interpret differently: LIKE, STRUCTs, SELECT AS VALUE."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

ESCAPE = exp.Literal.string("\\")


def name_fields_of_later_structs(tree: exp.Expr) -> None:
    """Give ``(2, 'b')`` in ``[STRUCT(1 AS id, 'a' AS name), (2, 'b')]`` the names of the first element's fields.

    It does not need types and runs before they are inferred.
    """
    for array in list(tree.find_all(exp.Array)):
        first = array.expressions[0] if array.expressions else None
        names = _names_of(first)
        if names:
            elements = [_struct(element, names) or element for element in array.expressions]
            array.set("expressions", elements)


def escape_likes(tree: exp.Expr) -> None:
    """Add the escape character to each LIKE: it is the backslash in BigQuery, and DuckDB has no default."""
    for like in list(tree.find_all(exp.Like)):
        if not isinstance(like.parent, exp.Escape):
            like.replace(exp.Escape(this=like.copy(), expression=ESCAPE.copy()))


def spread_value(query: exp.Select) -> None:
    """Rewrite ``SELECT AS VALUE STRUCT(1 AS a)`` to ``SELECT 1 AS a``; other values stay one column."""
    kind = query.args.get("kind")
    query.set("kind", None)
    struct = query.expressions[0] if len(query.expressions) == 1 else None
    if kind != "VALUE" or not isinstance(struct, exp.Struct) or not _names_of(struct):
        return
    fields = [exp.alias_(part.expression.copy(), part.name, quoted=True) for part in struct.expressions]
    query.set("expressions", fields)


def _names_of(struct: exp.Expr | None) -> list[str]:
    if not isinstance(struct, exp.Struct):
        return []
    parts: Sequence[exp.Expr] = struct.expressions
    return [part.name for part in parts] if all(isinstance(part, exp.PropertyEQ) for part in parts) else []


def _struct(element: exp.Expr, names: Sequence[str]) -> exp.Struct | None:
    if isinstance(element, exp.Paren):
        values = [element.this]
    elif isinstance(element, exp.Tuple):
        values = element.expressions
    else:
        return None
    if len(values) != len(names):
        return None
    parts = [
        exp.PropertyEQ(this=exp.to_identifier(name), expression=value.copy())
        for name, value in zip(names, values, strict=True)
    ]
    return exp.Struct(expressions=parts)
