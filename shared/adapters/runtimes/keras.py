"""Run a Keras model in TensorFlow, for layers that LiteRT does not have."""

from __future__ import annotations

import numpy as np

from shared.adapters.tensorflow_model import TensorFlowModel, load_tensorflow, unusable
from shared.bundles.bundle import Bundle


def open_model(bundle: Bundle, _threads: int) -> TensorFlowModel:
    """Open a ``.keras`` or ``.h5`` file; code inside the file, such as a Lambda layer, is refused.

    Raises:
        InvalidBundle: TensorFlow is not installed, or the file is not a model with one image input and one output.
    """
    path = bundle.model_path
    tensorflow = load_tensorflow(path)
    try:
        model = tensorflow.keras.models.load_model(path, compile=False, safe_mode=True)
        [image], [scores] = model.inputs, model.outputs
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise unusable(path, "it is not a Keras model with one input and one output; save it again") from error
    shape, dtype = (1, *image.shape[1:]), str(np.dtype(image.dtype))
    traced = tensorflow.function(
        lambda batch: model(batch, training=False), input_signature=[tensorflow.TensorSpec(shape, dtype)]
    )
    return TensorFlowModel(traced, shape, dtype, int(scores.shape[-1]))
