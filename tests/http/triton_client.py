"""Use ``tritonclient[http]`` as its users do; runs in its own environment and prints JSON.

python triton_client.py HOST:PORT PHOTO
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from tritonclient.http import InferenceServerClient, InferenceServerException, InferInput, InferRequestedOutput

MODEL = "flowers"


def main(address: str, photo: str, pixels: str) -> dict[str, Any]:
    client = InferenceServerClient(address)
    content = Path(photo).read_bytes()
    picture = np.load(BytesIO(Path(pixels).read_bytes()))
    in_bytes = np.array([content, content], dtype=np.object_)
    in_text = np.array([base64.b64encode(content)], dtype=np.object_)
    with_classes = [InferRequestedOutput("probabilities", class_count=2)]
    return {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model_ready": [
            client.is_model_ready(MODEL),
            client.is_model_ready(MODEL, "1"),
            client.is_model_ready("trees"),
        ],
        "server": client.get_server_metadata(),
        "model": client.get_model_metadata(MODEL, "1"),
        "binary": labels(client, tensor(in_bytes, "BYTES", binary_data=True)),
        "json": labels(client, tensor(in_text, "BYTES", binary_data=False), binary_data=False),
        "uint8": labels(client, tensor(picture[np.newaxis], "UINT8", binary_data=True)),
        "uint8 in json": labels(client, tensor(picture[np.newaxis], "UINT8", binary_data=False)),
        "fp32": labels(client, tensor((picture / 255).astype(np.float32)[np.newaxis], "FP32", binary_data=True)),
        "all outputs": everything(client, in_bytes),
        "classes": [
            text.decode()
            for text in client.infer(MODEL, [tensor(in_bytes, "BYTES", binary_data=True)], outputs=with_classes)
            .as_numpy("probabilities")
            .reshape(-1)
        ],
        "error": error(client),
        "index": client.get_model_repository_index(),
        "loaded": client.load_model(MODEL),
        "unloaded": refusal_of(lambda: client.unload_model(MODEL)),
    }


def tensor(values: Any, datatype: str, *, binary_data: bool) -> InferInput:
    made = InferInput("image", values.shape, datatype)
    made.set_data_from_numpy(values, binary_data=binary_data)
    return made


def labels(client: InferenceServerClient, image: InferInput, *, binary_data: bool = True) -> list[str]:
    outputs = [InferRequestedOutput("label", binary_data=binary_data)]
    answer = client.infer(MODEL, [image], model_version="1", outputs=outputs, request_id="42")
    assert answer.get_response()["id"] == "42"
    return [value if isinstance(value, str) else value.decode() for value in answer.as_numpy("label")]


def everything(client: InferenceServerClient, images: Any) -> dict[str, list[Any]]:
    answer = client.infer(MODEL, [tensor(images, "BYTES", binary_data=True)])
    shapes = {
        output["name"]: list(answer.as_numpy(output["name"]).shape) for output in answer.get_response()["outputs"]
    }
    return {**shapes, "best": answer.as_numpy("probabilities").argmax(axis=1).tolist()}


def error(client: InferenceServerClient) -> list[str]:
    a_list = tensor(np.array([b"a list"], dtype=np.object_), "BYTES", binary_data=True)
    return refusal_of(lambda: labels(client, a_list))


def refusal_of(call: Callable[[], object]) -> list[str]:
    try:
        call()
    except InferenceServerException as refused:
        return [str(refused.status()), refused.message()]
    raise AssertionError("it was not refused")


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
