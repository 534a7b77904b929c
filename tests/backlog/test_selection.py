"""What a sweep is to take: which bucket, whose share, how old."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from shared.adapters.gcs import CloudStorage
from shared.backlog.selection import Backlog
from shared.errors import BadRequest
from shared.settings import Platform, Settings
from tests.worlds import World

pytestmark = pytest.mark.in_memory_too

SETTINGS = Settings.from_environment(
    {
        "GOOGLE_CLOUD_PROJECT": "my-project",
        "UPLOAD_BUCKET": "my-uploads",
        "ARCHIVE_BUCKET": "my-archive",
        "QUARANTINE_BUCKET": "my-quarantine",
    }
)
PLATFORM = Platform.from_environment({"CLOUD_RUN_TASK_INDEX": "2", "CLOUD_RUN_TASK_COUNT": "5"})

Put = Callable[..., None]


def backlog(bucket: str | None = None, *, keep: bool = False) -> Backlog:
    return Backlog.of(SETTINGS, PLATFORM, bucket, keep=keep)


@pytest.fixture
def put(world: World, tmp_path: Path) -> Put:
    def put_all(*names: str) -> None:
        for name in names:
            world.put(name, name.encode(), tmp_path)

    return put_all


def names(world: World, backlog: Backlog) -> list[str]:
    return [upload.ref.name for upload in backlog.uploads(world.store)]


def test_without_a_word_it_is_the_upload_bucket_and_what_events_have_left() -> None:
    assert backlog() == Backlog("my-uploads", age_s=900, task_index=2, task_count=5)


@pytest.mark.parametrize("named", ["my-uploads", "gs://my-uploads", "gs://my-uploads/"])
def test_a_bucket_may_be_named_as_tools_name_it(named: str) -> None:
    assert backlog(named) == backlog()


def test_another_bucket_has_no_events_to_wait_for() -> None:
    assert backlog("gs://my-album", keep=True).age_s == 0
    assert backlog("gs://my-uploads", keep=True).age_s == 900


def test_another_bucket_is_never_emptied() -> None:
    with pytest.raises(BadRequest, match=r"gs://my-uploads, and a sweep deletes what it has classified; .* add --keep"):
        backlog("gs://my-album")


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("role", ["archive", "quarantine"])
def test_our_own_output_is_never_swept(role: str, keep: bool) -> None:
    with pytest.raises(BadRequest, match=f"gs://my-{role} is the {role}"):
        backlog(f"gs://my-{role}", keep=keep)


@pytest.mark.parametrize("named", ["gs://my-album/2024", "My Album", "gs://", "x", "s3://my-album"])
def test_what_is_no_bucket_is_refused(named: str) -> None:
    with pytest.raises(BadRequest, match="expected a bucket's name"):
        backlog(named, keep=True)


def test_a_bucket_that_is_missing_is_told(world: World) -> None:
    with pytest.raises(BadRequest, match="There is no bucket gs://there-is-no-such-bucket"):
        names(world, Backlog("there-is-no-such-bucket"))


def test_the_shares_of_a_jobs_tasks_are_the_whole_and_overlap_nowhere(world: World, put: Put) -> None:
    every = [f"{index:02}.jpg" for index in range(30)]
    put(*every)
    shares = [names(world, Backlog(world.uploads, task_index=index, task_count=4)) for index in range(4)]
    assert sorted(name for share in shares for name in share) == every
    assert all(shares)


def test_what_is_young_is_left_to_its_event(world: World, put: Put) -> None:
    put("young.jpg")
    everything = Backlog(world.uploads)
    assert names(world, replace(everything, age_s=3600)) == []
    assert names(world, everything) == ["young.jpg"]


def test_a_prefix_is_how_names_begin(world: World, put: Put) -> None:
    put("2024/a.jpg", "2024/b.jpg", "20245.jpg", "2025/a.jpg")
    assert names(world, Backlog(world.uploads, prefix="2024/")) == ["2024/a.jpg", "2024/b.jpg"]


def test_versions_that_were_overwritten_are_listed_too(world: World, put: Put) -> None:
    put("a.jpg")
    first = world.store.find(world.uploads, "a.jpg").ref
    world.overwrite(world.uploads, "a.jpg", b"newer")
    assert [upload.ref for upload in Backlog(world.uploads).uploads(world.store)] == [
        first,
        world.store.find(world.uploads, "a.jpg").ref,
    ]


def test_only_a_shadow_may_look_at_the_archive_and_it_keeps_it() -> None:
    shadow = replace(PLATFORM, is_shadow=True)
    assert Backlog.of(SETTINGS, shadow, "gs://my-archive", keep=True).bucket == "my-archive"
    for bucket in ("gs://my-archive", None):
        with pytest.raises(BadRequest, match="may remove nothing; add --keep"):
            Backlog.of(SETTINGS, shadow, bucket, keep=False)


@pytest.mark.needs("process")  # a delete that names no generation is an owner's, and not in the port
def test_of_anothers_bucket_what_was_deleted_or_overwritten_is_left_out(world: World, put: Put) -> None:
    """Versions are its owner's safety net; in the upload bucket each of them is an upload."""
    put("a.jpg", "b.jpg")
    assert isinstance(world.store, CloudStorage)
    bucket = world.store._client.bucket(world.uploads)
    bucket.blob("a.jpg").upload_from_string(b"newer")
    bucket.blob("b.jpg").delete()
    live = [world.store.find(world.uploads, "a.jpg").ref]
    assert [upload.ref for upload in Backlog(world.uploads, live_only=True).uploads(world.store)] == live
    assert len(list(Backlog(world.uploads).uploads(world.store))) == 3
    assert Backlog.of(SETTINGS, PLATFORM, "holiday-photos", keep=True).live_only
    assert not Backlog.of(SETTINGS, PLATFORM, None, keep=False).live_only
