"""Memory, slots and locks that an image holds are released however its processing ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.adapters.runtimes.litert import LiteRTModel
from shared.bundles.bundle import Bundle
from shared.bundles.model_index import ModelIndex
from shared.bundles.references import BundleReference
from shared.errors import BadRequest, Busy, InvalidBundle, StorageUnavailable, WarehouseUnavailable
from shared.http import app as http_app
from shared.http.admission import Admission
from shared.http.protocols.explain import OcclusionWatch
from shared.images.memory_budget import MIB, MemoryBudget, MemoryBudgets
from shared.inference.classifier import Classifier
from shared.inference.registry import ModelRegistry
from shared.pipeline.pipeline import Pipeline
from shared.types import ObjectRef, Upload
from tests.backlog.parts import attempts_of, markers
from tests.http.conftest import b64, jpeg
from tests.memory.faults import Faulty, Killed
from tests.memory.service import MemoryService, https_function
from tests.pipeline.parts import call, dropped
from tests.worlds import World

Picture = Callable[..., bytes]
GONE = StorageUnavailable("It does not answer.")
TIMEOUT_S = 60
STEPS = ("read", "write_once", "copy_once", "append", "delete")


def memory_without_waiting() -> MemoryBudgets:
    """Return the memory budgets of an instance of 512 MiB, with a timeout of 0."""
    return MemoryBudgets(MemoryBudget(32 * MIB, timeout_s=0), MemoryBudget(208 * MIB, timeout_s=0))


def disable_waiting(pipeline: Pipeline) -> MemoryBudgets:
    """Set the timeouts of a pipeline's memory budgets to 0 and return the budgets."""
    for budget in (pipeline.memory.files, pipeline.memory.decodes):
        budget.timeout_s = 0
    return pipeline.memory


def check_all_is_free(memory: MemoryBudgets) -> None:
    for budget in (memory.files, memory.decodes):
        with budget.room_for(budget.capacity_bytes):
            pass


@pytest.mark.parametrize("content", ["picture", "text", "half a picture"])
@pytest.mark.parametrize("error", [GONE, WarehouseUnavailable("It does not answer."), Killed(), ValueError("a fault")])
@pytest.mark.parametrize("step", STEPS)
def test_upload_releases_its_memory_at_whatever_step_it_ends(
    memory_world: World, picture: Picture, tmp_path: Path, step: str, error: BaseException, content: str
) -> None:
    contents = {"picture": picture(1), "text": b"bread, butter", "half a picture": picture(1)[:2000]}
    upload = dropped(memory_world, tmp_path, contents[content])
    memory = memory_without_waiting()
    for when in ({"before": error}, {"after": error}, {}):
        store, warehouse = (Faulty(part, None, step, **when) for part in (memory_world.store, memory_world.warehouse))
        pipeline = replace(memory_world.pipeline, store=store, warehouse=warehouse, memory=memory)
        with suppress(type(error)):
            pipeline.process_upload(upload, call())
        check_all_is_free(memory)


@pytest.mark.parametrize(("encoding", "held"), [("", 1_000), ("identity", 1_000), ("gzip", 20_000)])
def test_upload_reserves_memory_for_its_decompressed_size_before_the_read(
    memory_world: World, encoding: str, held: int
) -> None:
    """Otherwise no budget would count eight files that decompress to the limit."""
    ref = memory_world.store.write_once(memory_world.uploads, "a", b"x", "image/jpeg")
    upload, notes = Upload(ref, 1_000, "", None, encoding), list[str]()
    memory = replace(memory_without_waiting(), files=MemoryBudget(100_000, timeout_s=0))
    limits = replace(memory_world.pipeline.limits, max_bytes=20_000)
    store = Faulty(memory_world.store, notes)
    pipeline = replace(memory_world.pipeline, store=store, limits=limits, memory=memory)
    with memory.files.room_for(100_000 - 2 * held + 1), pytest.raises(Busy):
        pipeline.process_upload(upload, call())
    assert notes == [], "it was not read"
    with memory.files.room_for(100_000 - 2 * held):
        pipeline.process_upload(upload, call())
    assert notes[0] == "read"


@pytest.mark.parametrize("step", ["read", "write_once"])
def test_upload_holds_its_memory_until_its_copy_is_archived(
    memory_world: World, picture: Picture, tmp_path: Path, step: str
) -> None:
    upload = dropped(memory_world, tmp_path, picture(1))
    memory, free = memory_without_waiting(), list[bool]()
    needed = 2 * upload.size_bytes

    class Watching:
        def __getattr__(self, name: str) -> Any:
            if name == step:
                for room in (memory.files.capacity_bytes - needed, memory.files.capacity_bytes - needed + 1):
                    try:
                        with memory.files.room_for(room):
                            free.append(True)
                    except Busy:
                        free.append(False)
            return getattr(memory_world.store, name)

    replace(memory_world.pipeline, store=Watching(), memory=memory).process_upload(upload, call())
    assert free == [True, False]
    check_all_is_free(memory)


def _requests(uploads: str) -> dict[str, tuple[dict[str, Any], int]]:
    """Return requests for every kind of ending, by description, each with its status."""
    content = jpeg("daisy")
    image, predict = b64(content), "/v1/models/flowers:predict"
    return {
        "answered": ({"path": "/v1/classify", "data": content}, 200),
        "answered in base64": ({"path": predict, "json": {"instances": [{"b64": image}] * 2}}, 200),
        "explained": ({"path": "/v1/models/flowers:explain", "data": content}, 200),
        "shown": ({"path": "/v1/models/flowers:explain?as=png", "data": content}, 200),
        "not an image": ({"path": "/v1/classify", "data": b"bread"}, 415),
        "cut": ({"path": "/v1/classify", "data": content[:2000]}, 422),
        "too large": ({"path": "/v1/classify", "data": bytes(20 * MIB + 1)}, 413),
        "second not base64": ({"path": predict, "json": {"instances": [{"b64": image}, {"b64": "!"}]}}, 400),
        "not JSON": ({"path": predict, "data": b"{" * 200}, 400),
        "of very many values": ({"path": predict, "data": b"[" + b"{}," * 500_000 + b"{}]"}, 413),
        "for an unknown model": ({"path": "/v1/models/cats:predict", "json": {}}, 404),
        "an unknown path": ({"path": "/nowhere", "data": content}, 404),
        "of an object that is gone": ({"path": "/v1/classify", "json": {"uri": f"gs://{uploads}/gone"}}, 404),
        "of a bucket that may not be named": ({"path": "/v1/classify", "json": {"uri": "gs://other/x"}}, 403),
        "not explained": ({"path": "/v1/models/flowers:explain?label=cat", "data": content}, 400),
        "of no label": ({"path": f"/v1/predictions/{'ab' * 32}:label", "json": {"label": ""}}, 400),
    }


@pytest.mark.parametrize("ending", ["", "write_once", "append", "find"])
def test_request_releases_its_memory_and_its_slot_however_it_ends(
    memory_world: World, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    admissions: list[Admission] = []

    def new_admission(at_once: int, waiting: int) -> Admission:
        admissions.append(Admission(at_once, waiting, timeout_s=0))
        return admissions[0]

    monkeypatch.setattr(http_app, "Admission", new_admission)
    store, warehouse = (
        Faulty(part, None, ending, before=GONE if ending != "append" else WarehouseUnavailable("It is away."))
        for part in (memory_world.store, memory_world.warehouse)
    )
    pipeline = replace(memory_world.pipeline, store=store, warehouse=warehouse)
    service = MemoryService(pipeline, READABLE_BUCKETS=memory_world.uploads, THREADS="2")
    client = https_function(service).test_client()
    for what, (request, status) in _requests(memory_world.uploads).items():
        answer = client.post(**request)
        if not ending:
            assert answer.status_code == status, what
        check_all_is_free(disable_waiting(service.pipeline()))
        for _ in range(2):
            admissions[0].enter()  # or Busy
        for _ in range(2):
            admissions[0].leave()
        assert "bucketlens_requests_in_flight 1.0" in client.get("/metrics").text, "the request for the metrics itself"


@pytest.mark.parametrize("error", [None, Killed(), BadRequest("There is no time.", 408), RuntimeError("a fault")])
def test_occlusion_releases_its_slot_however_it_ends(error: BaseException | None) -> None:
    context: Any = SimpleNamespace(seconds_left=1e9)
    for _ in range(2):
        with suppress(Killed, BadRequest, RuntimeError), OcclusionWatch(context) as watch:
            watch(0, 64)
            if error:
                raise error


def test_occlusions_in_parallel_run_one_at_a_time() -> None:
    context: Any = SimpleNamespace(seconds_left=1e9)
    threads, begun, done, fates = 8, threading.Barrier(8), threading.Barrier(8), list[str]()

    def run() -> None:
        with OcclusionWatch(context) as watch:
            begun.wait()
            try:
                watch(0, 64)
                fates.append("at work")
            except Busy:
                fates.append("refused")
            done.wait()  # the running one ends only after all others were refused

    crowd = [threading.Thread(target=run) for _ in range(threads)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert sorted(fates) == ["at work"] + ["refused"] * (threads - 1)


@pytest.fixture
def shipped(classifier: Classifier) -> Bundle:
    return classifier.bundle


class Reader:
    """A bundle source whose index always has the first bundle.

    Args:
        first: the bundle that is served at the start.
        read: returns the bundle that is read later.
    """

    def __init__(self, first: Bundle, read: Callable[[], Bundle]) -> None:
        self._first, self._read = first, read

    def index(self, references: Iterable[BundleReference]) -> ModelIndex:
        return ModelIndex([(reference, self._first) for reference in references])

    def bundle(self, reference: BundleReference) -> Bundle:
        return self._read()


def open_registry(reader: Reader, open_model: Callable[[Bundle], Classifier]) -> ModelRegistry:
    registry = ModelRegistry(reader, [BundleReference("a")], open_model)
    registry.open()
    return registry


@pytest.mark.parametrize("at", ["reading", "opening"])
@pytest.mark.parametrize("error", [InvalidBundle("a", ["It is not a bundle."]), GONE, Killed(), ValueError("a fault")])
def test_model_load_that_fails_admits_the_next_load(
    shipped: Bundle, classifier: Classifier, error: BaseException, at: str
) -> None:
    faults = list[BaseException]()
    newer = replace(shipped, digest="e" * 64)

    def fail_once(where: str) -> None:
        if where == at and faults:
            raise faults.pop()

    def read() -> Bundle:
        fail_once("reading")
        return newer

    def opened(bundle: Bundle) -> Classifier:
        fail_once("opening")
        return classifier

    registry = open_registry(Reader(shipped, read), opened)
    faults.append(error)
    with pytest.raises(type(error)):
        registry.load("flowers")
    assert registry.load("flowers").default is newer


def test_model_loads_in_parallel_are_admitted_one_at_a_time(shipped: Bundle, classifier: Classifier) -> None:
    def read() -> Bundle:
        with pytest.raises(Busy, match="Another model is being loaded"):
            registry.load("flowers")
        return shipped

    registry = open_registry(Reader(shipped, read), lambda _: classifier)
    assert registry.load("flowers").default is shipped


def test_interpreters_are_as_many_as_threads_and_are_returned(shipped: Bundle) -> None:
    model = LiteRTModel(shipped.model_path, threads=3)
    with model._interpreter() as first, model._interpreter() as second, model._interpreter() as third:
        assert len({id(interpreter) for interpreter in (first, second, third)}) == 3
        assert model._idle.empty(), "a fourth would wait"
    with pytest.raises(Killed), model._interpreter():
        raise Killed
    assert model._idle.qsize() == 3


def test_attempt_that_is_being_withdrawn_loses_its_marker_at_shutdown(memory_world: World, tmp_path: Path) -> None:
    """A sweep that is about to end withdraws all attempts in flight; a missed attempt would count."""
    upload = dropped(memory_world, tmp_path, b"bread")
    left = list[list[str]]()

    class Slow:
        """A store whose delete is so slow that the process ends during it."""

        def __getattr__(self, name: str) -> Any:
            return getattr(memory_world.store, name)

        def delete(self, ref: ObjectRef) -> None:
            if not left:
                left.append([])
                attempts.withdraw_all(TIMEOUT_S)
                left.append(markers(memory_world))
            memory_world.store.delete(ref)

    attempts = attempts_of(replace(memory_world, store=cast(Any, Slow())))
    attempt = attempts.begin_first(upload.ref)
    assert attempt
    attempts.withdraw(attempt)
    assert left == [[], []]
