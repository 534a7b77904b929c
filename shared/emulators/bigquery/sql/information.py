"""INFORMATION_SCHEMA: views over the catalog, made anew for each query."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlglot import exp

from shared.emulators.bigquery.engine.catalog import Catalog, Table
from shared.emulators.bigquery.errors import Refusal, not_found
from shared.emulators.bigquery.schema_fields import Field
from shared.emulators.bigquery.sql.annotate import standard_type

Row = tuple[Any, ...]


def query(catalog: Catalog, node: exp.Table) -> exp.Expr:
    """Return the query that stands for ``dataset.INFORMATION_SCHEMA.X`` or ``region-us.INFORMATION_SCHEMA.X``.

    Raises:
        Refusal: notFound for an unknown dataset; invalidQuery for a view of INFORMATION_SCHEMA that we do not have.
    """
    view = node.name.split(".", 1)[1].upper()
    if view not in _VIEWS:
        have = ", ".join(sorted(_VIEWS))
        raise Refusal("invalidQuery", f"INFORMATION_SCHEMA.{view} is not supported locally; there are {have}", "query")
    scope = node.db
    everywhere = not scope or scope.lower().startswith("region-") or view == "SCHEMATA"
    if not everywhere and not catalog.has_dataset(scope):
        raise not_found("Dataset", f"{catalog.project}:{scope}")
    datasets = catalog.datasets() if everywhere else [scope]
    columns, rows = _VIEWS[view]
    return _values(columns, [row for dataset in datasets for row in rows(catalog, dataset)])


def _schemata(catalog: Catalog, dataset: str) -> Iterator[Row]:
    yield catalog.project, dataset, "US"


def _tables(catalog: Catalog, dataset: str) -> Iterator[Row]:
    for table in catalog.tables(dataset):
        kind = "VIEW" if table.is_view else "BASE TABLE"
        writable = "NO" if table.is_view else "YES"
        yield catalog.project, dataset, table.name, kind, writable, "NO", _time(table.created_ms)


def _views(catalog: Catalog, dataset: str) -> Iterator[Row]:
    for table in catalog.tables(dataset):
        if table.view_query is not None:
            yield catalog.project, dataset, table.name, table.view_query, "YES"


def _columns(catalog: Catalog, dataset: str) -> Iterator[Row]:
    for table in catalog.tables(dataset):
        partition = table.notes.get("timePartitioning", {}).get("field")
        clusters = table.notes.get("clustering", {}).get("fields", [])
        for position, one in enumerate(table.fields, start=1):
            place = clusters.index(one.name) + 1 if one.name in clusters else None
            is_partition = "YES" if one.name == partition else "NO"
            nullable = "NO" if one.is_required else "YES"
            shape = one.name, position, nullable, standard_type(one).replace("`", ""), is_partition, place
            yield catalog.project, dataset, table.name, *shape


def _paths(catalog: Catalog, dataset: str) -> Iterator[Row]:
    for table in catalog.tables(dataset):
        for one in table.fields:
            yield from _paths_below(catalog, table, one.name, one.name, one)


def _paths_below(catalog: Catalog, table: Table, column: str, path: str, one: Field) -> Iterator[Row]:
    kind = standard_type(one).replace("`", "")
    yield catalog.project, table.dataset, table.name, column, path, kind, one.notes.get("description")
    for inner in one.fields:
        yield from _paths_below(catalog, table, column, f"{path}.{inner.name}", inner)


_TABLE = ("table_catalog STRING", "table_schema STRING", "table_name STRING")
_VIEWS: dict[str, tuple[Sequence[str], Callable[[Catalog, str], Iterator[Row]]]] = {
    "SCHEMATA": (("catalog_name STRING", "schema_name STRING", "location STRING"), _schemata),
    "TABLES": (
        (*_TABLE, "table_type STRING", "is_insertable_into STRING", "is_typed STRING", "creation_time TIMESTAMP"),
        _tables,
    ),
    "VIEWS": ((*_TABLE, "view_definition STRING", "use_standard_sql STRING"), _views),
    "COLUMNS": (
        (
            *_TABLE,
            *("column_name STRING", "ordinal_position INT64", "is_nullable STRING", "data_type STRING"),
            *("is_partitioning_column STRING", "clustering_ordinal_position INT64"),
        ),
        _columns,
    ),
    "COLUMN_FIELD_PATHS": (
        (*_TABLE, "column_name STRING", "field_path STRING", "data_type STRING", "description STRING"),
        _paths,
    ),
}


def _time(milliseconds: int) -> exp.Expr:
    return exp.Anonymous(this="MAKE_TIMESTAMPTZ", expressions=[exp.Literal.number(milliseconds * 1000)])


def _values(columns: Sequence[str], rows: Sequence[Row]) -> exp.Expr:
    """Return a query of literal rows, with typed columns also where there is no row."""
    selects = [_select(columns, row) for row in rows] or [_select(columns, (None,) * len(columns)).where(exp.false())]
    result: exp.Expr = selects[0]
    for one in selects[1:]:
        result = exp.Union(this=result, expression=one, distinct=False)
    return result


def _select(columns: Sequence[str], row: Row) -> exp.Select:
    cells: list[exp.Expr] = []
    for column, value in zip(columns, row, strict=True):
        name, kind = column.split()
        cell = value if isinstance(value, exp.Expr) else exp.convert(value)
        cells.append(exp.alias_(exp.cast(cell, kind, dialect="bigquery"), name, quoted=True))
    return exp.Select(expressions=cells)
