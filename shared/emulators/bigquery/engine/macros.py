"""DuckDB macros for expressions that BigQuery evaluates differently; every connection can call them."""

from __future__ import annotations

import duckdb
from sqlglot import exp

OF_A_KEY = "_of_a_key"
"""Suffix of the macros for PARTITION BY and ORDER BY of a window."""
OURS = "warehouse_macro"
"""Key in a node's meta: the call was added by the translation and was not in the query."""


def _both(signature: str, condition: str, sentence: str, value: str) -> dict[str, str]:
    """Return a macro that fails with a sentence if a condition holds and else has a value, and its variant for keys.

    DuckDB's error() is volatile, which the keys of a window must not be. The variant for keys therefore fails by a
    cast, whose message ``errors.from_duckdb`` reads; the normal macro does not, since a cast of constants fails even in
    a branch that is not taken. The inner CASE prevents the cast of the sentence if the condition does not hold.
    """
    name, parameters = signature.split("(", 1)
    fails = f"CASE WHEN {condition} THEN CAST({sentence} AS BOOLEAN) END"
    return {
        signature: f"CASE WHEN {condition} THEN error({sentence}) ELSE {value} END",
        f"{name}{OF_A_KEY}({parameters}": f"CASE WHEN ({fails}) THEN NULL ELSE {value} END",
    }


_WHOLE = "regexp_full_match(s, '[+-]?([0-9]+|0[xX][0-9a-fA-F]+)')"
_AS_INT64 = (
    "CASE WHEN lower(ltrim(s, '+-'))[1:2] = '0x' "
    "THEN CAST(ltrim(s, '+-') AS BIGINT) * CASE WHEN s[1] = '-' THEN -1 ELSE 1 END ELSE CAST(s AS BIGINT) END"
)
"""DuckDB does not accept a sign before 0x."""

# Name and parameters → body; each comment gives DuckDB's own behaviour.
_MACROS = {
    # x[7] past the end is NULL, x[-1] the last element.
    **_both("bq_at(a, i)", "i < 0 OR i >= len(a)", "'Array index ' || i || ' is out of bounds'", "a[i + 1]"),
    "bq_safe_at(a, i)": "CASE WHEN i >= 0 THEN a[i + 1] END",
    # 1 / 0 is infinity, 7 // 0 and 7 % 0 are NULL.
    **_both("bq_divide(a, b)", "b = 0", "'division by zero: ' || a || ' / ' || b", "a / b"),
    **_both("bq_div(a, b)", "b = 0", "'division by zero: DIV(' || a || ', 0)'", "a // b"),
    **_both("bq_mod(a, b)", "b = 0", "'division by zero: MOD(' || a || ', 0)'", "a % b"),
    "bq_ieee_divide(a, b)": "CAST(a AS DOUBLE) / b",
    # '1.5' becomes the integer 2.
    **_both("bq_int64(s)", f"NOT ({_WHOLE})", "'Bad int64 value: ' || s", _AS_INT64),
    "bq_safe_int64(s)": f"CASE WHEN {_WHOLE} THEN TRY({_AS_INT64}) END",
    # 1.0 becomes '1.0', which BigQuery writes as '1'.
    "bq_text(x)": "regexp_replace(CAST(x AS VARCHAR), '\\.0$', '')",
    # 1.25 of DECIMAL(38,9) becomes '1.250000000'.
    "bq_decimal_text(x)": "rtrim(rtrim(CAST(CAST(x AS DECIMAL(38,9)) AS VARCHAR), '0'), '.')",
    # epoch() and epoch_ms() round; BigQuery truncates to the beginning of the second.
    "bq_floor_div(x, n)": "(x - ((x % n) + n) % n) // n",
    # DuckDB lacks this function.
    "bq_range_bucket(point, bounds)": "len(list_filter(bounds, lambda bound: bound <= point))",
    # json_type() returns DuckDB's type names.
    "bq_json_type(j)": (
        "CASE json_type(j) WHEN 'VARCHAR' THEN 'string' WHEN 'UBIGINT' THEN 'number' WHEN 'BIGINT' THEN 'number' "
        "WHEN 'DOUBLE' THEN 'number' ELSE lower(json_type(j)) END"
    ),
    # approx_top_k() returns no counts.
    "bq_top_count(x, n)": (
        "list_transform(list_reverse_sort(list_transform(map_entries(histogram(x)), "
        "lambda e: {'count': e.value, 'value': e.key})), lambda s: {'value': s.value, 'count': s.count})[1:n]"
    ),
}


def define_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the macros in the connection's catalog in memory, not in the warehouse's file."""
    for signature, body in _MACROS.items():
        connection.execute(f"CREATE OR REPLACE MACRO {signature} AS {body}")


def macro(name: str, *arguments: exp.Expr | None) -> exp.Anonymous:
    """Return a call of a macro or of a DuckDB function, by name."""
    call = exp.Anonymous(this=name, expressions=[argument for argument in arguments if argument is not None])
    call.meta[OURS] = True
    return call


def failing(node: exp.Expr, name: str, *arguments: exp.Expr | None) -> exp.Anonymous:
    """Return a call of a macro that may fail, to replace a node; in a window's key, of the macro's variant for keys."""
    child: exp.Expr = node
    while (above := child.parent) is not None:
        if isinstance(above, exp.Window) and child.arg_key in ("partition_by", "order"):
            return macro(name + OF_A_KEY, *arguments)
        child = above
    return macro(name, *arguments)
