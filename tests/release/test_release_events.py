"""Events of a release's steps: which model takes whose place, known from bundles or from rows, and never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.bundles.bundle import load_bundle
from shared.bundles.resolve import BundleSource
from shared.release.model_events import Event, EventModel
from shared.release.release_events import ReleaseEvents, on_trial, promotions, withdrawals
from shared.release.revisions import CHALLENGER, PREVIOUS, Change, Revision, Standing, Target
from shared.release.served_models import ServedModels
from shared.settings import own_models
from shared.types import Call, ModelFacts, Prediction, Source
from tests.bundles.copies import write_bundle
from tests.memory.object_store import MemoryStore
from tests.memory.warehouse import MemoryWarehouse
from tests.pipeline.outcomes import PREDICTION

CREATED_AT = datetime(2026, 12, 1, 3, tzinfo=UTC)
IMAGE = "europe-docker.pkg.dev/p/bucketlens/serving@sha256:"
OLD = Revision("upload-1", f"{IMAGE}{'1' * 64}", None, is_ready=True, created_at=CREATED_AT)
NEW = Revision("upload-2", f"{IMAGE}{'2' * 64}", None, is_ready=True, created_at=CREATED_AT)
TRIAL = Standing("upload", (NEW, OLD), (Target(OLD.name, 90), Target(NEW.name, 10, CHALLENGER)), "7")
BEFORE = Standing("upload", (OLD,), (Target(OLD.name, 100),), "6")
PROMOTED = Standing("upload", (NEW, OLD), (Target(NEW.name, 100), Target(OLD.name, 0, PREVIOUS)), "8")


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[MemoryWarehouse]:
    warehouse = MemoryWarehouse(tmp_path / "warehouse")
    yield warehouse
    warehouse.close()


def events_with(warehouse: MemoryWarehouse, *, has_images: bool = True) -> ReleaseEvents:
    source = BundleSource(MemoryStore, 1 << 30, own_models())
    return ReleaseEvents(ServedModels(source, warehouse, has_images=has_images), "ada@example.com")


def classify(warehouse: MemoryWarehouse, revision: str, model: ModelFacts) -> None:
    call = Call(Source.EVENT, datetime.now(UTC), revision=revision)
    prediction: Prediction = replace(
        PREDICTION,
        prediction_id=f"{revision}{model.digest}",
        uploaded_at=datetime.now(UTC),
        call=call,
        model=model,
    )
    warehouse.append(prediction)


def of_folders(folder: Path, *revisions: Revision) -> list[Standing]:
    """Return a trial of the second revision, of bundles on this machine."""
    old, new = revisions
    traffic = (Target(old.name, 50), Target(new.name, 50, CHALLENGER))
    return [Standing("upload", (new, old), traffic, "1")]


def test_events_of_an_image_name_the_models_of_its_rows(warehouse: MemoryWarehouse) -> None:
    classify(warehouse, OLD.name, ModelFacts("flowers", "1", "a" * 64, "litert"))
    classify(warehouse, NEW.name, ModelFacts("flowers", "2", "b" * 64, "litert"))
    [event] = events_with(warehouse).canary(on_trial([TRIAL]), 10)
    assert event.model == EventModel("flowers", "2", "b" * 64)
    assert (event.parent_digest, event.actor, event.event) == ("a" * 64, "ada@example.com", Event.CANARY)
    assert event.evidence["services"][0]["image"] == NEW.image


def test_events_of_an_image_without_rows_name_no_model(warehouse: MemoryWarehouse) -> None:
    [event] = events_with(warehouse).canary(on_trial([TRIAL]), 10)
    assert (event.model, event.parent_digest) == (None, None)


def test_events_name_no_model_where_a_revision_served_two_of_a_name(warehouse: MemoryWarehouse) -> None:
    """As after MODEL_LOAD: the rows do not contain which of them is meant."""
    for digest in ("b" * 64, "c" * 64):
        classify(warehouse, NEW.name, ModelFacts("flowers", "2", digest, "litert"))
    [event] = events_with(warehouse).canary(on_trial([TRIAL]), 10)
    assert event.model is None


def test_events_of_an_image_with_the_same_model_have_no_parent(warehouse: MemoryWarehouse) -> None:
    for revision in (OLD, NEW):
        classify(warehouse, revision.name, ModelFacts("flowers", "1", "a" * 64, "litert"))
    of_commit = replace(PROMOTED, revisions=(replace(NEW, commit="0123abc"), OLD))
    [event] = events_with(warehouse).promoted(promotions([of_commit]), anyway=False)
    assert (event.model, event.parent_digest) == (EventModel("flowers", "1", "a" * 64), None)
    assert event.code_commit == event.evidence["services"][0]["commit"] == "0123abc"


def test_events_of_a_release_are_one_for_each_changed_model(warehouse: MemoryWarehouse, tmp_path: Path) -> None:
    x_ray, old, new, same = (
        write_bundle(tmp_path / name, version, name=model)
        for name, model, version in (
            ("x_ray", "chest", "1"),
            ("old", "flowers", "1"),
            ("new", "flowers", "2"),
            ("same", "birds", "1"),
        )
    )
    x_ray_2 = write_bundle(tmp_path / "x_ray_2", "2", name="chest")
    revisions = (
        replace(OLD, bundle=f"{old},chest={x_ray},{same}"),
        replace(NEW, bundle=f"{new},chest={x_ray_2},{same}"),
    )
    events = events_with(warehouse, has_images=False).canary(on_trial(of_folders(tmp_path, *revisions)), 50)
    changes = {(event.model, event.parent_digest) for event in events}
    assert changes == {
        (EventModel("flowers", "2", load_bundle(new).digest), load_bundle(old).digest),
        (EventModel("chest", "2", load_bundle(x_ray_2).digest), load_bundle(x_ray).digest),
    }
    assert len({event.event_id for event in events}) == 2


def test_events_of_a_bundle_that_is_gone_name_no_model(warehouse: MemoryWarehouse, tmp_path: Path) -> None:
    revisions = (replace(OLD, bundle=str(tmp_path / "nothing")), replace(NEW, bundle="a b=,"))
    [event] = events_with(warehouse, has_images=False).canary(on_trial(of_folders(tmp_path, *revisions)), 50)
    assert event.model is None


def test_event_of_a_repeated_step_has_its_id_and_of_another_share_not(warehouse: MemoryWarehouse) -> None:
    events = events_with(warehouse)
    moved = replace(TRIAL, etag="9")
    ids = [events.canary(on_trial([standing]), 10)[0].event_id for standing in (TRIAL, TRIAL, moved)]
    assert ids[0] == ids[1] != ids[2]
    configured = [events.configured(on_trial([standing]))[0] for standing in (TRIAL, moved)]
    assert {(event.event_id, event.happened_at) for event in configured} == {(configured[0].event_id, CREATED_AT)}


def test_event_of_a_rollback_names_the_withdrawn_model(warehouse: MemoryWarehouse) -> None:
    classify(warehouse, OLD.name, ModelFacts("flowers", "1", "a" * 64, "litert"))
    classify(warehouse, NEW.name, ModelFacts("flowers", "2", "b" * 64, "litert"))
    events = events_with(warehouse)
    for before in (TRIAL, PROMOTED):
        [event] = events.rolled_back(withdrawals([before], [BEFORE]))
        assert (event.model, event.parent_digest) == (EventModel("flowers", "2", "b" * 64), "a" * 64)
    assert events.rolled_back(withdrawals([BEFORE], [BEFORE])) == []


def test_event_of_a_check_that_finds_the_same_is_the_same(warehouse: MemoryWarehouse) -> None:
    events = events_with(warehouse)
    verdicts = ({"finding": "good", "shared": 1}, {"shared": 1, "finding": "good"}, {"finding": "good", "shared": 2})
    ids = [events.checked([OLD.name], [NEW.name], [TRIAL], verdict)[0].event_id for verdict in verdicts]
    assert ids[0] == ids[1] != ids[2]


def test_event_of_a_shadow_is_a_test_of_its_model(warehouse: MemoryWarehouse) -> None:
    classify(warehouse, OLD.name, ModelFacts("flowers", "1", "a" * 64, "litert"))
    classify(warehouse, "run-1", ModelFacts("flowers", "2", "b" * 64, "litert"))
    [event] = events_with(warehouse).shadowed("run-1", Change(image=NEW.image), [OLD])
    assert (event.event, event.model) == (Event.TESTED, EventModel("flowers", "2", "b" * 64))
    assert (event.parent_digest, event.evidence["run"]) == ("a" * 64, "run-1")
