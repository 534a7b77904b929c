"""``GET /v1/history``: on a local cloud what the warehouse holds, elsewhere nothing; and the names that it shows."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from shared.http.page import history
from tests.http.conftest import MakeClient

ON = {"PAGE_HISTORY": "true"}


def test_a_picture_is_shown_once_with_its_answer_and_a_persons_label(
    client_with: MakeClient, picture: Callable[..., bytes]
) -> None:
    client, name = client_with(**ON), f"{uuid.uuid4()} ü.jpg"
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name.replace(' ', '%20').replace('ü', '%C3%BC')}"}
    content = picture(uuid.uuid4().int % 2**32)  # nobody else's, for a label is of the picture
    answers = [client.post("/v1/classify", data=content, headers=headers).get_json() for _ in range(2)]
    [before] = [one for one in client.get("/v1/history").get_json()["pictures"] if one["name"] == name]
    assert before["labelled"] is None
    client.post(f"/v1/predictions/{answers[1]['prediction_id']}:label", json={"label": "dahlia"})
    [told] = [one for one in client.get("/v1/history").get_json()["pictures"] if one["name"] == name]
    assert told["labelled"] == "dahlia"
    assert told["uri"].startswith("gs://")
    shown, answer = told["answer"], answers[1]
    for part in ("label", "score", "needs_review", "prediction_id", "recorded", "model"):
        assert shown[part] == answer[part], part
    assert shown["candidates"] == answer["candidates"]
    assert {"format", "width_px", "height_px"} <= shown["image"].keys()


def test_earlier_pictures_follow_without_a_gap(
    client_with: MakeClient, daisy: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_PICTURES", 2)
    client = client_with(**ON)
    sent = [client.post("/v1/classify", data=daisy + bytes(index)).get_json()["prediction_id"] for index in range(5)]
    found: list[str] = []
    before, query = "first", dict[str, str]()
    while before and len(found) < 5:
        page = client.get("/v1/history", query_string=query).get_json()
        found += [one["answer"]["prediction_id"] for one in page["pictures"]]
        before, query = page["before"], {"before": page["before"]}
    assert found[:5] == sent[::-1]


@pytest.mark.parametrize("moment", ["yesterday", "2026-11-30", "2026-11-30T09:00:00", "", "') OR TRUE --"])
def test_a_time_that_is_none_is_refused(client_with: MakeClient, moment: str) -> None:
    answer = client_with(**ON).get("/v1/history", query_string={"before": moment})
    assert answer.status_code == 400
    assert "expected a time with its zone" in answer.get_json()["error"]["message"]


def test_where_rows_may_not_be_read_there_is_no_history(client_with: MakeClient) -> None:
    answer = client_with(PAGE_HISTORY="false").get("/v1/history")
    assert answer.status_code == 403
    assert "PAGE_HISTORY" in answer.get_json()["error"]["message"]


@pytest.mark.parametrize(
    ("told", "name"),
    [
        pytest.param('attachment; filename="plot 1/IMG_2207.jpg"', "plot 1/IMG_2207.jpg", id="quoted"),
        pytest.param("attachment; filename*=UTF-8''a%2Fb%22c%C3%BC.jpg", 'a/b"cü.jpg', id="encoded"),
        pytest.param("attachment", None, id="none"),
        pytest.param("nonsense; ;=", None, id="nonsense"),
    ],
)
def test_the_name_that_content_disposition_gives_is_in_the_row(
    client_with: MakeClient, daisy: bytes, told: str, name: str | None
) -> None:
    client = client_with(**ON)
    answer = client.post("/v1/classify", data=daisy, headers={"Content-Disposition": told}).get_json()
    [row] = [
        one
        for one in client.get("/v1/history").get_json()["pictures"]
        if one["answer"]["prediction_id"] == answer["prediction_id"]
    ]
    assert row["name"] == name


def test_a_name_that_is_too_long_is_refused_before_the_picture_is_read(client_with: MakeClient, daisy: bytes) -> None:
    headers = {"Content-Disposition": f"attachment; filename={'x' * 1025}"}
    assert client_with().post("/v1/classify", data=daisy, headers=headers).status_code == 400
