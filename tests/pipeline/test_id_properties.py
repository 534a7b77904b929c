"""Equal uploads have equal ids, and different uploads have different ids."""

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
    """Return the id as docs/rows.md describes it, without the code under test."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def of_request(parts: tuple[str, str, int, str], at: datetime = NOON) -> ids.ImageIds:
    return ids.ImageIds.of_request(*parts, at)


@FEW
@given(refs, names)
def test_ids_of_an_object_are_digests_of_its_parts_and_the_model(ref: ObjectRef, model: str) -> None:
    identity = ids.ImageIds.of_object(ref)
    assert identity.upload_id == digest([ref.bucket, ref.name, ref.generation])
    assert identity.prediction_id(model) == digest([ref.bucket, ref.name, ref.generation, model])
    assert identity.uploaded_at == ref.created_at


@FEW
@given(refs, refs)
def test_ids_of_objects_are_equal_only_for_equal_objects(first: ObjectRef, second: ObjectRef) -> None:
    assert (ids.ImageIds.of_object(first).upload_id == ids.ImageIds.of_object(second).upload_id) == (first == second)


@FEW
@given(refs, names, names)
def test_prediction_ids_are_equal_only_for_equal_models(ref: ObjectRef, first: str, second: str) -> None:
    identity = ids.ImageIds.of_object(ref)
    assert (identity.prediction_id(first) == identity.prediction_id(second)) == (first == second)
    assert identity.prediction_id(first) != identity.upload_id


@FEW
@given(requests, requests)
def test_ids_of_requests_are_equal_only_if_all_their_parts_are(
    first: tuple[str, str, int, str], second: tuple[str, str, int, str]
) -> None:
    assert (of_request(first).upload_id == of_request(second).upload_id) == (first == second)


@FEW
@given(requests, st.datetimes(timezones=st.just(UTC)))
def test_ids_of_a_repeated_request_do_not_depend_on_the_time(parts: tuple[str, str, int, str], later: datetime) -> None:
    assert of_request(parts).upload_id == of_request(parts, later).upload_id
    assert of_request(parts, later).uploaded_at == later


@FEW
@given(st.sampled_from([None, ""]), names, st.integers(0, 3))
def test_ids_of_requests_without_a_key_are_always_new(key: str | None, caller: str, index: int) -> None:
    first, second = (ids.ImageIds.of_request(key, caller, index, "0" * 64, NOON).upload_id for _ in range(2))
    assert first != second


@FEW
@given(requests, refs, labels)
def test_ids_of_objects_requests_and_labels_are_disjoint(
    request: tuple[str, str, int, str], ref: ObjectRef, label: tuple[str, str, str, str, str]
) -> None:
    upload_ids = {of_request(request).upload_id, ids.ImageIds.of_object(ref).upload_id, ids.label_id_of(*label)}
    assert len(upload_ids) == 3


@FEW
@given(labels, labels)
def test_label_ids_are_equal_only_if_all_their_parts_are(
    first: tuple[str, str, str, str, str], second: tuple[str, str, str, str, str]
) -> None:
    assert (ids.label_id_of(*first) == ids.label_id_of(*second)) == (first == second)


@FEW
@given(labels, st.integers(0, 4), names)
def test_label_id_depends_on_each_part(parts: tuple[str, str, str, str, str], which: int, text: str) -> None:
    assume(parts[which] != text)
    changed = [*parts[:which], text, *parts[which + 1 :]]
    assert ids.label_id_of(*parts) != ids.label_id_of(*changed)
