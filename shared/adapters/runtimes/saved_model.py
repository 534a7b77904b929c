"""Run a SavedModel in TensorFlow, for layers that LiteRT does not have."""

from __future__ import annotations

from typing import Any

from shared.adapters.tensorflow_model import TensorFlowModel, load_tensorflow, unusable
from shared.bundles.bundle import Bundle


def open_model(bundle: Bundle, _threads: int) -> TensorFlowModel:
    """Open a SavedModel folder by its signature ``serving_default``.

    Raises:
        InvalidBundle: TensorFlow is not installed, or the folder has no such signature with one input and one output.
    """
    path = bundle.model_path
    tensorflow = load_tensorflow(path)
    try:
        loaded = tensorflow.saved_model.load(str(path))
        signature = loaded.signatures["serving_default"]
        [(name, image)] = signature.structured_input_signature[1].items()
        [(output, scores)] = signature.structured_outputs.items()
    except (OSError, ValueError, KeyError) as error:
        raise unusable(path, "it has no signature serving_default with one input and one output") from error

    def run(batch: Any) -> Any:
        keep = loaded  # a signature does not keep its variables alive
        return keep.signatures["serving_default"](**{name: tensorflow.constant(batch)})[output]

    shape = (1, *(int(size) for size in image.shape[1:]))
    return TensorFlowModel(run, shape, image.dtype.name, int(scores.shape[-1]))
