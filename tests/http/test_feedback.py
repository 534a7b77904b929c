"""Feedback: a person's label becomes a row, and takes its picture out of the review queue."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from shared.adapters.bigquery import BigQuery
from shared.local.cloud import DATASET, PROJECT, Cloud
from tests.http.conftest import jpeg

SOMEBODYS = "ab" * 32


def label(url: str, prediction_id: str, body: Any, key: str | None = None) -> requests.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return requests.post(f"{url}/v1/predictions/{prediction_id}:label", json=body, headers=headers, timeout=30)


def rows(cloud: Cloud, sql: str, *ids: str) -> list[dict[str, Any]]:
    warehouse = BigQuery(PROJECT, DATASET, 20, endpoint=cloud.url("warehouse"))
    return warehouse.query(sql, ids=ids).rows


def test_a_label_becomes_a_row_of_that_prediction(url: str, cloud: Cloud) -> None:
    prediction = requests.post(f"{url}/v1/classify", data=jpeg("roses"), timeout=30).json()
    answer = label(url, prediction["prediction_id"], {"label": "tulips", "note": "It is a tulip."})
    assert answer.status_code == 200
    sql = "SELECT * FROM labels WHERE prediction_id IN UNNEST(@ids)"
    [row] = rows(cloud, sql, prediction["prediction_id"])
    assert (row["label"], row["note"], row["labelled_by"]) == ("tulips", "It is a tulip.", None)
    assert row["label_id"] == answer.json()["label_id"]
    assert row["labelled_on"] == row["labelled_at"].date()


def test_under_one_key_a_label_is_one_row_and_another_label_is_another(url: str) -> None:
    ids = [label(url, SOMEBODYS, {"label": name}, "k").json()["label_id"] for name in ("roses", "roses", "daisy")]
    assert ids[0] == ids[1] != ids[2]


def test_without_a_key_each_label_is_a_row_of_its_own(url: str) -> None:
    assert len({label(url, SOMEBODYS, {"label": "roses"}).json()["label_id"] for _ in range(2)}) == 2


@pytest.mark.parametrize("given", ["", " ", " cat", "x" * 101, "a\nb", "\ud800", "a\u202eb", None, 7, ["roses"], True])
def test_a_label_is_a_short_text(url: str, given: object) -> None:
    answer = label(url, SOMEBODYS, {"label": given})
    assert answer.status_code == 400
    assert "expected" in answer.json()["error"]["message"]


def test_a_label_that_the_model_does_not_know_is_taken_and_marked_as_new(url: str, cloud: Cloud) -> None:
    marks = {name: label(url, "cd" * 32, {"label": name}).json()["is_new_label"] for name in ("cat", "roses")}
    assert marks == {"cat": True, "roses": False}
    found = rows(cloud, "SELECT label, is_new_label FROM labels WHERE prediction_id IN UNNEST(@ids)", "cd" * 32)
    assert {row["label"]: row["is_new_label"] for row in found} == {"cat": True, "roses": False}


def test_none_of_these_is_no_new_label(url: str) -> None:
    assert label(url, SOMEBODYS, {"label": "none_of_these"}).json()["is_new_label"] is False


@pytest.mark.parametrize("given", ["Roses", "ROSES", "roses ", " roses"])
def test_a_known_label_in_other_letters_is_no_new_one(url: str, given: str) -> None:
    answer = label(url, SOMEBODYS, {"label": given})
    assert answer.status_code == 400
    assert "expected 'roses'" in answer.json()["error"]["message"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_label_is_sent_as_json(url: str, content_type: str) -> None:
    """What a form can send, or a script without being asked first, is not taken."""
    headers = {"Content-Type": content_type} if content_type else {}
    body = json.dumps({"label": "roses"}).encode()
    answer = requests.post(f"{url}/v1/predictions/{SOMEBODYS}:label", data=body, headers=headers, timeout=30)
    assert answer.status_code == 415
    assert "application/json" in answer.json()["error"]["message"]


@pytest.mark.parametrize("note", [7, "x" * 2001, "\ud800"])
def test_a_note_is_a_short_text(url: str, note: object) -> None:
    assert label(url, SOMEBODYS, {"label": "roses", "note": note}).status_code == 400


@pytest.mark.parametrize("prediction_id", ["7", SOMEBODYS.upper(), "g" * 64])
def test_what_is_no_prediction_id_is_not_found(url: str, prediction_id: str) -> None:
    assert label(url, prediction_id, {"label": "roses"}).status_code == 404
