"""The backlog of a sweep: its bucket, the share of a task, the age of uploads."""

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


def test_backlog_is_the_old_part_of_the_upload_bucket_by_default() -> None:
    assert backlog() == Backlog("my-uploads", age_s=900, task_index=2, task_count=5)


@pytest.mark.parametrize("option", ["my-uploads", "gs://my-uploads", "gs://my-uploads/"])
def test_backlog_bucket_may_have_the_gs_scheme(option: str) -> None:
    assert backlog(option) == backlog()


def test_backlog_of_another_bucket_has_no_minimum_age() -> None:
    assert backlog("gs://my-album", keep=True).age_s == 0
    assert backlog("gs://my-uploads", keep=True).age_s == 900


def test_backlog_of_another_bucket_needs_keep() -> None:
    with pytest.raises(BadRequest, match=r"gs://my-uploads, and a sweep deletes what it has classified; add --keep"):
        backlog("gs://my-album")


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("role", ["archive", "quarantine"])
def test_backlog_refuses_the_archive_and_the_quarantine(role: str, keep: bool) -> None:
    with pytest.raises(BadRequest, match=f"gs://my-{role} is the {role}"):
        backlog(f"gs://my-{role}", keep=keep)


@pytest.mark.parametrize("option", ["gs://my-album/2024", "My Album", "gs://", "x", "s3://my-album"])
def test_backlog_refuses_a_malformed_bucket(option: str) -> None:
    with pytest.raises(BadRequest, match="expected a bucket's name"):
        backlog(option, keep=True)


def test_backlog_reports_a_missing_bucket(world: World) -> None:
    with pytest.raises(BadRequest, match="There is no bucket gs://there-is-no-such-bucket"):
        names(world, Backlog("there-is-no-such-bucket"))


def test_backlog_shares_of_tasks_are_complete_and_disjoint(world: World, put: Put) -> None:
    every = [f"{index:02}.jpg" for index in range(30)]
    put(*every)
    shares = [names(world, Backlog(world.uploads, task_index=index, task_count=4)) for index in range(4)]
    assert sorted(name for share in shares for name in share) == every
    assert all(shares)


def test_backlog_excludes_young_uploads(world: World, put: Put) -> None:
    put("young.jpg")
    everything = Backlog(world.uploads)
    assert names(world, replace(everything, age_s=3600)) == []
    assert names(world, everything) == ["young.jpg"]


def test_backlog_prefix_is_the_start_of_names(world: World, put: Put) -> None:
    put("2024/a.jpg", "2024/b.jpg", "20245.jpg", "2025/a.jpg")
    assert names(world, Backlog(world.uploads, prefix="2024/")) == ["2024/a.jpg", "2024/b.jpg"]


def test_backlog_includes_overwritten_versions(world: World, put: Put) -> None:
    put("a.jpg")
    first = world.store.find(world.uploads, "a.jpg").ref
    world.overwrite(world.uploads, "a.jpg", b"newer")
    assert [upload.ref for upload in Backlog(world.uploads).uploads(world.store)] == [
        first,
        world.store.find(world.uploads, "a.jpg").ref,
    ]


def test_backlog_may_be_the_archive_only_for_a_shadow_with_keep() -> None:
    shadow = replace(PLATFORM, is_shadow=True)
    assert Backlog.of(SETTINGS, shadow, "gs://my-archive", keep=True).bucket == "my-archive"
    for bucket in ("gs://my-archive", None):
        with pytest.raises(BadRequest, match="must not delete uploads; add --keep"):
            Backlog.of(SETTINGS, shadow, bucket, keep=False)


@pytest.mark.needs("process")  # the port has no delete without a generation
def test_backlog_of_another_bucket_excludes_old_versions(world: World, put: Put) -> None:
    """Old versions are the owner's backup there; in the upload bucket each of them is an upload."""
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
