"""An event's age and numbers are read exactly, and no content of an event breaks the parser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.pipeline.receive import END_OF_TIME, FINALIZED, MalformedEvent, occurred_at, outcome_if_ignored, upload_from
from shared.types import ObjectRef, Upload
from tests.properties import FEW

HERE = "uploads"
zones = st.builds(lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-14 * 60, 14 * 60))
moments = st.datetimes(timezones=zones, min_value=datetime(1970, 1, 2), max_value=datetime(9999, 1, 1))
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
EVENT = {"bucket": HERE, "name": "a.jpg", "generation": "1", "size": "2"}


def upload(**changes: Any) -> Upload:
    parts: dict[str, Any] = {"bucket": HERE, "name": "a.jpg", "size": 1} | changes
    return Upload(ObjectRef(parts["bucket"], parts["name"], 1), parts["size"], "image/jpeg")


@FEW
@given(st.integers(0, 10**7), st.integers(-3, 3), st.sampled_from([0, 1, 999_999]))
def test_event_is_too_old_only_beyond_the_limit(limit_s: int, off_s: int, micros: int) -> None:
    age = timedelta(seconds=limit_s + off_s, microseconds=micros)
    outcome = outcome_if_ignored(upload(), HERE, age, limit_s)
    assert (outcome is not None and outcome.reason == "too_old") == (age > timedelta(seconds=limit_s))


@FEW
@given(st.sampled_from([HERE, "archive"]), st.sampled_from(["a.jpg", "folder/"]), st.integers(0, 1), st.booleans())
def test_event_is_ignored_for_its_bucket_then_its_kind_then_its_age(
    bucket: str, name: str, size: int, is_old: bool
) -> None:
    outcome = outcome_if_ignored(upload(bucket=bucket, name=name, size=size), HERE, timedelta(seconds=10 + is_old), 10)
    expected = (
        "not_our_bucket"
        if bucket != HERE
        else "not_an_upload"
        if (name, size) == ("folder/", 0)
        else "too_old"
        if is_old
        else None
    )
    assert (outcome.reason if outcome else None) == expected


@FEW
@given(moments)
def test_event_time_is_read_in_every_zone(moment: datetime) -> None:
    assert occurred_at({"time": moment.isoformat()}) == moment
    in_utc = moment.astimezone(UTC)
    assert occurred_at({"time": in_utc.isoformat().replace("+00:00", "Z")}) == in_utc
    assert occurred_at({"time": moment.replace(tzinfo=None).isoformat()}) is None


@FEW
@given(anything)
def test_event_time_of_any_value_is_aware_or_none(time: Any) -> None:
    moment = occurred_at({"time": time})
    assert moment is None or moment.tzinfo is not None


@FEW
@given(st.integers(0, END_OF_TIME - 1), st.booleans())
def test_event_generation_is_read_from_a_number_or_a_text(generation: int, as_text: bool) -> None:
    value = str(generation) if as_text else generation
    announced = upload_from({"type": FINALIZED}, EVENT | {"generation": value})
    assert announced.ref == ObjectRef(HERE, "a.jpg", generation)
    assert announced.ref.created_at.year < 10_000


@FEW
@given(st.sampled_from(["generation", "size"]), st.integers(max_value=-1) | st.integers(END_OF_TIME))
def test_event_error_names_a_number_out_of_range(field: str, number: int) -> None:
    with pytest.raises(MalformedEvent, match=field):
        upload_from({"type": FINALIZED}, EVENT | {field: str(number)})


@FEW
@given(st.dictionaries(st.sampled_from([*EVENT, "contentType", "metadata", "contentEncoding"]), anything), anything)
def test_event_of_any_content_is_an_upload_or_malformed(changes: dict[str, Any], other: Any) -> None:
    for data in (EVENT | changes, other):
        try:
            announced = upload_from({"type": FINALIZED}, data)
        except MalformedEvent:
            continue
        assert announced.ref.name
        assert announced.size_bytes >= 0
