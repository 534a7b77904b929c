"""Common mistakes of clients: each answer names what came, what was expected, and what to do."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests

from tests.http.conftest import MakeClient, b64

BOUNDARY = "Boundary_0-1330267_1196430"
LONG = "A" * 100_000


def message(answer: requests.Response) -> str:
    """Return the message of an error in our own shape."""
    return str(answer.json()["error"]["message"])


def predict(url: str, image: str) -> tuple[int, str]:
    answer = requests.post(f"{url}/v1/models/flowers:predict", json={"instances": [{"b64": image}]}, timeout=30)
    return answer.status_code, str(answer.json().get("error"))


@pytest.mark.parametrize("image", ["QUFB", LONG])
def test_classify_refuses_base64_in_json_and_names_its_route(url: str, image: str) -> None:
    answer = requests.post(f"{url}/v1/classify", json={"image": image}, timeout=30)
    assert answer.status_code == (400 if image == "QUFB" else 413)
    for hint in ('{"uri": "gs://bucket/name"}', "--data-binary", ":predict", '{"b64"'):
        assert hint in message(answer)


def test_classify_refuses_long_json_with_its_stable_reason(url: str) -> None:
    error = requests.post(f"{url}/v1/classify", json={"image": LONG}, timeout=30).json()["error"]
    assert error["reason"] == "request_entity_too_large"


@pytest.mark.parametrize(
    ("image", "hint"),
    [
        (str(b64(b"x" * 30).encode()), "Python's notation for bytes"),
        (base64.urlsafe_b64encode(bytes(range(256))).decode(), "base64url"),
        ("/9j/4AAQSkZJRgABAQAAAQABAAD/2wBD AAMC", "spaces"),
        (b64(b"x" * 31).rstrip("="), "expected a multiple of 4"),
        ("QUJD?UVG", "'?' at character 5"),
        ("QUJDé", "'é' at character 5"),
        ("QQ==QUFB", "= before its end"),
        ("data:image/png;base64,QUJ", "expected a multiple of 4"),
    ],
)
def test_base64_error_names_the_likely_mistake(url: str, image: str, hint: str) -> None:
    status, text = predict(url, image)
    assert status == 400
    assert hint in text


def test_classify_suggests_data_binary_for_a_photo_sent_with_curl_d(url: str, daisy: bytes) -> None:
    """``curl -d @photo.jpg`` removes line breaks and zero bytes, and sends the content type of a form."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = daisy.translate(None, b"\r\n\0")
    error = requests.post(f"{url}/v1/classify", data=body, headers=headers, timeout=30).json()["error"]
    assert error["reason"] in ("damaged_image", "not_an_image")
    assert "curl --data-binary @photo.jpg" in error["message"]
    assert "curl" not in message(requests.post(f"{url}/v1/classify", data=body[: len(body) // 2], timeout=30))
    cut = requests.post(f"{url}/v1/classify", data=daisy[: len(daisy) // 2], headers=headers, timeout=30)
    assert "curl" not in message(cut), "it has line breaks, so curl -d is not the reason"


def test_classify_refuses_an_empty_file_as_empty(url: str) -> None:
    assert message(requests.post(f"{url}/v1/classify", data=b"", timeout=30)).startswith("The file is empty (0 bytes)")


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
def test_triton_routes_that_are_missing_answer_in_its_shape(url: str, path: str) -> None:
    """Triton's client expects the error to be a string, and crashes if it is not."""
    answer = requests.get(url + path, timeout=30)
    assert answer.status_code in (404, 405)
    assert isinstance(answer.json()["error"], str)


def test_triton_statistics_refusal_names_the_metrics(url: str) -> None:
    assert "/metrics" in requests.get(f"{url}/v2/models/stats", timeout=30).json()["error"]


def test_unknown_model_has_its_own_reason_and_the_list_of_models(client_with: MakeClient) -> None:
    client = client_with(MODEL_BUNDLE="flowers_v1,chest_xray_v1")
    error = client.post("/v1/classify?model=nosuch", data=b"x").get_json()["error"]
    assert (error["code"], error["reason"]) == (404, "unknown_model")
    assert error["message"] == (
        "The model 'nosuch' is not served here. These are: flowers (version 1), chest_xray (version 1)."
    )
    text = client.get("/v1/models/flowers/versions/7").get_json()["error"]
    assert text.startswith("The model 'flowers', version '7', is not served here.")


def test_batch_with_too_many_images_has_its_own_reason(client_with: MakeClient, daisy: bytes) -> None:
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
    return b"".join(b"--" + BOUNDARY.encode() + b"\r\n" + content for content in parts) + f"--{BOUNDARY}--\r\n".encode()


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
def test_form_of_each_java_client_is_read(url: str, daisy: bytes, client: str, is_chunked: bool) -> None:
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


def test_form_part_without_a_filename_is_refused_with_advice(url: str, daisy: bytes) -> None:
    """Spring's ``ByteArrayResource`` has none unless its ``getFilename`` is overridden."""
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    for content, status in ((daisy, 400), (daisy * 40, 413)):
        body = multipart(part("image", content, more="Content-Type: image/jpeg\r\n"))
        answer = requests.post(f"{url}/v1/classify", data=body, headers=headers, timeout=30)
        assert answer.status_code == status
        assert "filename" in message(answer)


def test_multipart_body_that_is_not_a_form_is_refused_as_such(url: str, daisy: bytes) -> None:
    """OkHttp's ``MultipartBody.Builder`` makes ``multipart/mixed`` by default."""
    headers = {"Content-Type": f"multipart/mixed; boundary={BOUNDARY}"}
    body = multipart(part("image", daisy, filename="photo.jpg"))
    answer = requests.post(f"{url}/v1/classify", data=body, headers=headers, timeout=30)
    assert answer.status_code == 415
    assert "multipart/form-data" in message(answer)


@pytest.mark.parametrize("name", ["a" * 1025, "é" * 513, ".", "..", "a\nb", "a\rb"])
def test_uri_with_an_impossible_object_name_is_a_bad_request(url: str, name: str) -> None:
    """The error of Cloud Storage could look transient."""
    answer = requests.post(f"{url}/v1/classify", json={"uri": f"gs://bucketlens-uploads/{name}"}, timeout=30)
    assert answer.status_code == 400
    assert "name of an object" in message(answer)
    row: dict[str, Any] = {"calls": [[f"gs://bucketlens-uploads/{name}"]]}
    [reply] = requests.post(f"{url}/v1/bigquery:call", data=json.dumps(row), timeout=30).json()["replies"]
    assert reply["reason"] == "bad_request"
