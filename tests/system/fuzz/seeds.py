"""Write the seeds of the corpus, small files that are valid or nearly so: ``python -m tests.system.fuzz.seeds``."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from shared.bundles.folders import MODELS
from shared.settings import DEFAULT_BUNDLE
from tests.pictures import COLOURED, GREY, encoded, scene, with_giant_header
from tests.system.fuzz.inputs import CORPUS
from tests.tell_tale_pictures import TELLING

LONGEST_BYTES = 3_300
"""The largest size of a seed; larger files are edited in parts that no parser reads."""

PICTURE = base64.b64encode(encoded(scene(16, 12), "PNG")).decode()
EVENT = {
    "id": "1", "source": "//storage.googleapis.com/projects/_/buckets/uploads", "specversion": "1.0",
    "type": "google.cloud.storage.object.v1.finalized", "time": "2026-11-21T08:00:00.123456Z",
    "data": {"bucket": "uploads", "name": "a ü.jpg", "generation": "1763712000123456", "size": "73012",
             "contentType": "image/jpeg"},
}  # fmt: skip
PIXELS = [[[200, 30, 30], [30, 160, 40]], [[40, 60, 200], [230, 200, 40]]]
DOCUMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "uri": ("/v1/classify", {"uri": "gs://uploads/a.jpg"}),
    "infer-bytes": (
        "/v2/models/flowers/infer",
        {"id": "7", "inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": [PICTURE]}],
         "outputs": [{"name": "probabilities", "parameters": {"classification": 2}}]},
    ),
    "infer-pixels": (
        "/v2/models/flowers/infer",
        {"inputs": [{"name": "image", "shape": [1, 2, 2, 3], "datatype": "UINT8", "data": PIXELS}]},
    ),
    "serving-row": ("/v1/models/flowers:predict", {"signature_name": "", "instances": [{"b64": PICTURE}]}),
    "serving-column": ("/v1/models/flowers:predict", {"inputs": {"image": [{"b64": PICTURE}]}}),
    "serving-pixels": ("/v1/models/flowers:predict", {"instances": [PIXELS]}),
    "serving-classify": ("/v1/models/flowers:classify", {"examples": [{"image": {"b64": PICTURE}}]}),
    "explain": ("/v1/models/flowers:explain", {"instances": [{"b64": PICTURE}], "parameters": {"format": "scores"}}),
    "kserve": ("/v1/models/flowers:predict", {"instances": [{"image_bytes": {"b64": PICTURE}, "key": "1"}]}),
    "vertex": (
        "/v1/projects/p/locations/l/endpoints/7:predict",
        {"instances": [{"content": PICTURE}, {"gcsUri": "gs://uploads/a.jpg"}],
         "parameters": {"confidenceThreshold": 0.1, "maxPredictions": 2}},
    ),
    "bigquery": (
        "/v1/bigquery:call",
        {"requestId": "1", "calls": [["gs://uploads/a.jpg"], [None], [PICTURE]],
         "userDefinedContext": {"k": "2", "record": "true", "model": "flowers"}},
    ),
    "label": (f"/v1/predictions/{'ab' * 32}:label", {"label": "roses", "note": "seen by a gardener"}),
}  # fmt: skip


def seeds() -> Iterator[tuple[str, str, bytes]]:
    """Yield target, name and content."""
    pictures = {kind: make() for kind, (_, make) in {**COLOURED, **GREY}.items()}
    pictures |= {f"telling {kind}": make() for kind, make in TELLING.items()}
    giants = {
        f"giant {kind}": with_giant_header(kind) for kind in ("jpeg", "png", "gif", "bmp", "webp", "avif", "heif")
    }
    for kind, content in {**pictures, **giants}.items():
        name = kind.lower().replace(" ", "-").replace(",", "")
        if len(content) <= LONGEST_BYTES:
            yield "decode", name, content
            if kind not in giants:
                yield "strip", name, content
    for format in ("TIFF", "BMP"):
        small = encoded(scene(16, 12), format)
        yield "decode", f"small-{format.lower()}", small
        yield "strip", f"small-{format.lower()}", small
    yield "event", "finalized", json.dumps(EVENT).encode()
    yield "manifest", "flowers", (MODELS / DEFAULT_BUNDLE / "manifest.json").read_bytes()
    for name, (path, document) in DOCUMENTS.items():
        yield "request", name, request(f"POST {path}", "application/json", json.dumps(document).encode())
    yield "request", "raw", request("POST /v1/classify?record=true", "image/png", encoded(scene(16, 12), "PNG"))
    yield "request", "form", request("POST /v1/classify", "multipart/form-data; boundary=x", form())
    yield "request", "page", request("GET /docs", "text/plain", b"")
    yield "request", "infer-binary", infer_binary()


def form() -> bytes:
    """Return a form of two files."""
    part = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    return part + encoded(scene(16, 12), "PNG") + b"\r\n" + part + b"no image\r\n--x--\r\n"


def infer_binary() -> bytes:
    """Return a request of the binary tensor extension: JSON, and then the pixels of one image."""
    tensor = {"name": "image", "shape": [1, 2, 2, 3], "datatype": "UINT8", "parameters": {"binary_data_size": 12}}
    document = json.dumps({"inputs": [tensor]}).encode()
    length = f"Inference-Header-Content-Length: {len(document)}"
    return request(
        f"POST /v2/models/flowers/infer\n{length}",
        "application/octet-stream",
        document + bytes(range(12)),
    )


def request(first: str, content_type: str, body: bytes) -> bytes:
    """Return a request in the form of the corpus."""
    return f"{first}\nContent-Type: {content_type}\n\n".encode() + body


def main() -> None:
    """Write the seeds; findings stay."""
    for target, name, content in seeds():
        path = CORPUS / target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    main()
