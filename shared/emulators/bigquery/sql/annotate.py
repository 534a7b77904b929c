"""Annotate the nodes of a query with types: SQLGlot infers them on a qualified copy, from which they are copied back.

The query itself stays as its author wrote it. A node whose type cannot be inferred stays untyped and is written as if
its type did not matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from shared.emulators.bigquery.schema_fields import Field
from shared.emulators.bigquery.sql.dialect import BigQueryReader

_NUMBER = "warehouse_number"
_STANDARD = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}


def annotate(tree: exp.Expr, schema: MappingSchema) -> None:
    """Set the types of the nodes of a statement's queries, in place."""
    queries = [tree] if isinstance(tree, exp.Query) else [part for part in tree.find_all(exp.Query) if _outermost(part)]
    for query in queries:
        _annotate_query(query, schema)
    if not queries:
        annotate_types(tree, dialect=BigQueryReader)


def schema_of(tables: Iterable[tuple[tuple[str, str, str], tuple[Field, ...]]]) -> MappingSchema:
    """Return SQLGlot's schema of tables.

    Args:
        tables: ((project, dataset, table), fields) for each table.
    """
    schema = MappingSchema(dialect=BigQueryReader)
    for (project, dataset, name), fields in tables:
        columns = {field.name: type_of(field) for field in fields}
        schema.add_table(exp.table_(name, dataset, project), columns, dialect=BigQueryReader)
    return schema


@cache
def _parsed_type(text: str) -> exp.DataType:
    return exp.DataType.build(text, dialect=BigQueryReader)


def type_of(field: Field) -> exp.DataType:
    """Return a field's type for SQLGlot."""
    return _parsed_type(standard_type(field)).copy()


def standard_type(field: Field) -> str:
    """Return a field's type as it is written in SQL: ``ARRAY<STRUCT<label STRING, score FLOAT64>>``."""
    if field.type == "RECORD":
        base = "STRUCT<" + ", ".join(f"`{part.name}` {standard_type(part)}" for part in field.fields) + ">"
    else:
        base = _STANDARD.get(field.type, field.type)
    return f"ARRAY<{base}>" if field.is_repeated else base


def _outermost(query: exp.Query) -> bool:
    return query.find_ancestor(exp.Query) is None


def _annotate_query(query: exp.Query, schema: MappingSchema) -> None:
    nodes = list(query.walk())
    for number, node in enumerate(nodes):
        node.meta[_NUMBER] = number
    copy = query.copy()
    for number, unnest in enumerate(copy.find_all(exp.Unnest)):
        if not unnest.args.get("alias") and isinstance(unnest.parent, (exp.From, exp.Join)):
            # SQLGlot fails on an UNNEST without a name inside a subquery.
            unnest.set("alias", exp.TableAlias(columns=[exp.to_identifier(f"_unnamed{number}")]))
    try:
        copy = qualify(
            copy,
            dialect=BigQueryReader,
            schema=schema,
            validate_qualify_columns=False,
            quote_identifiers=False,
            identify=False,
        )
        copy = annotate_types(copy, schema=schema, dialect=BigQueryReader)
    except (SqlglotError, RecursionError):
        return
    for node in reversed(list(copy.walk())):
        if isinstance(node, (exp.Dot, exp.Bracket)) and node.this.is_type(exp.DType.JSON):
            node.type = exp.DType.JSON.into_expr()
    for node in copy.walk():
        number = node.meta_get(_NUMBER)
        kind = node.type
        if number is None or kind is None or kind.is_type(exp.DType.UNKNOWN):
            continue
        nodes[number].type = kind.copy()
    for node in copy.find_all(exp.Dot):
        # a.b of a STRUCT is a Dot in the copy and a Column in the query: its last name is the same node in both.
        number = node.expression.meta_get(_NUMBER)
        if number is not None and node.type and isinstance(column := nodes[number].parent, exp.Column):
            column.type = node.type.copy()
