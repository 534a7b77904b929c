"""The limit over HTTP: decode, resize, invoke in a loop, without a server, a check or a copy that is not needed.

``python bare_loop.py BUNDLE`` reads a line of JSON for each measurement, ``{"pictures": […], "seconds": 3, "least":
5}``, and answers with a line, ``{"took_ms": […], "seconds": 3.0, "label": "daisy", "score": 0.99}``. Runs in the
environment that Bucketlens is deployed in, one process a core.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

SIDE_PX = 224


def classifier(bundle: Path) -> Callable[[bytes], tuple[str, float]]:
    """Return a function that gives the label of a file and its score."""
    manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
    labels, temperature = manifest["labels"], manifest["calibration"]["temperature"]
    interpreter = Interpreter(str(bundle / "model.tflite"), num_threads=1)
    interpreter.allocate_tensors()
    input_index = interpreter.get_input_details()[0]["index"]
    # next to its logits the model may have an output for explanations
    output_index = next(
        detail["index"] for detail in interpreter.get_output_details() if tuple(detail["shape"]) == (1, len(labels))
    )

    def classify(content: bytes) -> tuple[str, float]:
        picture: Image.Image = Image.open(BytesIO(content))
        picture.draft("RGB", (SIDE_PX, SIDE_PX))  # a JPEG is decoded at the smallest scale that is large enough
        if (factor := min(picture.size) // SIDE_PX) > 1:
            picture = picture.reduce(factor)
        margin = (picture.width - picture.height) / 2
        box = (max(margin, 0), max(-margin, 0), picture.width - max(margin, 0), picture.height + min(margin, 0))
        fitted = picture.resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC, box)
        interpreter.set_tensor(input_index, np.asarray(fitted)[np.newaxis])
        interpreter.invoke()
        logits = interpreter.get_tensor(output_index)[0]
        odds = np.exp((logits - logits.max()) / temperature)
        best = int(odds.argmax())
        return labels[best], float(odds[best] / odds.sum())

    return classify


def measure(classify: Callable[[bytes], tuple[str, float]], request: dict[str, Any]) -> dict[str, Any]:
    """Classify pictures in turn for ``seconds``, and at least ``least`` times."""
    contents = [Path(name).read_bytes() for name in request["pictures"]]
    took_ms: list[float] = []
    started = time.perf_counter()
    for content in itertools.cycle(contents):
        began = time.perf_counter()
        label, score = classify(content)
        took_ms.append(1000 * (time.perf_counter() - began))
        if time.perf_counter() - started >= request["seconds"] and len(took_ms) >= request["least"]:
            break
    return {"took_ms": took_ms, "seconds": time.perf_counter() - started, "label": label, "score": score}


def main() -> None:
    """Answer each line of the input with a line."""
    classify = classifier(Path(sys.argv[1]))
    for line in sys.stdin:
        print(json.dumps(measure(classify, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
