"""Translate JSON functions whose results have another type or depth in DuckDB than in BigQuery."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp
from sqlglot.generators.duckdb import DuckDBGenerator

from shared.emulators.bigquery.engine.macros import macro


def _json_format(self: DuckDBGenerator, node: exp.JSONFormat) -> str:
    # Both return JSON in DuckDB; TO_JSON_STRING is a string in BigQuery.
    sql = self.func("TO_JSON", node.this)
    return sql if node.args.get("to_json") else f"CAST({sql} AS VARCHAR)"


def _json_query(self: DuckDBGenerator, node: exp.JSONExtract) -> str:
    # For a STRING, BigQuery returns a STRING, and NULL for JSON's null; DuckDB returns JSON.
    sql = DuckDBGenerator.TRANSFORMS[exp.JSONExtract](self, node)
    if not _is_call(node) or not node.this.is_type(*exp.DataType.TEXT_TYPES):
        return sql
    return f"NULLIF(CAST({sql} AS VARCHAR), 'null')"


def _is_call(node: exp.JSONExtract) -> bool:
    """Return whether it is a call of JSON_QUERY or JSON_EXTRACT, not a part of another translation."""
    return not isinstance(node.parent, (exp.JSONExtract, exp.JSONExtractScalar))


def _json_query_array(self: DuckDBGenerator, node: exp.JSONExtractArray) -> str:
    sql = DuckDBGenerator.TRANSFORMS[exp.JSONExtractArray](self, node)
    return f"CAST({sql} AS VARCHAR[])" if node.this.is_type(*exp.DataType.TEXT_TYPES) else sql


def _json_keys(self: DuckDBGenerator, node: exp.JSONKeysAtDepth) -> str:
    # DuckDB returns the keys of the outermost level; BigQuery those of all levels, or of as many as the query requests.
    depth = node.expression
    if not isinstance(depth, exp.Literal) or depth.name != "1":
        self.unsupported("JSON_KEYS of more than one level (write JSON_KEYS(json, 1))")
    return self.func("JSON_KEYS", node.this)


WRITTEN: dict[type[exp.Expr], Callable[..., str]] = {
    exp.JSONExtract: _json_query,
    exp.JSONExtractArray: _json_query_array,
    exp.JSONFormat: _json_format,
    exp.JSONKeysAtDepth: _json_keys,
    exp.JSONType: lambda self, node: self.sql(macro("bq_json_type", node.this.copy())),
}
"""By class of node: the function that writes a node of JSON for DuckDB."""
