"""FastAPI: a file upload and a plain ``def``, which FastAPI runs in its pool of threads.

uvicorn fastapi_app:app
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, UploadFile
from loading import load_model
from PIL import Image

models: dict[str, Any] = {}


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Load the model before the first request is taken."""
    models["classifier"] = load_model()
    yield
    models.clear()


app = FastAPI(lifespan=lifespan)


@app.post("/classify")
def classify(image: UploadFile) -> dict[str, Any]:
    """Answer with the label of the uploaded image."""
    return models["classifier"].classify(Image.open(image.file))
