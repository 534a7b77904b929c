"""What people send by mistake: each answer says what came, what was expected and what to do."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests

from tests.http.conftest import MakeClient, b64

BOUNDARY = "Boundary_0-1330267_1196430"
LONG = "A" * 100_000


def said(answer: requests.Response) -> str:
    """The sentence of an error of ours."""
    return str(answer.json()["error"]["message"])


def predict(url: str, image: str) -> tuple[int, str]:
    answer = requests.post(f"{url}/v1/models/flowers:predict", json={"instances": [{"b64": image}]}, timeout=30)
    return answer.status_code, str(answer.json().get("error"))


@pytest.mark.parametrize("image", ["QUFB", LONG])
def test_base64_in_json_is_told_where_it_goes_however_long_it_is(url: str, image: str) -> None:
    answer = requests.post(f"{url}/v1/classify", json={"image": image}, timeout=30)
    assert answer.status_code == (400 if image == "QUFB" else 413)
    for told in ('{"uri": "gs://bucket/name"}', "--data-binary", ":predict", '{"b64"'):
        assert told in said(answer)


def test_long_json_is_refused_by_the_word_that_it_always_had(url: str) -> None:
    error = requests.post(f"{url}/v1/classify", json={"image": LONG}, timeout=30).json()["error"]
    assert error["reason"] == "request_entity_too_large"


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (str(b64(b"x" * 30).encode()), "how Python shows bytes"),
        (base64.urlsafe_b64encode(bytes(range(256))).decode(), "base64url"),
        ("/9j/4AAQSkZJRgABAQAAAQABAAD/2wBD AAMC", "spaces"),
        (b64(b"x" * 31).rstrip("="), "no multiple of 4"),
        ("QUJD?UVG", "'?' at character 5"),
        ("QUJDé", "'é' at character 5"),
        ("QQ==QUFB", "= elsewhere than at its end"),
        ("data:image/png;base64,QUJ", "no multiple of 4"),
    ],
)
def test_what_is_not_base64_is_told_what_it_looks_like(url: str, image: str, told: str) -> None:
    status, text = predict(url, image)
    assert status == 400
    assert told in text


def test_a_photo_sent_with_curl_d_is_told_of_data_binary(url: str, daisy: bytes) -> None:
    """``curl -d @photo.jpg`` leaves out line breaks and zero bytes, and claims a form."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = daisy.translate(None, b"\r\n\0")
    error = requests.post(f"{url}/v1/classify", data=body, headers=headers, timeout=30).json()["error"]
    assert error["reason"] in ("damaged_image", "not_an_image")
    assert "curl --data-binary @photo.jpg" in error["message"]
    assert "curl" not in said(requests.post(f"{url}/v1/classify", data=body[: len(body) // 2], timeout=30))
    cut = requests.post(f"{url}/v1/classify", data=daisy[: len(daisy) // 2], headers=headers, timeout=30)
    assert "curl" not in said(cut), "its line breaks are there, so that is not why"


def test_an_empty_file_is_told_so(url: str) -> None:
    assert said(requests.post(f"{url}/v1/classify", data=b"", timeout=30)).startswith("The file is empty (0 bytes)")


@pytest.mark.parametrize(
    "path",
    [
        "/v2/logging",
        "/v2/trace/setting",
        "/v2/systemsharedmemory/status",
        "/v2/cudasharedmemory/region/r/register",
        "/v2/models/flowers/stats",
        "/v2/models/stats",
        "/v2/repository/nothing",
        "/v2/x",
    ],
)
def test_routes_of_triton_that_are_not_here_answer_in_its_shape(url: str, path: str) -> None:
    """Its client takes the error for a text, and fails by itself where it is none."""
    answer = requests.get(url + path, timeout=30)
    assert answer.status_code in (404, 405)
    assert isinstance(answer.json()["error"], str)


def test_who_asks_triton_for_statistics_is_led_to_the_metrics(url: str) -> None:
    assert "/metrics" in requests.get(f"{url}/v2/models/stats", timeout=30).json()["error"]


def test_a_model_that_is_not_served_has_its_own_word_and_the_list(client_with: MakeClient) -> None:
    client = client_with(MODEL_BUNDLE="flowers_v1,chest_xray_v1")
    error = client.post("/v1/classify?model=nosuch", data=b"x").get_json()["error"]
    assert (error["code"], error["reason"]) == (404, "unknown_model")
    assert error["message"] == (
        "The model 'nosuch' is not served here. These are: flowers (version 1), chest_xray (version 1)."
    )
    text = client.get("/v1/models/flowers/versions/7").get_json()["error"]
    assert text.startswith("The model 'flowers', version '7', is not served here.")


def test_too_many_images_have_their_own_word(client_with: MakeClient, daisy: bytes) -> None:
    client = client_with(MAX_IMAGES_PER_REQUEST="1")
    calls = {"calls": [[b64(daisy)]] * 2}
    assert client.post("/v1/bigquery:call", json=calls).status_code == 413
    form = multipart(part("image", daisy, filename="a.jpg"), part("image", daisy, filename="b.jpg"))
    answer = client.post("/v1/classify", data=form, content_type=f"multipart/form-data; boundary={BOUNDARY}")
    assert answer.get_json()["error"]["reason"] == "too_many_images"


def part(name: str, content: bytes, *, filename: str | None = None, more: str = "") -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    return f'Content-Disposition: form-data; name="{name}"{file}\r\n{more}\r\n'.encode() + content + b"\r\n"


def multipart(*parts: bytes) -> bytes:
    return b"".join(b"--" + BOUNDARY.encode() + b"\r\n" + one for one in parts) + f"--{BOUNDARY}--\r\n".encode()


OF_A_FILE = "Content-Type: application/octet-stream\r\n"
JAVAS: dict[str, tuple[str, str, str]] = {
    "Apache HttpClient": ("photo.jpg", f"{OF_A_FILE}Content-Transfer-Encoding: binary\r\n", "; boundary={}"),
    "Spring's RestTemplate": ("photo.jpg", "Content-Type: image/jpeg\r\nContent-Length: {}\r\n", ";boundary={}"),
    "OkHttp": ("photo.jpg", "Content-Type: image/jpeg\r\nContent-Length: {}\r\n", "; boundary={}"),
    "Jersey": ("photo.jpg", OF_A_FILE, ';boundary="{}"'),
    "a name in another script": ("rosé_花.jpg", OF_A_FILE, "; charset=UTF-8; boundary={}"),
}


@pytest.mark.parametrize("client", JAVAS)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_forms_of_javas_clients_are_read(url: str, daisy: bytes, client: str, is_chunked: bool) -> None:
    filename, headers, ending = JAVAS[client]
    fields = part("metadata", b'{"a": 1}', more="Content-Type: application/json\r\n")
    body = multipart(fields, part("file", daisy, filename=filename, more=headers.format(len(daisy))))
    answer = requests.post(
        f"{url}/v1/classify?record=false",
        data=iter([body[:1000], body[1000:]]) if is_chunked else body,
        headers={"Content-Type": f"multipart/form-data{ending.format(BOUNDARY)}"},
        timeout=30,
    )
    [prediction] = answer.json()["predictions"]
    assert (prediction["label"], prediction["image"]["name"]) == ("daisy", filename)


def test_a_part_without_a_filename_is_told_that_it_needs_one(url: str, daisy: bytes) -> None:
    """Spring's ``ByteArrayResource`` has none unless its ``getFilename`` is overridden."""
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    for content, status in ((daisy, 400), (daisy * 40, 413)):
        body = multipart(part("image", content, more="Content-Type: image/jpeg\r\n"))
        answer = requests.post(f"{url}/v1/classify", data=body, headers=headers, timeout=30)
        assert answer.status_code == status
        assert "filename" in said(answer)


def test_a_body_of_parts_that_is_no_form_is_told_so(url: str, daisy: bytes) -> None:
    """OkHttp's ``MultipartBody.Builder`` makes ``multipart/mixed`` unless it is told otherwise."""
    headers = {"Content-Type": f"multipart/mixed; boundary={BOUNDARY}"}
    body = multipart(part("image", daisy, filename="photo.jpg"))
    answer = requests.post(f"{url}/v1/classify", data=body, headers=headers, timeout=30)
    assert answer.status_code == 415
    assert "multipart/form-data" in said(answer)


@pytest.mark.parametrize("name", ["a" * 1025, "é" * 513, ".", "..", "a\nb", "a\rb"])
def test_a_name_that_no_object_can_have_is_the_callers_error(url: str, name: str) -> None:
    """It would be Cloud Storage's, which may look like one that passes."""
    answer = requests.post(f"{url}/v1/classify", json={"uri": f"gs://bucketlens-uploads/{name}"}, timeout=30)
    assert answer.status_code == 400
    assert "name of an object" in said(answer)
    row: dict[str, Any] = {"calls": [[f"gs://bucketlens-uploads/{name}"]]}
    [reply] = requests.post(f"{url}/v1/bigquery:call", data=json.dumps(row), timeout=30).json()["replies"]
    assert reply["reason"] == "bad_request"
