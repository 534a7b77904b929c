"""The columns of a view."""

from __future__ import annotations

from shared.emulators.bigquery.engine.store import Store
from shared.emulators.bigquery.errors import ApiError
from shared.emulators.bigquery.jobs.queries import fields_of_relation
from shared.emulators.bigquery.schema_fields import Field
from shared.emulators.bigquery.sql.translate import translate


def view_fields(store: Store, query: str) -> tuple[Field, ...]:
    """Return the columns of a view's query.

    Raises:
        ApiError: invalidQuery or notFound, with the query's fault.
    """
    statement = translate(query, store.catalog)
    if statement.kind != "SELECT":
        raise ApiError("invalidQuery", "A view's text must be a query", "query")
    with store.engine.reader() as cursor:
        return fields_of_relation(cursor, statement)
