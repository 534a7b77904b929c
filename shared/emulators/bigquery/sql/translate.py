"""Translate BigQuery SQL to DuckDB SQL: parse, refuse what BigQuery refuses, resolve names, infer types, rewrite."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import TokenType, exp, parse
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError, TokenError, UnsupportedError

from shared.emulators.bigquery.engine.catalog import Catalog, Table
from shared.emulators.bigquery.engine.macros import OURS
from shared.emulators.bigquery.errors import ApiError
from shared.emulators.bigquery.sql import functions
from shared.emulators.bigquery.sql.annotate import annotate, schema_of
from shared.emulators.bigquery.sql.delete import prepare_delete
from shared.emulators.bigquery.sql.dialect import BigQueryReader, DuckDBWriter
from shared.emulators.bigquery.sql.parameters import bind_parameters, name_positions
from shared.emulators.bigquery.sql.resolve import Names
from shared.emulators.bigquery.sql.rewrites import escape_likes, name_fields_of_later_structs, spread_value
from shared.emulators.bigquery.sql.unnest import rewrite_unnest

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that is ready to run."""

    kind: str
    """BigQuery's statementType: SELECT or DELETE."""
    sql: str
    """The statement in DuckDB's SQL."""
    tables: tuple[Table, ...]
    """The tables and views that it uses."""


_QUERIES = (exp.Select, exp.SetOperation, exp.Subquery)


def translate(
    sql: str, catalog: Catalog, default_dataset: str | None = None, parameters: Sequence[Mapping[str, Any]] = ()
) -> Statement:
    """Translate one statement.

    Args:
        sql: the statement in BigQuery's SQL.
        catalog: the tables that it may use.
        default_dataset: the dataset of tables without one.
        parameters: QueryParameters, named or positional.

    Raises:
        ApiError: invalidQuery with a sentence, or notFound for a table.
    """
    tree = parse_statement(sql)
    kind = _kind(tree)
    bind_parameters(tree, parameters)
    names = Names(catalog, default_dataset, parse_view)
    try:
        return _translated(tree, kind, names)
    except ApiError:
        raise
    except UnsupportedError as error:
        feature = str(error).strip().splitlines()[0]
        raise ApiError("invalidQuery", f"{feature}: not supported by the local warehouse", "query") from error
    except Exception as error:  # SQLGlot can raise any exception for an unexpected tree
        _LOG.warning("cannot translate %s", sql, exc_info=not isinstance(error, SqlglotError))
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ApiError(
            "invalidQuery", f"This statement cannot be translated for the local warehouse: {first}", "query"
        ) from error


def parse_statement(sql: str) -> exp.Expr:
    """Parse exactly one statement of BigQuery's SQL.

    Raises:
        ApiError: invalidQuery, with line and column.
    """
    try:
        sql = name_positions(sql)
        statements = [tree for tree in parse(sql, dialect=BigQueryReader) if tree is not None]
        tokens = BigQueryReader().tokenize(sql)
    except ParseError as error:
        raise _syntax_error(error) from error
    except (TokenError, RecursionError) as error:
        raise ApiError("invalidQuery", f"Syntax error: {str(error).splitlines()[0]}", "query") from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # SQLGlot builds nodes before it checks that their arguments exist.
        raise ApiError("invalidQuery", f"Syntax error: {error}", "query") from error
    for token in tokens:
        if token.token_type in _FOREIGN:
            where = f"at [{token.line}:{token.col}]"
            raise ApiError("invalidQuery", f"Syntax error: Unexpected {token.text!r} {where}", "query")
    if not statements:
        raise ApiError("invalidQuery", "Syntax error: Unexpected end of statement", "query")
    if len(statements) > 1:
        raise ApiError("invalidQuery", "Scripts are not supported locally: send the statements one by one", "query")
    _check_functions(statements[0])
    return statements[0]


def parse_view(sql: str) -> exp.Expr:
    """Parse the query of a view.

    Raises:
        ApiError: invalidQuery: the statement is not a query.
    """
    tree = parse_statement(sql)
    if not isinstance(tree, _QUERIES):
        raise ApiError("invalidQuery", "A view's text must be a query", "query")
    return tree


# Tokens that SQLGlot accepts in every grammar and BigQuery does not.
_FOREIGN = {TokenType.DCOLON, TokenType.MOD, TokenType.ILIKE, TokenType.RLIKE, TokenType.GLOB, TokenType.SIMILAR_TO}


def _translated(tree: exp.Expr, kind: str, names: Names) -> Statement:
    if isinstance(tree, exp.Delete):
        prepare_delete(tree, names)
    names.resolve(tree)
    tables = tuple(names.tables.values())
    base = [(table.sql_parts, table.fields) for table in tables if not table.is_view]
    name_fields_of_later_structs(tree)
    annotate(tree, schema_of(base))
    rewrite_unnest(tree)
    _rewrite_stars(tree)
    escape_likes(tree)
    if isinstance(tree, _QUERIES):
        _name_columns(tree)
    sql = tree.sql(dialect=DuckDBWriter, identify=True, unsupported_level=ErrorLevel.RAISE, comments=False)
    return Statement(kind, sql, tables)


def _kind(tree: exp.Expr) -> str:
    if isinstance(tree, _QUERIES):
        return "SELECT"
    if isinstance(tree, exp.Delete):
        if not tree.args.get("where"):
            raise ApiError("invalidQuery", "DELETE must have a WHERE clause", "query")
        return "DELETE"
    words = re.sub(r"\s+", " ", tree.sql(dialect=BigQueryReader))[:40]
    raise ApiError("invalidQuery", f"This kind of statement is not supported by the local warehouse: {words}", "query")


def _check_functions(tree: exp.Expr) -> None:
    """Refuse functions that BigQuery lacks or that the local warehouse lacks."""
    for node in tree.find_all(exp.Anonymous, exp.AnonymousAggFunc, exp.NetFunc, exp.Dot):
        if isinstance(node, exp.Dot):
            if isinstance(node.expression, exp.Func):
                name = node.sql(dialect=BigQueryReader).split("(")[0]
                raise ApiError("invalidQuery", f"Function not found: {name}", "query")
        elif isinstance(node, exp.NetFunc) or not (node.meta_get(OURS) or node.name.upper() in functions.BIGQUERY):
            name = "NET" if isinstance(node, exp.NetFunc) else node.name
            raise ApiError("invalidQuery", functions.reason_against(name), "query")


def _rewrite_stars(tree: exp.Expr) -> None:
    """Rewrite ``a.b.*`` and ``f(x).*`` of a STRUCT to DuckDB's UNNEST(a.b)."""
    for star in list(tree.find_all(exp.Star)):
        above = star.parent
        is_field = isinstance(above, exp.Dot) or (isinstance(above, exp.Column) and above.args.get("db"))
        if is_field and (star.args.get("except_") or star.args.get("replace")):
            raise ApiError("invalidQuery", ".* EXCEPT or REPLACE of a STRUCT is not supported locally", "query")
        if isinstance(above, exp.Dot):
            above.replace(exp.Anonymous(this="UNNEST", expressions=[above.this]))
        elif isinstance(above, exp.Column) and above.args.get("db"):
            column = above.copy()
            column.set("this", above.args["table"].copy())
            for name, outer in (("table", "db"), ("db", "catalog"), ("catalog", "")):
                column.set(name, above.args.get(outer))
            above.replace(exp.Anonymous(this="UNNEST", expressions=[column]))


def _name_columns(query: exp.Expr) -> None:
    """Give unnamed columns of the result BigQuery's names: f0_, f1_ and so on."""
    while isinstance(query, (exp.Subquery, exp.SetOperation)):
        query = query.this
    if not isinstance(query, exp.Select):
        return
    if query.args.get("kind"):
        spread_value(query)
    unnamed = 0
    for position, column in enumerate(query.expressions):
        if isinstance(column, (exp.Alias, exp.Column, exp.Star)) or column.is_star or _is_spread(column):
            continue
        name = column.output_name if isinstance(column, exp.Dot) else ""
        if not name:
            name = f"f{unnamed}_"
            unnamed += 1
        query.expressions[position].replace(exp.alias_(column.copy(), name, quoted=True))


def _is_spread(column: exp.Expr) -> bool:
    return isinstance(column, exp.Anonymous) and column.name.upper() == "UNNEST"


def _syntax_error(error: ParseError) -> ApiError:
    first: dict[str, Any] = dict(error.errors[0]) if error.errors else {}
    message = str(first.get("description") or str(error).splitlines()[0])
    if message.startswith("Required keyword") or "Invalid expression" in message:
        message = "Unexpected end or token"
    near = str(first.get("highlight") or "")
    where = f" at [{first['line']}:{max(first['col'] - len(near) + 1, 1)}]" if first.get("line") else ""
    quote = f" near {near!r}" if near else ""
    return ApiError("invalidQuery", f"Syntax error: {message.rstrip('.')}{quote}{where}", "query")
