"""The table's rows about names, JSON, headers, URIs, manifests, and slow clients."""

from __future__ import annotations

import base64
import json
from typing import Any

from shared.bundles.folders import MODELS
from shared.settings import DEFAULT_BUNDLE
from tests.pictures import encoded, scene
from tests.system.hostile.endpoints import NO_ANSWER, Event, ManifestText, Raw, Request, StoreRequest, Upload
from tests.system.hostile.row import Row, event_row, manifest_row, store_row
from tests.system.hostile.texts import (
    HEADER,
    LOG_LINE,
    LONGEST_NAME,
    METADATA_SERVER,
    SQL,
    form,
    http,
    instances,
    nested,
    tensor,
)

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
BAD = "400 bad_request"
GONE = "already_done"
DROPPED, REFUSED = "malformed_event", "refused"


def picture() -> bytes:
    """Return a small picture."""
    return encoded(scene(), "PNG")


def uri(text: object) -> Request:
    """Return a request that names an object."""
    return Request(json.dumps({"uri": text}).encode(), headers=JSON)


def predict(body: bytes) -> Request:
    """Return a request of TensorFlow Serving's clients."""
    return Request(body, path="/v1/models/flowers:predict?record=false", headers=JSON)


def infer(body: bytes) -> Request:
    """Return a request of the Open Inference Protocol's clients."""
    return Request(body, path="/v2/models/flowers/infer?record=false", headers=JSON)


def event_of(name: object, **changed: Any) -> Event:
    """Return an event of an object in the upload bucket; the fixture inserts the bucket's name."""
    return Event({"bucket": "UPLOADS", "name": name, "generation": "1790000000000000", "size": "3", **changed})


def written(name: str) -> StoreRequest:
    """Return a request that writes an object of a name, percent-encoded."""
    return StoreRequest("POST", f"/upload/storage/v1/b/UPLOADS/o?uploadType=media&name={name}", picture())


def read(name: str) -> StoreRequest:
    """Return a request that reads an object of a name, percent-encoded."""
    return StoreRequest("GET", f"/storage/v1/b/UPLOADS/o/{name}")


def manifest(**changed: Any) -> ManifestText:
    """Return the manifest of a bundle that ships, with a fault."""
    right = json.loads((MODELS / DEFAULT_BUNDLE / "manifest.json").read_text("utf-8"))
    return ManifestText(json.dumps(right | changed).encode())


NAMES = (
    event_row("a name in four scripts, with an emoji", lambda: Upload("Rö 玫瑰 ورد 🌹.png", picture()), "predicted"),
    event_row("a name that turns the direction of writing", lambda: Upload("a\u202egpj.exe", picture()), "predicted"),
    event_row("a name of quotes and backslashes", lambda: Upload("\"a'`\\$(reboot).png", picture()), "predicted"),
    event_row("SQL as a name", lambda: Upload(SQL, picture()), "predicted"),
    event_row("SQL as the name of no image", lambda: Upload(f"x{SQL}", b"no image"), "quarantine: not_an_image"),
    event_row("a spreadsheet's formula as a name", lambda: Upload("=HYPERLINK(1)", picture()), "predicted"),
    event_row("a name of 1,024 bytes", lambda: Upload(f"{LONGEST_NAME}n", picture()), "predicted"),
    store_row("a name of 1,025 bytes is written", lambda: written(f"{LONGEST_NAME}nn"), "400"),
    store_row("`../../escaped` is written, as a name like any", lambda: written("..%2F..%2Fescaped"), "200"),
    store_row("`../../passwd` is read", lambda: read("..%2F..%2Fpasswd"), "404"),
    store_row("a bucket named `..` is read", lambda: StoreRequest("GET", "/storage/v1/b/..%2F../o/passwd"), "400"),
    store_row("a name with a line break is written", lambda: written("a%0Ab"), "400"),
    store_row("a name with a zero byte is written", lambda: written("a%00b"), "400"),
    store_row("a name that is not UTF-8 is read", lambda: read("%ff%fe"), "400"),
    event_row("an event of `../../etc/passwd`", lambda: event_of("../../etc/passwd"), GONE),
    event_row("an event whose name holds a line of a log", lambda: event_of(f"a{LOG_LINE}"), GONE),
    event_row("an event whose name holds half a character", lambda: event_of("\ud800.jpg"), DROPPED),
    event_row("an event of a name of a million bytes", lambda: event_of("n" * 1_000_000), DROPPED),
    event_row("an event of an object in the archive", lambda: event_of("a", bucket="archive"), "not_our_bucket"),
    Row("a form's file named `../../evil.sh`",
        lambda: Request(form(b"../../evil.sh", picture()), "/v1/classify?record=false", headers=FORM), "200"),
    Row("a form's file named in SQL", lambda: Request(form(SQL.encode(), picture()), headers=FORM), "200"),
    Row("a form of 17 files", lambda: Request(form(b"a", b"x", 17), headers=FORM), "413 too_many_images"),
    Row("a form whose end is missing", lambda: Request(form(b"a", picture())[:-40], headers=FORM), BAD),
)  # fmt: skip

DOCUMENTS = (
    Row("JSON of 100,000 lists in each other", lambda: predict(nested(100_000)), "400"),
    Row("a tensor of 600 lists in each other", lambda: infer(b'{"inputs":[{"name":"a","shape":[1],"datatype":"BYTES",'
        b'"data":' + nested(600) + b"}]}"), "400"),
    Row("JSON of 17 KB where a URI is expected", lambda: uri("gs://" + "a" * 17_000), "413 request_entity_too_large"),
    Row("JSON of five million numbers", lambda: predict(b'{"instances":[[' + b"1," * 5_000_000 + b"1]]}"),
        "413"),
    Row("JSON that is a list", lambda: Request(b"[]", headers=JSON), BAD),
    Row("JSON in UTF-16", lambda: Request('{"uri":"gs://a/b"}'.encode("utf-16"), headers=JSON), BAD),
    Row("JSON with NaN", lambda: predict(b'{"instances":[NaN]}'), "400"),
    Row("a number of 5,000 digits", lambda: predict(b'{"instances":[' + b"9" * 5000 + b"]}"), "400"),
    Row("base64 of no alphabet", lambda: predict(instances({"b64": "!!!! not base64 !!!!"})), "400"),
    Row("base64 that ends too early", lambda: predict(instances({"b64": "iVBORw0KGgo"})), "400"),
    Row("base64 of a text", lambda: predict(instances({"b64": base64.b64encode(b"hello").decode()})), "415"),
    Row("base64 that is a number", lambda: predict(instances({"b64": 7})), "400"),
    Row("a tensor of 2^96 pixels", lambda: infer(tensor(shape=[2**32 - 1] * 3, datatype="UINT8", data=[1])), "400"),
    Row("a tensor of a datatype that is a list", lambda: infer(tensor(datatype=["UINT8"])), "400"),
    event_row("an event that is not JSON", lambda: Event(b"{"), DROPPED),
    event_row("an event whose data is a list", lambda: Event([]), DROPPED),
    event_row("an event whose size is negative", lambda: event_of("a", size="-1"), DROPPED),
    event_row("an event of the year 10,000", lambda: event_of("a", generation="999999999999999999"), DROPPED),
    event_row("an event of another type", lambda: Event({}, {"type": "object.v1.deleted"}), DROPPED),
)  # fmt: skip

PLACES = (
    Row("an object of a bucket that is not listed", lambda: uri("gs://somebody-elses/x.jpg"), "403 bad_request"),
    Row("the metadata server as a bucket", lambda: uri("gs://169.254.169.254/computeMetadata"), "403 bad_request"),
    Row("the metadata server's name as a bucket", lambda: uri("gs://metadata.google.internal/v1"), "403 bad_request"),
    Row("the metadata server by http", lambda: uri(METADATA_SERVER), BAD),
    Row("a file of the server", lambda: uri("file:///etc/passwd"), BAD),
    Row("a listed bucket's name with another in front", lambda: uri("gs://evil@UPLOADS/x.jpg"), "403 bad_request"),
    Row("`../` out of a listed bucket", lambda: uri("gs://UPLOADS/../archive/x.jpg"), "404 not_found"),
    Row("the metadata server, for a row of BigQuery's",
        lambda: Request(json.dumps({"calls": [["gs://metadata.google.internal/token"]]}).encode(),
                        "/v1/bigquery:call", headers=JSON), "200"),
)  # fmt: skip

WIRE = (
    Row("a header of 100 KB", lambda: Raw((http("GET /v2/health/live HTTP/1.1", "X-Long: " + "a" * 100_000),)), "431"),
    Row("a thousand headers", lambda: Raw((http("GET /v2/health/live HTTP/1.1", *["X-Many: 1"] * 1000),)), "431"),
    Row("a path of 100 KB", lambda: Raw((http(f"GET /{'a' * 100_000} HTTP/1.1"),)), "414"),
    Row("two lengths of one body", lambda: Raw((http("POST /v1/classify HTTP/1.1", "Content-Length: 1",
        "Content-Length: 2", body=b"ab"),)), "400"),
    Row("a length and pieces together, to smuggle a request", lambda: Raw((http("POST /v1/classify HTTP/1.1",
        "Content-Length: 4", "Transfer-Encoding: chunked", body=b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n"),)), "400"),
    Row("a piece whose length is not a number", lambda: Raw((http("POST /v1/classify HTTP/1.1",
        "Transfer-Encoding: chunked", body=b"zz\r\nabc\r\n0\r\n\r\n"),)), BAD),
    Row("a zero byte in a header", lambda: Raw((http("GET /v2/health/live HTTP/1.1", "X-Zero: a\0b"),)), "400"),
    Row("a header that goes on in the next line", lambda: Raw((http("GET /v2/health/live HTTP/1.1", "X-A: 1", " b"),)),
        "400"),
    Row("no HTTP at all", lambda: Raw((b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(50),)), NO_ANSWER),
    Row("a file name with a header in it, which no answer may take up",
        lambda: Request(form(HEADER.encode(), picture()), "/v1/classify?record=false", headers=FORM), BAD),
    Row("an idempotency key of 300 characters",
        lambda: Request(picture(), headers={"Idempotency-Key": "k" * 300}), BAD),
    Row("a body that is declared as compressed", lambda: Request(picture(), headers={"Content-Encoding": "gzip"}),
        "415 bad_request"),
    Row("`?record=` with SQL", lambda: Request(picture(), path="/v1/classify?record=1;DROP"), BAD),
    Row("`TRACE`, which sends headers back", lambda: Request(method="TRACE"), "405 method_not_allowed"),
    Row("headers that drip, a line every half second",
        lambda: Raw((b"POST /v1/classify HTTP/1.1\r\n", *[b"X-Slow: 1\r\n"] * 20), pause_s=0.5), NO_ANSWER),
    Row("a body that drips, a byte every half second", lambda: Raw(
        (http("POST /v1/classify HTTP/1.1", "Content-Length: 1000"), *[b"x"] * 20), pause_s=0.5), "408 bad_request"),
    Row("a body that ends before its length",
        lambda: Raw((http("POST /v1/classify HTTP/1.1", "Content-Length: 1000", body=b"x"),)), BAD),
)  # fmt: skip

MANIFESTS = (
    manifest_row("a manifest that leads elsewhere", lambda: manifest(files={"../../etc/passwd": "00"}), REFUSED),
    manifest_row("a manifest with an absolute path", lambda: manifest(files={"/etc/passwd": "00"}), REFUSED),
    manifest_row("a manifest of 5,000 lists in each other", lambda: ManifestText(nested(5000)), REFUSED),
    manifest_row("a manifest whose model was exchanged", lambda: manifest(files={"model.tflite": "0" * 64}), REFUSED),
    manifest_row(
        "a number of 400 digits in a manifest", lambda: manifest(calibration={"temperature": 10**400}), REFUSED
    ),
    manifest_row("a manifest that asks for 2^31 pixels", lambda: manifest(input={"height_px": 2**31}), REFUSED),
)

ROWS = (*NAMES, *DOCUMENTS, *PLACES, *WIRE, *MANIFESTS)
