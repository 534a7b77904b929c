"""Use KServe's ``InferenceRESTClient`` as its users do; runs in its own environment and prints JSON.

python kserve_client.py URL PHOTO
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

MODEL = "flowers"


async def main(url: str, photo: str) -> dict[str, Any]:
    content = Path(photo).read_bytes()
    text = base64.b64encode(content).decode()
    async with (
        InferenceRESTClient(RESTConfig(protocol="v2")) as v2,
        InferenceRESTClient(RESTConfig(protocol="v1")) as v1,
    ):
        return {
            "live": [await v1.is_server_live(url), await v2.is_server_live(url)],
            "ready": await v2.is_server_ready(url),
            "model_ready": [await v1.is_model_ready(url, MODEL), await v2.is_model_ready(url, MODEL)],
            "other_ready": await v2.is_model_ready(url, "trees"),
            "predict": await v1.infer(url, {"instances": [{"image_bytes": {"b64": text}, "key": "1"}]}, MODEL),
            "json": labels(await v2.infer(url, request([text], binary=False), MODEL)),
            "binary": labels(await v2.infer(url, request([content, content], binary=True), MODEL)),
            "error": await error(v2, url),
        }


def request(images: list[Any], *, binary: bool) -> InferRequest:
    tensor = InferInput("image", [len(images)], "BYTES")
    tensor.set_data_from_numpy(np.array(images, dtype=np.object_), binary_data=binary)
    return InferRequest(MODEL, [tensor])


def labels(answer: Any) -> list[str]:
    [output] = [tensor for tensor in answer.outputs if tensor.name == "label"]
    return [value.decode() if isinstance(value, bytes) else str(value) for value in output.as_numpy()]


async def error(client: InferenceRESTClient, url: str) -> str:
    try:
        await client.infer(url, request([b"a list"], binary=True), MODEL)
    except httpx.HTTPStatusError as refused:
        return str(refused)
    raise AssertionError("a list was taken for an image")


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
