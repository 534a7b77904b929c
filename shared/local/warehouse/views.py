"""What a view returns."""

from __future__ import annotations

from shared.local.warehouse.fields import Field
from shared.local.warehouse.queries import fields_of_relation
from shared.local.warehouse.refusal import Refusal
from shared.local.warehouse.store import Store
from shared.local.warehouse.translate import translate


def view_fields(store: Store, query: str) -> tuple[Field, ...]:
    """Return the columns of a view's query.

    Raises:
        Refusal: whatever is wrong with the query.
    """
    statement = translate(query, store.catalog)
    if statement.kind != "SELECT":
        raise Refusal("invalidQuery", "A view's text must be a query", "query")
    with store.engine.reader() as cursor:
        return fields_of_relation(cursor, statement)
