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
    """Return what turns a file into a label and its score."""
    manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
    labels, temperature = manifest["labels"], manifest["calibration"]["temperature"]
    interpreter = Interpreter(str(bundle / "model.tflite"), num_threads=1)
    interpreter.allocate_tensors()
    taken = interpreter.get_input_details()[0]["index"]
    # beside its logits the model may give what explanations are made of
    given = next(one["index"] for one in interpreter.get_output_details() if tuple(one["shape"]) == (1, len(labels)))

    def classify(content: bytes) -> tuple[str, float]:
        picture: Image.Image = Image.open(BytesIO(content))
        picture.draft("RGB", (SIDE_PX, SIDE_PX))  # a JPEG is decoded at the smallest scale that is large enough
        if (factor := min(picture.size) // SIDE_PX) > 1:
            picture = picture.reduce(factor)
        margin = (picture.width - picture.height) / 2
        box = (max(margin, 0), max(-margin, 0), picture.width - max(margin, 0), picture.height + min(margin, 0))
        fitted = picture.resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC, box)
        interpreter.set_tensor(taken, np.asarray(fitted)[np.newaxis])
        interpreter.invoke()
        logits = interpreter.get_tensor(given)[0]
        odds = np.exp((logits - logits.max()) / temperature)
        best = int(odds.argmax())
        return labels[best], float(odds[best] / odds.sum())

    return classify


def measure(classify: Callable[[bytes], tuple[str, float]], wanted: dict[str, Any]) -> dict[str, Any]:
    """Classify pictures in turn for some seconds, and at least so many times."""
    contents = [Path(name).read_bytes() for name in wanted["pictures"]]
    took_ms: list[float] = []
    started = time.perf_counter()
    for content in itertools.cycle(contents):
        began = time.perf_counter()
        label, score = classify(content)
        took_ms.append(1000 * (time.perf_counter() - began))
        if time.perf_counter() - started >= wanted["seconds"] and len(took_ms) >= wanted["least"]:
            break
    return {"took_ms": took_ms, "seconds": time.perf_counter() - started, "label": label, "score": score}


def main() -> None:
    """Answer line by line."""
    classify = classifier(Path(sys.argv[1]))
    for line in sys.stdin:
        print(json.dumps(measure(classify, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
