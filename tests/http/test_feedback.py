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


def test_feedback_label_becomes_a_row_of_its_prediction(url: str, cloud: Cloud) -> None:
    prediction = requests.post(f"{url}/v1/classify", data=jpeg("roses"), timeout=30).json()
    answer = label(url, prediction["prediction_id"], {"label": "tulips", "note": "It is a tulip."})
    assert answer.status_code == 200
    sql = "SELECT * FROM labels WHERE prediction_id IN UNNEST(@ids)"
    [row] = rows(cloud, sql, prediction["prediction_id"])
    assert (row["label"], row["note"], row["labelled_by"]) == ("tulips", "It is a tulip.", None)
    assert row["label_id"] == answer.json()["label_id"]
    assert row["labelled_on"] == row["labelled_at"].date()


def test_feedback_key_makes_a_repeated_label_one_row(url: str) -> None:
    ids = [label(url, SOMEBODYS, {"label": name}, "k").json()["label_id"] for name in ("roses", "roses", "daisy")]
    assert ids[0] == ids[1] != ids[2]


def test_feedback_without_a_key_is_a_row_for_each_label(url: str) -> None:
    assert len({label(url, SOMEBODYS, {"label": "roses"}).json()["label_id"] for _ in range(2)}) == 2


@pytest.mark.parametrize("text", ["", " ", " cat", "x" * 101, "a\nb", "\ud800", "a\u202eb", None, 7, ["roses"], True])
def test_feedback_refuses_a_label_that_is_not_a_short_text(url: str, text: object) -> None:
    answer = label(url, SOMEBODYS, {"label": text})
    assert answer.status_code == 400
    assert "expected" in answer.json()["error"]["message"]


def test_feedback_marks_a_label_that_the_model_does_not_know_as_new(url: str, cloud: Cloud) -> None:
    marks = {name: label(url, "cd" * 32, {"label": name}).json()["is_new_label"] for name in ("cat", "roses")}
    assert marks == {"cat": True, "roses": False}
    marked = rows(cloud, "SELECT label, is_new_label FROM labels WHERE prediction_id IN UNNEST(@ids)", "cd" * 32)
    assert {row["label"]: row["is_new_label"] for row in marked} == {"cat": True, "roses": False}


def test_feedback_none_of_these_is_not_a_new_label(url: str) -> None:
    assert label(url, SOMEBODYS, {"label": "none_of_these"}).json()["is_new_label"] is False


@pytest.mark.parametrize("text", ["Roses", "ROSES", "roses ", " roses"])
def test_feedback_refuses_a_known_label_in_other_letters(url: str, text: str) -> None:
    answer = label(url, SOMEBODYS, {"label": text})
    assert answer.status_code == 400
    assert "expected 'roses'" in answer.json()["error"]["message"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_feedback_takes_only_json(url: str, content_type: str) -> None:
    """Types that a form can send, or a script without a CORS preflight, are refused."""
    headers = {"Content-Type": content_type} if content_type else {}
    body = json.dumps({"label": "roses"}).encode()
    answer = requests.post(f"{url}/v1/predictions/{SOMEBODYS}:label", data=body, headers=headers, timeout=30)
    assert answer.status_code == 415
    assert "application/json" in answer.json()["error"]["message"]


@pytest.mark.parametrize("note", [7, "x" * 2001, "\ud800"])
def test_feedback_refuses_a_note_that_is_not_a_short_text(url: str, note: object) -> None:
    assert label(url, SOMEBODYS, {"label": "roses", "note": note}).status_code == 400


@pytest.mark.parametrize("prediction_id", ["7", SOMEBODYS.upper(), "g" * 64])
def test_feedback_answers_404_to_an_invalid_prediction_id(url: str, prediction_id: str) -> None:
    assert label(url, prediction_id, {"label": "roses"}).status_code == 404
