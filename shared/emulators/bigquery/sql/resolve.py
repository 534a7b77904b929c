"""Resolve names: every table of a statement becomes project.dataset.table, and every view its query."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlglot import exp

from shared.emulators.bigquery.engine.catalog import Catalog, Table
from shared.emulators.bigquery.errors import ApiError, not_found

_MAX_DEPTH = 16


@dataclass(slots=True)
class Names:
    """Resolver of the names in one statement; it collects the tables that the statement uses."""

    catalog: Catalog
    default_dataset: str | None
    parse: Callable[[str], exp.Expr]
    """Parses a view's query; it raises ApiError for another kind of statement."""
    tables: dict[tuple[str, str], Table] = field(default_factory=dict)
    """The used tables by dataset and name, including views."""

    def resolve(self, tree: exp.Expr, depth: int = 0) -> exp.Expr:
        """Qualify every table in a statement, replace views by their queries, and return the root.

        Raises:
            ApiError: notFound for an unknown table or dataset; invalidQuery for an unsupported feature of a table.
        """
        if depth > _MAX_DEPTH:
            raise ApiError("invalidQuery", "The views of this query refer to each other more than 16 deep", "query")
        for node in list(tree.find_all(exp.Table)):
            if not _is_cte(node):
                self._resolve_table(node, depth)
        return tree

    def parts_of(self, node: exp.Table) -> tuple[str, str]:
        """Return dataset and name of a table in a statement.

        Raises:
            ApiError: notFound for another project; invalidQuery for a table-valued function; invalid without a dataset.
        """
        project = node.catalog or self.catalog.project
        dataset = node.db or self.default_dataset
        if not isinstance(node.this, exp.Identifier):
            raise ApiError("invalidQuery", f"Table-valued function not found: {node.name or node.this.sql()}", "query")
        if not dataset:
            raise ApiError(
                "invalid", f'Table "{node.name}" must be qualified with a dataset (e.g. dataset.table).', "query"
            )
        if project != self.catalog.project:
            raise not_found("Table", f"{project}:{dataset}.{node.name}")
        return dataset, node.name

    def target(self, node: exp.Table) -> Table:
        """Return the table that a statement writes to.

        Raises:
            ApiError: notFound; invalidQuery for a view.
        """
        table = self.catalog.table(*self.parts_of(node))
        if table.is_view or table.is_result:
            kind = "a view" if table.is_view else "the result of a query"
            raise ApiError("invalidQuery", f"{table.full_name} is {kind}, which cannot be written to", "query")
        return table

    def _resolve_table(self, node: exp.Table, depth: int) -> None:
        for clause in ("version", "when", "changes"):
            if node.args.get(clause):
                raise ApiError("invalidQuery", "FOR SYSTEM_TIME AS OF (time travel) is not supported locally", "query")
        if node.name.upper().startswith("INFORMATION_SCHEMA."):
            raise ApiError("invalidQuery", f"{node.name} is not supported by the local warehouse", "query")
        dataset, name = self.parts_of(node)
        _refuse_special_names(name)
        table = self.catalog.table(dataset, name)
        self.tables[dataset, name] = table
        if table.view_query is not None:
            _substitute(node, self.resolve(self.parse(table.view_query), depth + 1), node.alias or name)
            return
        if table.is_result and not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
        for part, written in zip(("catalog", "db", "this"), table.sql_parts, strict=True):
            node.set(part, exp.to_identifier(written, quoted=True))


def _refuse_special_names(name: str) -> None:
    """Refuse a table's name with an unsupported feature; a "not found" would suggest that the table is missing."""
    unsupported = {
        "*": "Wildcard tables (ev_*) are",
        "$": "Partition decorators (t$20260101) are",
        "@": "Table decorators (t@-3600000) are",
        "__TABLES__": "__TABLES__ is",
        "__TABLES_SUMMARY__": "__TABLES_SUMMARY__ is",
    }
    for mark, feature in unsupported.items():
        if mark in name:
            raise ApiError("invalidQuery", f"{feature} not supported by the local warehouse", "query")


def _is_cte(node: exp.Table) -> bool:
    """Return whether an unqualified name is that of an enclosing WITH clause."""
    if node.db:
        return False
    name = node.name.lower()
    above = node.parent
    while above is not None:
        clause = above.args.get("with_")
        if clause and any(cte.alias.lower() == name for cte in clause.expressions):
            return True
        above = above.parent
    return False


def _substitute(node: exp.Table, query: exp.Expr, alias: str) -> None:
    subquery = query.subquery(exp.to_identifier(alias, quoted=True)) if isinstance(query, exp.Query) else query
    for clause in ("joins", "pivots", "sample", "laterals"):
        if kept := node.args.get(clause):
            subquery.set(clause, kept)
    node.replace(subquery)
