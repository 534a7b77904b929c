"""A BigQuery remote function: rows in, a reply each, and what is wrong with one row is its value."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
import requests

from shared.adapters.bigquery import BigQuery
from shared.local.cloud import DATASET, PROJECT, Cloud
from tests.http.conftest import b64

CALL = {  # as in BigQuery's page on remote functions
    "requestId": "124ab1c",
    "caller": "//bigquery.googleapis.com/projects/my-project/jobs/my-project:US.bquxjob_5b4c112c_17961fafeaf",
    "sessionUser": "test-user@test-company.com",
}


def post(url: str, calls: Any, **context: str) -> requests.Response:
    document: dict[str, Any] = {**CALL, "calls": calls, **({"userDefinedContext": context} if context else {})}
    return requests.post(f"{url}/v1/bigquery:call", json=document, timeout=30)


def replies(url: str, calls: object, **context: str) -> list[Any]:
    answer = post(url, calls, **context)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["replies"])


@pytest.fixture(scope="module")
def archived(url: str, daisy: bytes) -> str:
    """The URI of a daisy, as a row of ``predictions`` has it."""
    sha256 = requests.post(f"{url}/v1/classify", data=daisy, timeout=30).json()["image"]["sha256"]
    return f"gs://bucketlens-archive/{sha256[:2]}/{sha256}.jpg"


def rows_of(cloud: Cloud, prediction_id: str) -> list[dict[str, Any]]:
    warehouse = BigQuery(PROJECT, DATASET, 20, endpoint=cloud.url("warehouse"))
    sql = "SELECT prediction_id FROM predictions_by_model WHERE prediction_id IN UNNEST(@ids)"
    return warehouse.query(sql, ids=[prediction_id]).rows


def test_each_call_has_its_reply_in_its_place(url: str, archived: str, tulips: bytes) -> None:
    found = replies(url, [[archived], [None], [b64(tulips)], ["gs://bucketlens-archive/nothing.jpg"], [b64(b"a list")]])
    assert [reply and reply.get("label") for reply in found] == ["daisy", None, "tulips", None, None]
    assert found[1] is None
    assert (found[3]["reason"], found[4]["reason"]) == ("not_found", "not_an_image")
    assert found[0]["score"] == found[0]["candidates"][0]["score"]
    assert found[0]["model"] == {"name": "flowers", "version": "1"}


def test_the_context_chooses_how_many_candidates_and_checks_the_model(url: str, archived: str) -> None:
    [reply] = replies(url, [[archived]], model="flowers", k="2")
    assert len(reply["candidates"]) == 2
    assert post(url, [[archived]], model="trees").status_code == 404
    assert post(url, [[archived]], k="none").status_code == 400


def test_a_repeated_call_has_the_same_reply_and_leaves_no_row(
    url: str, cloud: Cloud, picture: Callable[..., bytes]
) -> None:
    seen_by_nobody = b64(picture(secrets.randbits(32)))
    first, second = (replies(url, [[seen_by_nobody]]) for _ in range(2))
    assert first == second
    assert rows_of(cloud, first[0]["prediction_id"]) == []


def test_calls_that_are_recorded_are_one_row_however_often_they_come(
    url: str, cloud: Cloud, archived: str, tulips: bytes
) -> None:
    for argument in (archived, b64(tulips)):
        [first], [second] = (replies(url, [[argument]], record="true") for _ in range(2))
        assert first == second
        assert len(rows_of(cloud, first["prediction_id"])) == 1


def test_no_calls_have_no_replies(url: str) -> None:
    assert replies(url, []) == []


@pytest.mark.parametrize(
    ("calls", "status"),
    [
        (None, 400),
        ({}, 400),
        (["gs://a/b"], 400),
        ([[]], 400),
        ([["a", "b"]], 400),
        ([[7]], 400),
        ([["eA=="]] * 17, 413),
    ],
)
def test_a_call_that_cannot_be_answered_has_an_error_message(url: str, calls: object, status: int) -> None:
    answer = post(url, calls)
    assert answer.status_code == status
    assert set(answer.json()) == {"errorMessage"}
    assert len(answer.content) < 1024


def test_a_uri_elsewhere_is_a_wrong_value_and_no_failure(url: str) -> None:
    uris = ["gs://somebody-elses/x.jpg", "https://example.com/x.jpg", "gs://"]
    assert [set(reply) for reply in replies(url, [[uri] for uri in uris])] == [{"error", "reason"}] * 3
