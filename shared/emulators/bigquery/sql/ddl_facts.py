"""What a finished job says of its DDL: on which table or dataset, and what became of it."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from shared.emulators.bigquery.engine.catalog import Catalog
from shared.emulators.bigquery.errors import Refusal
from shared.emulators.bigquery.sql.translate import Statement

_VERBS = {"CREATE": "CREATE", "DROP": "DROP", "ALTER": "ALTER"}


def ddl_facts(statement: Statement, catalog: Catalog) -> dict[str, Any]:
    """Return ``ddlOperationPerformed``, and ``ddlTargetTable`` or ``ddlTargetDataset``, of a statement about to run.

    https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobstatistics2
    """
    verb = statement.kind.partition("_")[0]
    if verb not in _VERBS:
        return {}
    tree = statement.tree
    if statement.kind.endswith("_SCHEMA"):
        name = _table_of(tree).db or _table_of(tree).name
        there = catalog.has_dataset(name)
        target = {"ddlTargetDataset": {"projectId": catalog.project, "datasetId": name}}
    else:
        reference = target_of(statement)
        there = catalog.find(reference["datasetId"], reference["tableId"]) is not None
        target = {"ddlTargetTable": reference}
    performed = _VERBS[verb]
    if verb == "CREATE" and there:
        performed = "REPLACE" if tree.args.get("replace") else "SKIP"
    elif verb == "DROP" and not there:
        performed = "SKIP"
    return {"ddlOperationPerformed": performed, **target}


def target_of(statement: Statement) -> dict[str, str]:
    """Return the TableReference of the table or view that a statement is about.

    Raises:
        Refusal: its dataset is not named.
    """
    dataset, name = statement.names.parts_of(_table_of(statement.tree))
    return {"projectId": statement.names.catalog.project, "datasetId": dataset, "tableId": name}


def _table_of(tree: exp.Expr) -> exp.Table:
    node = tree.args["tables"][0] if isinstance(tree, exp.Drop) else tree.this
    table = node.this if isinstance(node, exp.Schema) else node
    if not isinstance(table, exp.Table):
        raise Refusal("invalidQuery", "The statement names no table", "query")
    return table
