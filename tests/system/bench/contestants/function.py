"""A Cloud Function: the model is built on the first request, since TensorFlow hangs across gunicorn's fork.

functions-framework --target classify --source function.py
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import flask
import functions_framework
from PIL import Image

model: Any = None


@functions_framework.http
def classify(request: flask.Request) -> dict[str, Any]:
    """Answer with the label of the image in the body."""
    global model  # as tutorials have it: what is global outlives the request
    if model is None:
        from loading import load_model

        model = load_model()
    return model.classify(Image.open(BytesIO(request.get_data())))
