"""The model that Bucketlens serves, in the same runtime: an interpreter for each core, since one serves one thread."""

from __future__ import annotations

import json
import os
import queue
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps


class Model:
    """Thread-safe: further callers wait for an interpreter."""

    def __init__(self, bundle: Path) -> None:
        manifest = json.loads((bundle / "manifest.json").read_text())
        self.labels = manifest["labels"]
        self.temperature = manifest["calibration"]["temperature"]
        self.idle: queue.SimpleQueue[Interpreter] = queue.SimpleQueue()
        for _ in range(os.cpu_count() or 1):
            interpreter = Interpreter(str(bundle / "model.tflite"), num_threads=1)
            interpreter.allocate_tensors()
            self.idle.put(interpreter)
        self.input = interpreter.get_input_details()[0]["index"]
        outputs = interpreter.get_output_details()  # one of them may be for explanations
        self.output = next(detail["index"] for detail in outputs if tuple(detail["shape"]) == (1, len(self.labels)))

    def classify(self, picture: Image.Image) -> dict[str, Any]:
        """Return the label and its score."""
        fitted = ImageOps.fit(picture.convert("RGB"), (224, 224), Image.Resampling.BICUBIC)
        interpreter = self.idle.get()
        try:
            interpreter.set_tensor(self.input, np.asarray(fitted)[np.newaxis])
            interpreter.invoke()
            [logits] = interpreter.get_tensor(self.output)
        finally:
            self.idle.put(interpreter)
        odds = np.exp((logits - logits.max()) / self.temperature)
        best = int(odds.argmax())
        return {"label": self.labels[best], "score": float(odds[best] / odds.sum())}
