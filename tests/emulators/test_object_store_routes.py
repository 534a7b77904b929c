"""What the object store reads from a request: its object, and its preconditions."""

from __future__ import annotations

import pytest

from shared.emulators.storage.errors import ApiError
from shared.emulators.storage.names import ObjectName
from shared.emulators.storage.preconditions import Live, Preconditions
from shared.emulators.storage.routes import Action, route_of

LIVE = Live(generation=5, metageneration=1)
PHOTO = ObjectName("uploads", "a/photo")


@pytest.mark.parametrize(
    ("method", "path", "action", "target"),
    [
        ("GET", "/storage/v1/b/uploads/o/a%2Fphoto", Action.READ, PHOTO),
        ("GET", "/download/storage/v1/b/uploads/o/a%2Fphoto", Action.READ, PHOTO),
        ("GET", "/uploads/a/photo", Action.READ, PHOTO),
        ("HEAD", "/storage/v1/b/uploads/o/a/photo", Action.READ, PHOTO),
        ("DELETE", "/storage/v1/b/uploads/o/a%2Fphoto", Action.DELETE, PHOTO),
        ("PATCH", "/storage/v1/b/uploads/o/a%2Fphoto", Action.CHANGE_METADATA, PHOTO),
        ("PUT", "/uploads/a%2Fphoto", Action.PUT_FILE, PHOTO),
        ("POST", "/storage/v1/b/uploads/o/a%2Fphoto/compose", Action.COMPOSE, PHOTO),
        ("POST", "/storage/v1/b/other/o/x%2Fy/copyTo/b/uploads/o/a%2Fphoto", Action.COPY, PHOTO),
        ("POST", "/storage/v1/b/other/o/x%2Fy/rewriteTo/b/uploads/o/a%2Fphoto", Action.COPY, PHOTO),
        ("PUT", "/storage/v1/b/uploads/o/a%2Fphoto/acl/allUsers", Action.UNSUPPORTED, PHOTO),
        ("DELETE", "/uploads/a%2Fphoto", Action.DELETE, PHOTO),
        ("POST", "/uploads/a%2Fphoto", Action.POST_FILE, PHOTO),
        ("POST", "/uploads", Action.FORM, None),
        ("GET", "/uploads/", Action.UNSUPPORTED, None),
        ("POST", "/upload/storage/v1/b/uploads/o", Action.UPLOAD, None),
        ("PUT", "/resumable/upload/storage/v1/b/uploads/o", Action.UPLOAD, None),
        ("POST", "/storage/v1/b/uploads/o", Action.UPLOAD, None),
        ("GET", "/storage/v1/b/uploads/o", Action.LIST_OBJECTS, None),
        ("GET", "/storage/v1/b/uploads/iam", Action.UNSUPPORTED, None),
        ("GET", "/storage/v1/b/uploads/storageLayout", Action.FOLDERS, None),
        ("GET", "/storage/v1/b", Action.LIST_BUCKETS, None),
        ("GET", "/storage/v1/b/uploads", Action.READ_BUCKET, None),
        ("POST", "/storage/v1/b", Action.CREATE_BUCKET, None),
        ("PATCH", "/storage/v1/b/uploads", Action.CHANGE_BUCKET, None),
        ("DELETE", "/storage/v1/b/uploads", Action.DELETE_BUCKET, None),
        ("POST", "/batch/storage/v1", Action.BATCH, None),
    ],
)
def test_route_has_the_action_and_the_object_of_a_path(
    method: str, path: str, action: Action, target: ObjectName | None
) -> None:
    route = route_of(method, path)
    assert (route.action, route.target) == (action, target)


def test_route_of_a_copy_has_a_source() -> None:
    route = route_of("POST", "/storage/v1/b/other/o/x%2FcopyTo%2Fy/copyTo/b/uploads/o/a%2Fphoto")
    assert route.source == ObjectName("other", "x/copyTo/y")


def test_route_refuses_a_path_that_is_not_utf_8() -> None:
    with pytest.raises(ApiError, match="not UTF-8"):
        route_of("GET", "/storage/v1/b/uploads/o/%FF")


@pytest.mark.parametrize(
    ("query", "live", "status"),
    [
        ({}, LIVE, None),
        ({"generation": "5"}, LIVE, None),
        ({"generation": "4"}, LIVE, 404),
        ({}, None, 404),
        ({"ifGenerationMatch": "5", "ifMetagenerationMatch": "1"}, LIVE, None),
        ({"ifGenerationMatch": "4"}, LIVE, 412),
        ({"ifGenerationMatch": "0"}, LIVE, 412),
        ({"ifGenerationMatch": "0"}, None, 404),
        ({"ifMetagenerationMatch": "2"}, LIVE, 412),
        ({"ifGenerationNotMatch": "4"}, LIVE, None),
        ({"ifGenerationNotMatch": "5"}, LIVE, 412),
        ({"ifMetagenerationNotMatch": "1"}, LIVE, 412),
    ],
)
def test_preconditions_are_checked_on_an_existing_object(
    query: dict[str, str], live: Live | None, status: int | None
) -> None:
    assert _status(lambda: Preconditions.of(query).check_existing(PHOTO, live)) == status


@pytest.mark.parametrize(
    ("query", "live", "status"),
    [
        ({"ifGenerationMatch": "0"}, None, None),
        ({"ifGenerationMatch": "0"}, LIVE, 412),
        ({"ifGenerationMatch": "5"}, LIVE, None),
        ({"ifGenerationMatch": "5"}, None, 412),
        ({"ifGenerationNotMatch": "0"}, None, 412),
        ({"ifGenerationNotMatch": "0"}, LIVE, None),
    ],
)
def test_preconditions_are_checked_on_a_write(query: dict[str, str], live: Live | None, status: int | None) -> None:
    assert _status(lambda: Preconditions.of(query).check_target(live)) == status


def test_preconditions_give_304_to_a_reader_with_a_current_copy() -> None:
    demands = Preconditions.of({"ifGenerationNotMatch": "5"})
    assert _status(lambda: demands.check_existing(PHOTO, LIVE, reading=True)) == 304


@pytest.mark.parametrize("value", ["", "-1", "five", "5.0", "\u0665"])
def test_preconditions_refuse_a_value_that_is_not_a_number(value: str) -> None:
    assert _status(lambda: Preconditions.of({"ifGenerationMatch": value})) == 400


def _status(check: object) -> int | None:
    assert callable(check)
    try:
        check()
    except ApiError as refused:
        return refused.status
    return None
