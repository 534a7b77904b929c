"""MLServer: a custom runtime that takes the image as base64 in a BYTES tensor, as its codecs have it.

mlserver start .
"""

from io import BytesIO

import numpy as np
from loading import load_model
from mlserver import MLModel
from mlserver.codecs import Base64Codec, NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from PIL import Image


class Classifier(MLModel):
    """MLServer loads it in each of its parallel workers."""

    async def load(self) -> bool:
        """Load the model."""
        self.model = load_model()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer with the label and the score of the image in the first tensor."""
        [content] = Base64Codec.decode_input(payload.inputs[0])
        answer = self.model.classify(Image.open(BytesIO(content)))
        label = StringCodec.encode_output("label", [answer["label"]])
        score = NumpyCodec.encode_output("score", np.array([answer["score"]]))
        return InferenceResponse(model_name=self.name, outputs=[label, score])
