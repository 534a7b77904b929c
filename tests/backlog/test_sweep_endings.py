"""A sweep that is cut short: what it still does and what it skips."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from shared.backlog.attempts import FOLDER
from shared.backlog.sweep import Sweep
from shared.errors import StorageUnavailable
from tests.backlog.parts import attempts_of, markers, put, quarantined, sweep_of
from tests.worlds import World

NO_TIMEOUT_S = 0.0
"""Every attempt counts as ended immediately."""


class Listed:
    """A store that records its listings."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.prefixes: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def uploads(self, bucket: str, prefix: str = "", **options: bool) -> Any:
        self.prefixes.append(prefix)
        return self._store.uploads(bucket, prefix, **options)


def listing_sweep(world: World, **options: Any) -> tuple[Sweep, Listed]:
    store = Listed(world.store)
    watched = replace(world, store=cast(Any, store), pipeline=replace(world.pipeline, store=store))
    return sweep_of(watched, NO_TIMEOUT_S, **options), store


@pytest.mark.parametrize("is_cut_short", [False, True])
def test_sweep_looks_for_leftovers_unless_it_is_cut_short(
    memory_world: World, tmp_path: Path, is_cut_short: bool
) -> None:
    """A sweep that is stopped must end quickly, and listing every marker takes a while."""
    refs = put(memory_world, tmp_path, gone=b"", waits=b"bread")
    attempts_of(memory_world).begin_first(refs["gone"])
    memory_world.store.delete(refs["gone"])
    sweep, store = listing_sweep(memory_world)
    if is_cut_short:
        sweep.stop()
    summary = sweep.run([memory_world.store.find(memory_world.uploads, "waits")])
    assert summary.is_cut_short is is_cut_short
    assert (FOLDER in store.prefixes) is not is_cut_short
    assert len(markers(memory_world)) == is_cut_short


def test_sweep_that_stops_early_does_not_look_for_leftovers(memory_world: World, tmp_path: Path) -> None:
    put(memory_world, tmp_path, waits=b"bread")
    sweep, store = listing_sweep(memory_world)

    def break_off() -> Any:
        yield memory_world.store.find(memory_world.uploads, "waits")
        raise StorageUnavailable("It does not answer.")

    assert sweep.run(break_off()).is_cut_short
    assert FOLDER not in store.prefixes


def test_sweep_deletes_the_markers_of_a_given_up_upload_immediately(memory_world: World, tmp_path: Path) -> None:
    """Also if the sweep is cut short before it looks for leftovers."""
    refs = put(memory_world, tmp_path, a=b"bread", b=b"butter")
    for ref in refs.values():
        for _ in range(2):
            attempts_of(memory_world).begin_next(ref, datetime.now(UTC))
    sweep: Sweep = sweep_of(memory_world, NO_TIMEOUT_S, on_outcome=lambda _: sweep.stop())
    summary = sweep.run(list(memory_world.store.uploads(memory_world.uploads)))
    assert (summary.outcomes, summary.is_cut_short) == ({"rejected": 1}, True)
    assert len(quarantined(memory_world)) == 1
    assert len(markers(memory_world)) == 2, "those of the other upload"
