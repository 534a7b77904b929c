"""Read BigQuery SQL and write DuckDB SQL: SQLGlot's parser and generator with corrections.

Every entry of ``_WRITTEN`` replaces a translation of SQLGlot that fails or gives a different result; its comment
explains the difference. Where types matter, ``annotate`` has set them on the nodes before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from sqlglot import TokenType, exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.generators.duckdb import DuckDBGenerator
from sqlglot.parsers.bigquery import BigQueryParser

from shared.emulators.bigquery.engine.macros import failing, macro
from shared.emulators.bigquery.sql import format_strings, functions, json_functions, times

FLOATS = (exp.DType.DOUBLE, exp.DType.FLOAT)
BINARIES = (exp.DType.BINARY, exp.DType.VARBINARY)
DECIMALS = (exp.DType.DECIMAL, exp.DType.BIGDECIMAL)
_PRECISION = {exp.DType.DECIMAL: "DECIMAL(38, 9)", exp.DType.BIGDECIMAL: "DECIMAL(38, 18)"}


_CLOCKS = (
    TokenType.CURRENT_DATE,
    TokenType.CURRENT_DATETIME,
    TokenType.CURRENT_TIME,
    TokenType.CURRENT_TIMESTAMP,
)


class BigQueryReader(BigQuery):
    """BigQuery's grammar with BigQuery's functions only: SQLGlot also accepts those of thirty other systems."""

    class Parser(BigQueryParser):
        """The parser, with fewer functions."""

        FUNCTIONS: ClassVar[dict[str, Callable[..., Any]]] = {
            name: build for name, build in BigQueryParser.FUNCTIONS.items() if name in functions.BIGQUERY
        } | {
            **times.PARSED,
            **format_strings.PARSED,
            "IEEE_DIVIDE": lambda arguments: macro("bq_ieee_divide", *arguments),
        }
        FUNCTION_PARSERS: ClassVar[dict[str, Callable[..., Any]]] = {
            name: parse for name, parse in BigQueryParser.FUNCTION_PARSERS.items() if name in functions.BIGQUERY
        }
        NO_PAREN_FUNCTIONS: ClassVar[dict[TokenType, type[exp.Func]]] = {
            token: kind for token, kind in BigQueryParser.NO_PAREN_FUNCTIONS.items() if token in _CLOCKS
        }


def _type(name: str) -> exp.DataType:
    return exp.DataType.build(name, dialect="duckdb")


def _cast(value: exp.Expr, name: str) -> exp.Cast:
    return exp.Cast(this=value, to=_type(name))


def _literal(self: DuckDBGenerator, node: exp.Literal) -> str:
    # 1.5 is DECIMAL(2,1) in DuckDB and FLOAT64 in BigQuery.
    if not node.is_string and "." in node.name and "e" not in node.name.lower():
        return f"{node.name}e0"
    # 3 is 32 bits wide in DuckDB, so that 3 * 1000000000 would overflow.
    if node.is_int and isinstance(node.parent, _WIDENS):
        return f"CAST({node.name} AS BIGINT)"
    return DuckDBGenerator.literal_sql(self, node)


_WIDENS = (exp.Add, exp.Sub, exp.Mul, exp.Array, exp.PropertyEQ, exp.Alias, exp.Struct, exp.Tuple)


def _bracket(self: DuckDBGenerator, node: exp.Bracket) -> str:
    index, base = node.expressions[0], node.this
    # JSON counts from 0 in both and accepts names.
    if base.is_type(exp.DType.JSON) or index.is_string:
        return f"{self.sql(base)}[{self.sql(index)}]"
    if node.args.get("offset") == 1:
        index = exp.Sub(this=index.copy(), expression=exp.Literal.number(1))
    if node.args.get("safe"):
        return self.sql(macro("bq_safe_at", base.copy(), index.copy()))
    # An index past the end is an error in BigQuery, NULL in DuckDB.
    return self.sql(failing(node, "bq_at", base.copy(), index.copy()))


def _array_agg(self: DuckDBGenerator, node: exp.ArrayAgg, skip_nulls: bool = False) -> str:
    # DuckDB lacks LIMIT inside an aggregate; a slice of the list replaces it.
    limit = None
    value = node.this
    if isinstance(value, exp.Limit):
        limit, value = value.expression, value.this
    sql = f"LIST({self.sql(value)})"
    if skip_nulls:
        plain = value.this if isinstance(value, exp.Order) else value
        plain = plain.expressions[0] if isinstance(plain, exp.Distinct) else plain
        sql += f" FILTER (WHERE NOT {self.sql(plain)} IS NULL)"
    return f"({sql})[1:{self.sql(limit)}]" if limit else sql


def _ignore_nulls(self: DuckDBGenerator, node: exp.IgnoreNulls) -> str:
    if isinstance(node.this, exp.ArrayAgg):
        return _array_agg(self, node.this, skip_nulls=True)
    return DuckDBGenerator.ignorenulls_sql(self, node)


def _respect_nulls(self: DuckDBGenerator, node: exp.RespectNulls) -> str:
    return self.sql(node.this) if isinstance(node.this, exp.ArrayAgg) else DuckDBGenerator.respectnulls_sql(self, node)


def _string_agg(self: DuckDBGenerator, node: exp.GroupConcat) -> str:
    if not isinstance(node.this, exp.Limit):
        return DuckDBGenerator.TRANSFORMS[exp.GroupConcat](self, node)
    separator = node.args.get("separator") or exp.Literal.string(",")
    rows = _array_agg(self, exp.ArrayAgg(this=node.this.copy()), skip_nulls=True)
    return f"ARRAY_TO_STRING({rows}, {self.sql(separator)})"


def _quantiles(self: DuckDBGenerator, node: exp.ApproxQuantiles) -> str:
    # SQLGlot's approx_quantile interpolates; BigQuery returns values that occur.
    value, count = node.this, node.expression
    if isinstance(value, exp.Distinct):
        value, count = exp.Distinct(expressions=value.expressions[:1]), value.expressions[1]
    if not isinstance(count, exp.Literal) or not count.is_int or int(count.name) < 1:
        self.unsupported("APPROX_QUANTILES needs a positive literal number of quantiles")
        return ""
    steps = ", ".join(f"{step / int(count.name)!r}" for step in range(int(count.name) + 1))
    return f"QUANTILE_DISC({self.sql(value)}, [{steps}])"


def _divide(self: DuckDBGenerator, node: exp.Div) -> str:
    # Division by zero is an error in BigQuery; numerics stay numerics.
    call = failing(node, "bq_divide", node.this.copy(), node.expression.copy())
    return self.sql(_cast(call, "DECIMAL(38, 9)") if node.is_type(*DECIMALS) else call)


def _avg(self: DuckDBGenerator, node: exp.Avg) -> str:
    sql = self.func("AVG", node.this)
    return f"CAST({sql} AS DECIMAL(38, 9))" if node.is_type(*DECIMALS) else sql


def _cast_sql(self: DuckDBGenerator, node: exp.Cast, safe: bool = False) -> str:
    value, to = node.this, node.to
    if node.args.get("format"):
        self.unsupported("CAST with FORMAT")
    if to.is_type(exp.DType.BIGINT):
        # DuckDB rounds halves of floats to even, BigQuery away from zero; and BigQuery refuses '1.5' as an integer.
        if value.is_type(*FLOATS, *DECIMALS):
            value = macro("ROUND", value.copy())
        elif value.is_type(*exp.DataType.TEXT_TYPES):
            whole = macro("bq_safe_int64", value.copy()) if safe else failing(node, "bq_int64", value.copy())
            return self.sql(whole)
    elif to.is_type(*exp.DataType.TEXT_TYPES):
        if value.is_type(*FLOATS, *DECIMALS):
            return self.sql(macro("bq_text" if value.is_type(*FLOATS) else "bq_decimal_text", value.copy()))
        if value.is_type(*BINARIES):
            return self.sql(macro("DECODE", value.copy()))
    elif to.is_type(*BINARIES) and value.is_type(*exp.DataType.TEXT_TYPES):
        # A cast of 'é' fails in DuckDB.
        return self.sql(macro("ENCODE", value.copy()))
    name = "TRY_CAST" if safe else "CAST"
    return f"{name}({self.sql(value)} AS {self.sql(to)})"


def _struct(self: DuckDBGenerator, node: exp.Struct) -> str:
    if isinstance(node.parent, exp.Cast) and not node.find(exp.PropertyEQ):
        return f"ROW({self.expressions(node, flat=True)})"
    parts = []
    for position, part in enumerate(node.expressions, start=1):
        # SQLGlot names an unnamed field _0; BigQuery names it _field_1.
        has_name = isinstance(part, (exp.PropertyEQ, exp.Column, exp.Dot))
        name = part.name if has_name else f"_field_{position}"
        value = part.expression if isinstance(part, exp.PropertyEQ) else part
        parts.append(f"{self.sql(exp.Literal.string(name))}: {self.sql(value)}")
    return "{" + ", ".join(parts) + "}"


def _byte_length(self: DuckDBGenerator, node: exp.ByteLength) -> str:
    return self.func("OCTET_LENGTH" if node.this.is_type(*BINARIES) else "STRLEN", node.this)


def _length(self: DuckDBGenerator, node: exp.Length) -> str:
    return self.func("OCTET_LENGTH" if node.this.is_type(*BINARIES) else "LENGTH", node.this)


def _string(self: DuckDBGenerator, node: exp.String) -> str:
    if node.this.is_type(exp.DType.JSON):
        return f"({self.sql(node.this)} ->> '$')"
    if node.args.get("zone"):
        self.unsupported("STRING with a time zone")
    return self.sql(_cast(node.this.copy(), "VARCHAR"))


def _round(self: DuckDBGenerator, node: exp.Round) -> str:
    decimals = node.args.get("decimals")
    if decimals is not None and not isinstance(decimals, exp.Literal):
        # DuckDB counts decimals in 32 bits only.
        decimals = _cast(decimals.copy(), "INTEGER")
    return self.func("ROUND", node.this, decimals)


def _safe(self: DuckDBGenerator, node: exp.SafeFunc) -> str:
    return self.func("TRY", node.this)


def _data_type(self: DuckDBGenerator, node: exp.DataType) -> str:
    # DECIMAL without precision has 3 decimals in DuckDB; NUMERIC has 9.
    if node.this in _PRECISION and not node.expressions:
        return _PRECISION[node.this]
    return DuckDBGenerator.datatype_sql(self, node)


_WRITTEN: dict[type[exp.Expr], Callable[..., str]] = {
    exp.ApproxQuantiles: _quantiles,
    exp.ApproxTopK: lambda self, node: self.sql(macro("bq_top_count", node.this.copy(), node.expression.copy())),
    exp.ArrayAgg: _array_agg,
    exp.Avg: _avg,
    exp.Bracket: _bracket,
    exp.ByteLength: _byte_length,
    exp.Cast: _cast_sql,
    # COUNT_IF of nothing is NULL.
    exp.CountIf: lambda self, node: f"COUNT(CASE WHEN {self.sql(node, 'this')} THEN 1 END)",
    exp.DataType: _data_type,
    exp.Div: _divide,
    exp.GroupConcat: _string_agg,
    exp.IgnoreNulls: _ignore_nulls,
    exp.IntDiv: lambda self, node: self.sql(failing(node, "bq_div", node.this.copy(), node.expression.copy())),
    exp.Length: _length,
    exp.Literal: _literal,
    exp.Mod: lambda self, node: self.sql(failing(node, "bq_mod", node.this.copy(), node.expression.copy())),
    exp.RangeBucket: lambda self, node: self.sql(macro("bq_range_bucket", node.this.copy(), node.expression.copy())),
    exp.RespectNulls: _respect_nulls,
    exp.Round: _round,
    exp.SafeAdd: lambda self, node: f"TRY({self.binary(node, '+')})",
    exp.SafeFunc: _safe,
    exp.SafeMultiply: lambda self, node: f"TRY({self.binary(node, '*')})",
    exp.SafeNegate: lambda self, node: f"TRY(-{self.sql(node, 'this')})",
    exp.SafeSubtract: lambda self, node: f"TRY({self.binary(node, '-')})",
    exp.String: _string,
    exp.Struct: _struct,
    exp.TryCast: lambda self, node: _cast_sql(self, node, safe=True),
    **json_functions.WRITTEN,
    **times.WRITTEN,
    **format_strings.WRITTEN,
}


class DuckDBWriter(DuckDB):
    """DuckDB's SQL with BigQuery's semantics."""

    class Generator(DuckDBGenerator):
        """The generator, with the translations of ``_WRITTEN``."""

        TRANSFORMS: ClassVar[dict[type[exp.Expr], Callable[..., str]]] = {**DuckDBGenerator.TRANSFORMS, **_WRITTEN}
