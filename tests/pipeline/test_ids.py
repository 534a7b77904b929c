"""Ids: the same upload has the same ids however often it comes, and different uploads have different ids.

The digests below were made by sha256sum, not by this code, from the JSON arrays in the comments.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

from shared.pipeline.ids import ImageIds, label_id_of
from shared.types import ObjectRef

REF = ObjectRef("my-uploads", "garden/rose ü.jpg", 1763712000123456)
DIGEST = f"{7:064d}"
NOON = datetime(2025, 11, 21, 12, tzinfo=UTC)
ABC = hashlib.sha256(b"abc").hexdigest()


def test_upload_id_is_the_sha256_of_a_json_array() -> None:
    # printf '["my-uploads","garden/rose ü.jpg",1763712000123456]' | sha256sum
    expected = "0fbd7d1e4c9119a1670a40272ecc34cac704f2ebe82794682e83e7d017b9258d"
    assert ImageIds.of_object(REF).upload_id == expected


def test_prediction_id_is_that_of_its_upload_and_the_models_digest() -> None:
    # printf '["my-uploads","garden/rose ü.jpg",1763712000123456,"%064d"]' 7 | sha256sum
    expected = "05b158731729d5a5e126ee888d832cc8325671a8150ebfff7e4e4258a9ce4162"
    assert ImageIds.of_object(REF).prediction_id(DIGEST) == expected


def test_request_id_is_that_of_its_caller_key_index_and_bytes() -> None:
    # printf '["request","ada@example.com","key-1",0,"%s"]' $(printf abc | sha256sum | cut -c1-64) | sha256sum
    expected = "11b2075e4a43118254a5d4828866254625ccaa332e091749b4619940fb04b489"
    assert ImageIds.of_request("key-1", "ada@example.com", 0, ABC, NOON).upload_id == expected


def test_prediction_id_differs_by_model_for_the_same_upload() -> None:
    ids = ImageIds.of_object(REF)
    assert ids.prediction_id("a" * 64) != ids.prediction_id("b" * 64)
    assert ids.upload_id == ImageIds.of_object(REF).upload_id


def test_upload_id_depends_on_every_part_of_an_object() -> None:
    refs = (
        REF,
        ObjectRef("my-uploads2", REF.name, REF.generation),
        ObjectRef(REF.bucket, "garden/rose u.jpg", REF.generation),
        ObjectRef(REF.bucket, REF.name, REF.generation + 1),
    )
    assert len({ImageIds.of_object(ref).upload_id for ref in refs}) == len(refs)


def test_upload_id_separates_names_with_quotes_and_commas() -> None:
    first = ImageIds.of_object(ObjectRef("a", 'b","c', 1))
    second = ImageIds.of_object(ObjectRef('a","b', "c", 1))
    assert first.upload_id != second.upload_id


def test_upload_id_can_be_computed_from_a_row() -> None:
    """SQL or a script can compute the id of an object: compact JSON, UTF-8, not escaped."""
    text = json.dumps([REF.bucket, REF.name, REF.generation], separators=(",", ":"), ensure_ascii=False)
    assert ImageIds.of_object(REF).upload_id == hashlib.sha256(text.encode()).hexdigest()


def test_upload_is_dated_by_its_generation() -> None:
    assert ImageIds.of_object(REF).uploaded_at == datetime(2025, 11, 21, 8, 0, 0, 123456, tzinfo=UTC)


def test_idempotency_key_gives_the_same_upload_at_any_time() -> None:
    first = ImageIds.of_request("key-1", "ada@example.com", 0, ABC, NOON)
    again = ImageIds.of_request("key-1", "ada@example.com", 0, ABC, NOON + timedelta(minutes=5))
    assert first.upload_id == again.upload_id
    assert first.prediction_id(DIGEST) == again.prediction_id(DIGEST)


def test_idempotency_key_is_for_one_caller_index_and_content() -> None:
    upload_ids = {
        ImageIds.of_request(key, caller, index, digest, NOON).upload_id
        for key, caller, index, digest in (
            ("key-1", "ada@example.com", 0, ABC),
            ("key-2", "ada@example.com", 0, ABC),
            ("key-1", "bob@example.com", 0, ABC),
            ("key-1", None, 0, ABC),
            ("key-1", "ada@example.com", 1, ABC),
            ("key-1", "ada@example.com", 0, ABC[::-1]),
        )
    }
    assert len(upload_ids) == 6


def test_request_without_a_key_is_a_new_upload() -> None:
    first, second = (ImageIds.of_request(None, None, 0, ABC, NOON) for _ in range(2))
    assert first.upload_id != second.upload_id
    assert first.uploaded_at == NOON


def test_label_id_is_that_of_its_caller_key_prediction_and_text() -> None:
    # printf '["label","ada@example.com","key-1","%s","roses","It is a rose."]' $(printf 'ab%.0s' $(seq 32)) | sha256sum
    expected = "f77dcd36118b89390d90a763b49c66b409b95544b7263553a215cd204fa86303"
    assert label_id_of("key-1", "ada@example.com", "ab" * 32, "roses", "It is a rose.") == expected
    # printf '["label","","key-1","%s","roses",""]' …
    unnamed = "2417b746dff2c1f4b8465265075df2c6390e0760bc8b320cb488d929c0ded279"
    assert label_id_of("key-1", None, "ab" * 32, "roses", None) == unnamed
