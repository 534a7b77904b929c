"""A parsed request for the handlers, which see nothing else of HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from shared.emulators.bigquery.engine.catalog import Table
from shared.emulators.bigquery.engine.store import Store
from shared.emulators.bigquery.engine.writer import Transaction
from shared.emulators.bigquery.errors import ApiError
from shared.emulators.bigquery.jobs.resources import Document

T = TypeVar("T")
MAX_PAGE = 10_000
"""Rows on one page; BigQuery's pages end at 10 MB."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an API method: path, query string, body, and the store that it works on."""

    store: Store
    names: Mapping[str, str]
    """Parts of the path: projectId, datasetId, tableId, jobId."""
    query: Mapping[str, str]
    body: Mapping[str, Any]
    if_match: str | None
    base: str
    """URL of the API, for selfLink."""

    @property
    def project(self) -> str:
        """The emulator's project; the server refuses requests to other projects."""
        return self.store.catalog.project

    def table(self) -> Table:
        """Return the table in the path.

        Raises:
            ApiError: notFound.
        """
        return self.store.catalog.table(self.names["datasetId"], self.names["tableId"])

    def own_table(self) -> Table:
        """Return the table in the path if it can be changed.

        Raises:
            ApiError: notFound; invalid for the result of a query.
        """
        table = self.table()
        if table.is_result:
            raise ApiError("invalid", f"{table.full_name} is the result of a query, which cannot be changed")
        return table

    def number(self, name: str, default: int) -> int:
        """Return a whole number from 0 from the query string.

        Raises:
            ApiError: invalid: the parameter is not a whole number.
        """
        text = self.query.get(name)
        if not text:
            return default
        if not text.isdecimal():
            raise ApiError("invalid", f"{name} is {text!r}, expected a whole number from 0")
        return int(text)

    def flag(self, name: str) -> bool:
        """Return a boolean from the query string."""
        return self.query.get(name, "").lower() == "true"

    def page(self, total: int) -> tuple[int, int, str | None]:
        """Return the first row of a page, its largest number of rows, and the token of the next page, if any.

        Raises:
            ApiError: invalid: the token was not issued here.
        """
        start = self.number("pageToken", 0) if self.query.get("pageToken") else self.number("startIndex", 0)
        count = min(self.number("maxResults", MAX_PAGE), MAX_PAGE)
        following = start + count
        return start, count, str(following) if count and following < total else None

    async def in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run a function that takes long in another thread and return its result."""
        return await asyncio.get_running_loop().run_in_executor(self.store.readers, work, *arguments)

    async def change(self, run: Callable[[Transaction], T]) -> T:
        """Run a change in the writer's thread."""
        return await finished(self.store.writer.submit(run))


async def finished(future: Future[T]) -> T:
    """Wait for another thread's future and return its result."""
    return await asyncio.wrap_future(future)


Handler = Callable[[Call], Awaitable[Document]]
