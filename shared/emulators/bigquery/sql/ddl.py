"""CREATE, DROP, ALTER and TRUNCATE: statements that change the catalog."""

# ruff: noqa: S608  (names are quoted, values are parameters)
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlglot import TokenType, exp

from shared.emulators.bigquery.engine.catalog import Catalog, Table
from shared.emulators.bigquery.engine.writer import Transaction
from shared.emulators.bigquery.errors import Refusal
from shared.emulators.bigquery.schema_fields import Field, fields_from_json, merged
from shared.emulators.bigquery.sql.dialect import BigQueryReader
from shared.emulators.bigquery.sql.translate import Statement

Change = Callable[[Transaction], object]


def plan_ddl(statement: Statement, catalog: Catalog, text: str, fields: Sequence[Field]) -> Change:
    """Return what carries a statement out; it is for the writer's thread.

    Args:
        statement: one whose kind begins with CREATE, DROP, ALTER or TRUNCATE.
        catalog: what it changes.
        text: the statement as it was sent: a view keeps its query as it was written.
        fields: the columns of the query of CREATE TABLE AS and CREATE VIEW.

    Raises:
        Refusal: notFound, duplicate, or invalidQuery for what is not supported.
    """
    tree = statement.tree
    if isinstance(tree, exp.Drop):
        return _drop(statement, catalog, tree)
    if isinstance(tree, exp.Alter):
        return _alter(statement, catalog, tree)
    if isinstance(tree, exp.TruncateTable):
        table = statement.names.target(tree.expressions[0])
        return lambda transaction: transaction.execute(f"DELETE FROM {table.sql_name}")
    if statement.kind == "CREATE_SCHEMA":
        return _create_schema(catalog, tree)
    return _create(statement, catalog, tree, text, fields)


def _create_schema(catalog: Catalog, tree: exp.Expr) -> Change:
    name = tree.this.db or tree.this.name
    if catalog.has_dataset(name):
        if tree.args.get("exists"):
            return lambda _: None
        raise Refusal("duplicate", f"Already Exists: Dataset {catalog.project}:{name}")
    return lambda transaction: catalog.put_dataset(transaction, name, {})


def _create(statement: Statement, catalog: Catalog, tree: exp.Expr, text: str, query_fields: Sequence[Field]) -> Change:
    node = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    dataset, name = statement.names.parts_of(node)
    catalog.dataset(dataset)
    old = catalog.find(dataset, name)
    if old and not tree.args.get("replace"):
        if tree.args.get("exists"):
            return lambda _: None
        raise Refusal("duplicate", f"Already Exists: Table {old.full_name}")
    if tree.args.get("clone"):
        raise Refusal("invalidQuery", "CREATE TABLE … CLONE and COPY are not supported locally", "query")
    notes = _notes(tree)
    if statement.kind == "CREATE_VIEW":
        if isinstance(tree.this, exp.Schema):
            raise Refusal("invalidQuery", "Column names before AS in CREATE VIEW are not supported locally", "query")
        new = Table(catalog.project, dataset, name, tuple(query_fields), _query_text(text), notes)
        return lambda transaction: _put(catalog, transaction, new, old, "")
    columns = _columns(tree.this) if isinstance(tree.this, exp.Schema) else tuple(query_fields)
    new = Table(catalog.project, dataset, name, columns, None, notes)
    return lambda transaction: _put(catalog, transaction, new, old, statement.sql)


def _put(catalog: Catalog, transaction: Transaction, new: Table, old: Table | None, query: str) -> None:
    if query:
        # First, since the query may read the table that it replaces.
        transaction.execute(f"CREATE OR REPLACE TEMP TABLE _created AS {query}")
    catalog.create(transaction, new, replacing=old)
    if query:
        transaction.execute(f"INSERT INTO {new.sql_name} SELECT * FROM _created")
        transaction.execute("DROP TABLE _created")


def _drop(statement: Statement, catalog: Catalog, tree: exp.Drop) -> Change:
    node = tree.args["tables"][0]
    if statement.kind == "DROP_SCHEMA":
        name = node.db or node.name
        if not catalog.has_dataset(name) and tree.args.get("exists"):
            return lambda _: None
        catalog.dataset(name)
        return lambda transaction: catalog.drop_dataset(transaction, name, bool(tree.args.get("cascade")))
    dataset, name = statement.names.parts_of(node)
    if tree.args.get("exists") and catalog.find(dataset, name) is None:
        return lambda _: None
    table = catalog.table(dataset, name)
    if table.is_view != (statement.kind == "DROP_VIEW"):
        kind = "VIEW" if table.is_view else "TABLE"
        raise Refusal("invalidQuery", f"{table.full_name} is a {kind}; use DROP {kind}", "query")
    return lambda transaction: catalog.drop(transaction, table)


def _alter(statement: Statement, catalog: Catalog, tree: exp.Alter) -> Change:
    table = statement.names.target(tree.this)
    added: list[Field] = []
    notes = dict(table.notes)
    for action in tree.args["actions"]:
        if isinstance(action, exp.ColumnDef):
            known = {one.name.lower() for one in table.fields}
            if not (action.args.get("exists") and action.name.lower() in known):
                added += _fields([action])
        elif isinstance(action, exp.AlterSet):
            notes |= _options(action.find_all(exp.Property))
        else:
            words = action.sql(dialect=BigQueryReader)[:40]
            raise Refusal("invalidQuery", f"ALTER TABLE … {words} is not supported locally", "query")
    double = {one.name.lower() for one in added} & {one.name.lower() for one in table.fields}
    if double:
        raise Refusal("invalidQuery", f"Column already exists: {', '.join(sorted(double))}", "query")
    new = replace(table, fields=merged(table.fields, (*table.fields, *added)), notes=notes)
    return lambda transaction: catalog.change(transaction, table, new)


def _columns(schema: exp.Schema) -> tuple[Field, ...]:
    return tuple(_fields([part for part in schema.expressions if isinstance(part, exp.ColumnDef)]))


def _fields(columns: Sequence[exp.ColumnDef]) -> list[Field]:
    return list(fields_from_json([_field_document(column) for column in columns]))


def _field_document(column: exp.ColumnDef) -> dict[str, Any]:
    """Return a TableFieldSchema for a column, or for a field of a STRUCT."""
    kind = column.args["kind"]
    document: dict[str, Any] = {"name": column.name, "mode": "NULLABLE"}
    if kind.is_type(exp.DType.ARRAY):
        kind, document["mode"] = kind.expressions[0], "REPEATED"
    if kind.is_type(exp.DType.STRUCT):
        document |= {"type": "RECORD", "fields": [_field_document(part) for part in kind.expressions]}
    else:
        document["type"] = kind.sql(dialect=BigQueryReader).split("(")[0]
    for constraint in column.args.get("constraints") or ():
        if isinstance(constraint.kind, exp.NotNullColumnConstraint):
            document["mode"] = "REQUIRED"
        elif isinstance(constraint.kind, exp.Properties):
            document |= _options(constraint.kind.expressions)
        else:
            words = constraint.sql(dialect=BigQueryReader)
            raise Refusal("invalidQuery", f"{words} on column {column.name} is not supported locally", "query")
    return document


def _notes(tree: exp.Expr) -> dict[str, Any]:
    """Return what a CREATE statement says beside the columns, in the words of a Table resource."""
    notes: dict[str, Any] = {}
    properties = tree.args.get("properties")
    for one in properties.expressions if properties else ():
        if isinstance(one, exp.PartitionedByProperty):
            notes["timePartitioning"] = _partitioning(one.this)
        elif isinstance(one, (exp.ClusterProperty, exp.Cluster)):
            notes["clustering"] = {"fields": [column.name for column in one.expressions]}
        elif type(one) is exp.Property:
            notes |= _options([one])
        else:
            words = one.sql(dialect=BigQueryReader)[:40] or type(one).__name__
            raise Refusal("invalidQuery", f"CREATE … {words} is not supported locally", "query")
    return notes


def _partitioning(by: exp.Expr) -> dict[str, str]:
    unit = by.args.get("unit")
    column = by if isinstance(by, (exp.Identifier, exp.Column)) else by.find(exp.Column)
    if column is None or isinstance(by, exp.GenerateSeries):
        raise Refusal(
            "invalidQuery", f"PARTITION BY {by.sql(dialect=BigQueryReader)} is not supported locally", "query"
        )
    return {"type": unit.name.upper() if unit else "DAY", "field": column.name}


_OPTIONS = {"description": "description", "friendly_name": "friendlyName", "labels": "labels"}
_OPTIONS |= {"require_partition_filter": "requirePartitionFilter"}


def _options(properties: Any) -> Mapping[str, Any]:
    notes: dict[str, Any] = {}
    for one in properties:
        name, value = one.name.lower(), one.args["value"]
        if name not in _OPTIONS:
            raise Refusal("invalidQuery", f"The option {name} is not supported locally", "query")
        if name == "labels":
            notes["labels"] = {pair.expressions[0].name: pair.expressions[1].name for pair in value.expressions}
        else:
            notes[_OPTIONS[name]] = bool(value.this) if isinstance(value, exp.Boolean) else value.name
    return notes


def _query_text(text: str) -> str:
    """Return what follows the AS of a CREATE VIEW."""
    depth = 0
    for token in BigQueryReader().tokenize(text):
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        if token.token_type == TokenType.ALIAS and depth == 0:
            return text[token.end + 1 :].strip().rstrip(";").strip()
    raise Refusal("invalidQuery", "CREATE VIEW needs AS and a query", "query")
