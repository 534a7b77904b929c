"""The uploads that already have a row, by the warehouse in memory and the real one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.backlog.already_recorded import RECORDED, batches, recorded_uploads
from shared.errors import BadRequest
from shared.pipeline.ids import ImageIds
from shared.types import Call, Failure, ImageFacts, ObjectRef, Source, Times, Upload
from tests.worlds import World

pytestmark = pytest.mark.in_memory_too

Picture = Callable[..., bytes]
OTHER_MODEL = "0" * 64


@pytest.fixture
def uploads(world: World, picture: Picture, tmp_path: Path) -> list[ObjectRef]:
    """Provide a processed picture, a processed text, and a picture that was not processed."""
    for name, content in (("a.jpg", picture(1)), ("b.jpg", b"bread"), ("c.jpg", picture(2))):
        world.put(name, content, tmp_path)
    refs = [upload.ref for upload in world.store.uploads(world.uploads)]
    for ref in refs[:2]:
        upload = world.store.find(world.uploads, ref.name)
        world.pipeline.process_upload(upload, Call(Source.BACKLOG, datetime.now(UTC)), remove=False)
    return refs


def test_recorded_uploads_have_a_prediction_by_this_model_or_a_failure(world: World, uploads: list[ObjectRef]) -> None:
    digest = world.pipeline.models.get_model().bundle.digest
    assert recorded_uploads(world.warehouse, dict.fromkeys(uploads, (OTHER_MODEL, digest))) == set(uploads[:2])


def test_recorded_uploads_exclude_predictions_by_another_model(world: World, uploads: list[ObjectRef]) -> None:
    assert recorded_uploads(world.warehouse, dict.fromkeys(uploads, (OTHER_MODEL,))) == {uploads[1]}


def test_recorded_uploads_of_many_days_are_one_query(world: World) -> None:
    refs = [ObjectRef("album", "a.jpg", day * 86_400_000_000) for day in range(500)]
    assert recorded_uploads(world.warehouse, dict.fromkeys(refs, (OTHER_MODEL,))) == set()


def test_recorded_uploads_of_no_uploads_are_none(world: World) -> None:
    assert recorded_uploads(world.warehouse, {}) == set()


def test_recorded_uploads_query_reads_only_the_days_of_both_tables() -> None:
    """Otherwise each batch would scan both tables: partitions are pruned by constants."""
    assert RECORDED.count("FROM ") == RECORDED.count("WHERE uploaded_on IN (DAYS) AND ") == 2


def test_recorded_uploads_report_missing_tables(world: World) -> None:
    class Elsewhere:
        def query(self, sql: str, **parameters: list[str]) -> object:
            return world.warehouse.query(sql.replace("predictions", "no_such_table"), **parameters)

    with pytest.raises(BadRequest, match="no_such_table"):
        recorded_uploads(Elsewhere(), {ObjectRef("album", "a.jpg", 1): [OTHER_MODEL]})  # type: ignore[arg-type]


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (2, [2]), (3, [3]), (7, [3, 3, 1])])
def test_batches_are_full_except_the_last(count: int, sizes: list[int]) -> None:
    uploads = [Upload(ObjectRef("album", str(index), index), 0, "") for index in range(count)]
    lists = list(batches(iter(uploads), 3))
    assert [len(batch) for batch in lists] == sizes
    assert [upload for batch in lists for upload in batch] == uploads


def test_recorded_upload_has_the_id_of_its_row(world: World, uploads: list[ObjectRef]) -> None:
    [row] = world.rows("latest_predictions")
    assert row["upload_id"] == ImageIds.of_object(uploads[0]).upload_id


def failed(ref: ObjectRef, reason: str = "not_an_image", *, is_shadow: bool | None = None) -> Failure:
    ids = ImageIds.of_object(ref)
    image = ImageFacts(1, None, bucket=ref.bucket, name=ref.name, generation=ref.generation)
    call = Call(Source.BACKLOG, datetime.now(UTC), is_shadow=is_shadow)
    return Failure(ids.upload_id, ids.uploaded_at, reason, "A list.", image, None, call, Times(total_ms=1.0))


def test_recorded_uploads_are_found_on_every_day(world: World) -> None:
    refs = [ObjectRef(world.uploads, "a.jpg", day * 86_400_000_000) for day in (20_000, 20_001, 20_400)]
    for ref in refs:
        world.warehouse.append(failed(ref))
    assert recorded_uploads(world.warehouse, dict.fromkeys(refs, (OTHER_MODEL,))) == set(refs)


def test_recorded_uploads_of_a_shadow_count_for_the_shadow_only(world: World, picture: Picture, tmp_path: Path) -> None:
    digest = world.pipeline.models.get_model().bundle.digest
    world.put("seen.jpg", picture(3), tmp_path)
    upload = world.store.find(world.uploads, "seen.jpg")
    world.pipeline.process_upload(upload, Call(Source.BACKLOG, datetime.now(UTC), is_shadow=True), remove=False)
    rejected = ObjectRef(world.uploads, "list.jpg", upload.ref.generation)
    world.warehouse.append(failed(rejected, is_shadow=True))
    models = dict.fromkeys([upload.ref, rejected], (digest,))
    assert recorded_uploads(world.warehouse, models) == set()
    assert recorded_uploads(world.warehouse, models, is_shadow=True) == {upload.ref, rejected}


def test_recorded_uploads_of_an_unknown_model_count_until_it_is_served(world: World) -> None:
    ref = ObjectRef(world.uploads, "ponies/a.jpg", 20_000 * 86_400_000_000)
    world.warehouse.append(failed(ref, "unknown_model"))
    assert recorded_uploads(world.warehouse, {ref: []}) == {ref}
    assert recorded_uploads(world.warehouse, {ref: [OTHER_MODEL]}) == set()
