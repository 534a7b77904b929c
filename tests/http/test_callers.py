"""Who calls: a name is taken only from who checked it, and who has none may label what he was told of."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from io import BytesIO

import pytest
from flask.testing import FlaskClient

from shared.adapters import iap
from shared.settings import Platform
from tests.adapters.iap_signer import AUDIENCE, KeyServer, Signer
from tests.http.conftest import MakeClient
from tests.worlds import World

Picture = Callable[..., bytes]
KEY, OLD_KEY = "ab" * 32, "cd" * 32


@pytest.fixture
def client_with(client_with: MakeClient, on_the_cloud: None) -> MakeClient:
    """Return a maker of the function with other settings, as on Cloud Run."""
    return partial(client_with, K_SERVICE="classify-request")


@pytest.fixture
def on_the_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the process believe that it is on Cloud Run, though its warehouse is here."""
    from_environment = Platform.from_environment

    def as_there(*arguments: object) -> Platform:
        return replace(from_environment(), is_cloud=True)

    monkeypatch.setattr(Platform, "from_environment", as_there)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyServer]:
    with KeyServer.running() as server:
        monkeypatch.setattr(iap, "KEYS_URL", server.url)
        yield server


def token(email: str) -> str:
    """An identity token that anybody can write: nobody has signed it."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, {"email": email})
    ]
    return f"{'.'.join(parts)}.x"


def classify(client: FlaskClient, content: bytes, **headers: str) -> dict[str, object]:
    answer = client.post("/v1/classify", data=content, headers={n.replace("_", "-"): v for n, v in headers.items()})
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def caller_of(world: World, prediction_id: object) -> object:
    sql = "SELECT call.caller FROM predictions WHERE prediction_id IN UNNEST(@ids)"
    [row] = world.warehouse.query(sql, ids=[str(prediction_id)]).rows
    return row["caller"]


def label(client: FlaskClient, answer: Mapping[str, object], token: object = None, **headers: str) -> tuple[int, str]:
    """Label a prediction. Returns the status, and our word for an error."""
    body = {"label": "roses"} | ({} if token is None else {"label_token": token})
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    found = client.post(f"/v1/predictions/{answer['prediction_id']}:label", json=body, headers=headers)
    return found.status_code, found.get_json().get("error", {}).get("reason", "")


def test_behind_iam_the_caller_is_whom_the_token_names(client_with: MakeClient, world: World, picture: Picture) -> None:
    answer = classify(client_with(), picture(1), Authorization=f"Bearer {token('ada@example.com')}")
    assert caller_of(world, answer["prediction_id"]) == "ada@example.com"


@pytest.mark.parametrize("header", ["Authorization", "X-Serverless-Authorization", "X-Goog-Authenticated-User-Email"])
def test_where_nobody_checks_callers_nobody_can_claim_a_name(
    client_with: MakeClient, world: World, picture: Picture, header: str
) -> None:
    client = client_with(CALLERS="none")
    answer = classify(client, picture(2), **{header: f"Bearer {token('ceo@example.com')}"})
    assert caller_of(world, answer["prediction_id"]) is None


def test_where_nobody_has_a_name_a_key_hides_no_strangers_picture(client_with: MakeClient, picture: Picture) -> None:
    """One key may be used by many: another picture under it is another prediction."""
    client = client_with(CALLERS="none")
    ids = [classify(client, picture(seed), Idempotency_Key="1")["prediction_id"] for seed in (3, 4, 3)]
    assert ids[0] == ids[2] != ids[1]


def test_behind_iap_the_caller_is_who_signed_in_and_not_iap_itself(
    client_with: MakeClient, world: World, picture: Picture, keys: KeyServer
) -> None:
    client = client_with(CALLERS="iap", IAP_AUDIENCE=AUDIENCE)
    answer = classify(
        client,
        picture(5),
        X_Serverless_Authorization=f"Bearer {token('service-1@gcp-sa-iap.iam.gserviceaccount.com')}",
        X_Goog_IAP_JWT_Assertion=keys.signer.assertion(email="ada@example.com"),
    )
    assert caller_of(world, answer["prediction_id"]) == "ada@example.com"


@pytest.mark.parametrize("path", ["/v1/classify", "/v1/models/flowers:predict", "/v2/models/flowers/infer"])
def test_behind_iap_nothing_is_classified_for_who_did_not_come_by_it(
    client_with: MakeClient, picture: Picture, keys: KeyServer, path: str
) -> None:
    client = client_with(CALLERS="iap", IAP_AUDIENCE=AUDIENCE)
    image = base64.b64encode(picture(6)).decode()
    bodies = {
        "/v1/classify": picture(6),
        "/v1/models/flowers:predict": json.dumps({"instances": [{"b64": image}]}),
        "/v2/models/flowers/infer": json.dumps(
            {"inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": [image]}]}
        ),
    }
    for assertion in (None, "x", Signer("mine").assertion(email="ceo@example.com")):
        headers = {} if assertion is None else {"X-Goog-IAP-JWT-Assertion": assertion}
        assert client.post(path, data=bodies[path], headers=headers).status_code == 401
    assert client.get("/v1/models").status_code == 200


def test_behind_iap_without_its_keys_callers_are_asked_to_come_again(
    client_with: MakeClient, picture: Picture, keys: KeyServer
) -> None:
    keys.is_broken = True
    client = client_with(CALLERS="iap", IAP_AUDIENCE=AUDIENCE)
    headers = {"X-Goog-IAP-JWT-Assertion": keys.signer.assertion(email="ada@example.com")}
    answer = client.post("/v1/classify", data=picture(7), headers=headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_who_has_a_name_may_label_any_prediction(client_with: MakeClient, picture: Picture) -> None:
    client = client_with(LABEL_KEYS=KEY)
    name = f"Bearer {token('ada@example.com')}"
    answer = classify(client, picture(8), Authorization=name)
    assert label(client, answer, Authorization=name) == (200, "")


def test_who_has_no_name_may_label_only_what_he_was_answered(client_with: MakeClient, picture: Picture) -> None:
    client = client_with(CALLERS="none", LABEL_KEYS=KEY)
    mine, other = classify(client, picture(9)), classify(client, picture(10))
    assert label(client, mine, mine["label_token"]) == (200, "")
    for wrong in (None, "", other["label_token"], str(mine["label_token"])[:-1], 7, "\ud800", ["x"]):
        assert label(client, mine, wrong) == (403, "label_token"), wrong
    assert label(client, mine, Authorization=f"Bearer {token('ada@example.com')}") == (403, "label_token")


def test_a_key_is_replaced_without_ending_the_tokens_of_the_old_one(client_with: MakeClient, picture: Picture) -> None:
    before = classify(client_with(CALLERS="none", LABEL_KEYS=OLD_KEY), picture(11))
    both = client_with(CALLERS="none", LABEL_KEYS=f"{KEY},{OLD_KEY}")
    after = classify(both, picture(12))
    assert [label(both, one, one["label_token"])[0] for one in (before, after)] == [200, 200]
    new_only = client_with(CALLERS="none", LABEL_KEYS=KEY)
    assert [label(new_only, one, one["label_token"])[0] for one in (before, after)] == [403, 200]


def test_a_form_has_a_token_for_each_picture_and_what_is_not_recorded_has_none(
    client_with: MakeClient, picture: Picture
) -> None:
    client = client_with(CALLERS="none", LABEL_KEYS=KEY)
    files = [(BytesIO(picture(seed)), f"{seed}.jpg") for seed in (13, 14)]
    predictions = client.post("/v1/classify", data={"image": files}).get_json()["predictions"]
    assert len({one["label_token"] for one in predictions}) == 2
    assert [label(client, one, one["label_token"])[0] for one in predictions] == [200, 200]
    assert "label_token" not in client.post("/v1/classify?record=false", data=picture(15)).get_json()


def test_on_cloud_run_without_names_and_without_keys_no_label_is_taken(
    client_with: MakeClient, picture: Picture
) -> None:
    client = client_with(CALLERS="none")
    answer = classify(client, picture(16))
    assert "label_token" not in answer
    assert label(client, answer) == (403, "labels_not_taken")


def test_labels_count_for_the_rate_as_images_do(client_with: MakeClient) -> None:
    client = client_with(MAX_IMAGES_PER_MINUTE="2")
    name, answer = f"Bearer {token('ada@example.com')}", {"prediction_id": "ef" * 32}
    assert [label(client, answer, Authorization=name) for _ in range(3)] == [(200, ""), (200, ""), (429, "over_rate")]
    refused = client.post(f"/v1/predictions/{'ef' * 32}:label", json={"label": 7}, headers={"Authorization": name})
    assert refused.status_code == 400
