"""Ids say what was uploaded: the same thing has the same id, and no other thing has it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from shared.pipeline import ids
from shared.types import ObjectRef
from tests.properties import FEW

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
few_texts = st.sampled_from(["a", "b", "a/b", "ab", '","', '"', "\\", "é", "e\u0301", "1", "request", "label"])
names = st.one_of(few_texts, texts)
generations = st.one_of(st.integers(0, 3), st.integers(0, 253_402_300_799_999_999))
refs = st.builds(ObjectRef, names, names, generations)
requests = st.tuples(names, names, st.integers(0, 3), st.sampled_from(["0" * 64, "f" * 64]))
labels = st.tuples(names, names, names, names, names)


def digest(parts: list[Any]) -> str:
    """The id as docs/rows.md describes it, with nothing of the code's."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def of_request(parts: tuple[str, str, int, str], at: datetime = NOON) -> ids.ImageIds:
    return ids.ImageIds.of_request(*parts, at)


@FEW
@given(refs, names)
def test_an_objects_ids_are_digests_of_bucket_name_generation_and_model(ref: ObjectRef, model: str) -> None:
    identity = ids.ImageIds.of_object(ref)
    assert identity.upload_id == digest([ref.bucket, ref.name, ref.generation])
    assert identity.prediction_id(model) == digest([ref.bucket, ref.name, ref.generation, model])
    assert identity.uploaded_at == ref.created_at


@FEW
@given(refs, refs)
def test_two_objects_have_one_id_only_if_they_are_one(one: ObjectRef, other: ObjectRef) -> None:
    assert (ids.ImageIds.of_object(one).upload_id == ids.ImageIds.of_object(other).upload_id) == (one == other)


@FEW
@given(refs, names, names)
def test_an_upload_has_another_prediction_for_each_model(ref: ObjectRef, one: str, other: str) -> None:
    identity = ids.ImageIds.of_object(ref)
    assert (identity.prediction_id(one) == identity.prediction_id(other)) == (one == other)
    assert identity.prediction_id(one) != identity.upload_id


@FEW
@given(requests, requests)
def test_two_images_of_requests_have_one_id_only_if_key_caller_place_and_bytes_are_the_same(
    one: tuple[str, str, int, str], other: tuple[str, str, int, str]
) -> None:
    assert (of_request(one).upload_id == of_request(other).upload_id) == (one == other)


@FEW
@given(requests, st.datetimes(timezones=st.just(UTC)))
def test_a_request_that_comes_again_has_the_same_id_whenever_it_comes(
    parts: tuple[str, str, int, str], later: datetime
) -> None:
    assert of_request(parts).upload_id == of_request(parts, later).upload_id
    assert of_request(parts, later).uploaded_at == later


@FEW
@given(st.sampled_from([None, ""]), names, st.integers(0, 3))
def test_a_request_without_a_key_is_a_new_upload_each_time(key: str | None, caller: str, index: int) -> None:
    one, other = (ids.ImageIds.of_request(key, caller, index, "0" * 64, NOON).upload_id for _ in range(2))
    assert one != other


@FEW
@given(requests, refs, labels)
def test_objects_requests_and_labels_never_share_an_id(
    request: tuple[str, str, int, str], ref: ObjectRef, label: tuple[str, str, str, str, str]
) -> None:
    found = {of_request(request).upload_id, ids.ImageIds.of_object(ref).upload_id, ids.label_id_of(*label)}
    assert len(found) == 3


@FEW
@given(labels, labels)
def test_two_labels_have_one_id_only_if_key_caller_prediction_label_and_note_are_the_same(
    one: tuple[str, str, str, str, str], other: tuple[str, str, str, str, str]
) -> None:
    assert (ids.label_id_of(*one) == ids.label_id_of(*other)) == (one == other)


@FEW
@given(labels, st.integers(0, 4), names)
def test_a_label_with_one_part_changed_is_another_label(
    parts: tuple[str, str, str, str, str], which: int, text: str
) -> None:
    assume(parts[which] != text)
    changed = [*parts[:which], text, *parts[which + 1 :]]
    assert ids.label_id_of(*parts) != ids.label_id_of(*changed)
