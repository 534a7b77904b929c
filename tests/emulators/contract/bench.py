"""A pipeline with buckets of its own whose every request is recorded and compared with Google's documents."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from shared.adapters.bigquery import BigQuery
from shared.adapters.gcs import CloudStorage
from shared.types import ObjectRef
from tests.emulators.contract.discovery import Discovery, Verdict
from tests.emulators.contract.wire import Wire
from tests.worlds import World

NAME = "holiday/rose ü?&%2F.jpg"

PINS = {
    "storage.objects.insert": {"ifGenerationMatch"},
    "storage.objects.rewrite": {"ifGenerationMatch", "sourceGeneration"},
    "storage.objects.delete": {"generation"},
}
"""What a request that changes objects must name, so that it acts on what its sender has seen."""

UNASKED = {"storage.buckets.get"}
"""google-cloud-storage asks where each bucket is, at its first use and in a thread of its own, for its traces."""


@dataclass
class Bench:
    """A world whose every request is recorded.

    Attributes:
        called: methods of adapters, such as ``CloudStorage.read``, with the parameters that they were given.
    """

    world: World
    folder: Path
    wires: dict[str, Wire]
    documents: dict[str, Discovery]
    monkeypatch: pytest.MonkeyPatch
    called: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        store: Any = Noting(self.world.store, self.called)
        warehouse: Any = Noting(self.world.warehouse, self.called)
        pipeline = replace(self.world.pipeline, store=store, warehouse=warehouse)
        self.world = replace(self.world, store=store, warehouse=warehouse, pipeline=pipeline)

    @property
    def store(self) -> CloudStorage:
        """The adapter."""
        return cast(CloudStorage, self.world.store)

    @property
    def warehouse(self) -> BigQuery:
        """The adapter."""
        return cast(BigQuery, self.world.warehouse)

    def file(self, content: bytes) -> Path:
        """Return a file."""
        path = self.folder / "photo.jpg"
        path.write_bytes(content)
        return path

    def put(self, content: bytes = b"a photo", name: str = NAME) -> ObjectRef:
        """Put an object into the bucket for uploads."""
        with self.aside():
            ref = self.store.upload(self.world.uploads, name, self.file(content))
        assert ref
        return ref

    def remove(self, ref: ObjectRef) -> None:
        """Delete an object."""
        with self.aside():
            self.store.delete(ref)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Record nothing for the length of the block: what happens in it is not what is looked at."""
        called = {name: set(given) for name, given in self.called.items()}
        seen = {name: list(wire.exchanges) for name, wire in self.wires.items()}
        yield
        self.called.clear()
        self.called.update(called)
        for name, wire in self.wires.items():
            wire.exchanges[:] = seen[name]

    def judge(self) -> set[str]:
        """Compare all that was recorded with the documents; returns the ids of the methods that it was for."""
        verdicts = [self.documents[name].judge(one) for name, wire in self.wires.items() for one in wire.exchanges]
        faults = [fault for verdict in verdicts for fault in verdict.faults] + faults_in_pins(verdicts)
        assert not faults, "\n".join(faults)
        return {call.id for verdict in verdicts for call in verdict.calls} - UNASKED


class Noting:
    """Passes calls on to an adapter, and notes their names and parameters."""

    def __init__(self, adapter: object, notes: dict[str, set[str]]) -> None:
        self._adapter, self._notes = adapter, notes

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._adapter, name)

        def passed_on(*args: Any, **options: Any) -> Any:
            given = inspect.signature(method).bind(*args, **options).arguments
            self._notes.setdefault(f"{type(self._adapter).__name__}.{name}", set()).update(given)
            return method(*args, **options)

        return passed_on


def faults_in_pins(verdicts: list[Verdict]) -> list[str]:
    """Say which requests on an object would act on whatever is there when they arrive."""
    faults = []
    for call in (call for verdict in verdicts for call in verdict.calls if call.id.startswith("storage.objects.")):
        if call.method["httpMethod"] != "GET" and call.id not in PINS:
            faults.append(f"{call.id} is not in PINS: say what keeps it from acting on another generation")
        needed = PINS.get(call.id, {"generation"} if call.parameters.get("alt") == "media" else set())
        faults += [f"{call.id} names no {name}" for name in sorted(needed - call.parameters.keys())]
    return faults
