"""LitServe: base64 in JSON, as in its guide to speed; a worker process for each core, since a worker has one thread.

python litserve_app.py PORT
"""

import base64
import os
import sys
from io import BytesIO
from typing import Any

import litserve
from loading import load_model
from PIL import Image


class Classifier(litserve.LitAPI):
    """The four methods that LitServe calls."""

    def setup(self, device: str) -> None:
        """Load the model, once in each worker."""
        self.model = load_model()

    def decode_request(self, request: Any) -> Image.Image:
        """Decode the JSON to a picture."""
        return Image.open(BytesIO(base64.b64decode(request["image_data"])))

    def predict(self, picture: Image.Image) -> dict[str, Any]:
        """Classify a picture."""
        return self.model.classify(picture)

    def encode_response(self, answer: Any) -> dict[str, Any]:
        """Return the answer as it is."""
        return answer


if __name__ == "__main__":
    server = litserve.LitServer(Classifier(), accelerator="cpu", workers_per_device=os.cpu_count() or 1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False)
