"""A flower, and the process that is asked what it is."""

from __future__ import annotations

import base64
from collections.abc import Callable
from io import BytesIO

import functions_framework
import numpy as np
import numpy.typing as npt
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import Manifest
from shared.local.cloud import Cloud
from shared.local.demo.drawings import drawings
from shared.settings import DEFAULT_BUNDLE
from tests.functions.paths import CLASSIFY_REQUEST
from tests.memory.service import MemoryService, https_function
from tests.worlds import World

MakeClient = Callable[..., FlaskClient]


@pytest.fixture(scope="session")
def url(cloud: Cloud) -> str:
    """Where ``classify_request`` answers, under gunicorn."""
    address = cloud.url("classify_request")
    requests.get(f"{address}/v2/health/ready", timeout=20).raise_for_status()
    return address


@pytest.fixture(scope="session")
def manifest() -> Manifest:
    """Of the model that is served."""
    return load_bundle(MODELS / DEFAULT_BUNDLE).manifest


@pytest.fixture(scope="session")
def labels(manifest: Manifest) -> list[str]:
    return list(manifest.labels)


@pytest.fixture(scope="session")
def daisy() -> bytes:
    """A JPEG."""
    return jpeg("daisy")


@pytest.fixture(scope="session")
def tulips() -> bytes:
    """A JPEG."""
    return jpeg("tulips")


@pytest.fixture(scope="session")
def daisy_pixels() -> npt.NDArray[np.uint8]:
    """RGB, shape (224, 224, 3)."""
    return np.asarray(drawings()["daisy"].convert("RGB").resize((224, 224)))


@pytest.fixture
def client_with(world: World, with_environment: Callable[[dict[str, str]], None]) -> MakeClient:
    """Return a maker of the function with other settings."""

    def make(**settings: str) -> FlaskClient:
        with_environment(world.environment | settings)
        app: Flask = functions_framework.create_app("classify_request", str(CLASSIFY_REQUEST), "http")
        return app.test_client()

    return make


@pytest.fixture
def memory_client(memory_world: World) -> MakeClient:
    """Return a maker of the function with other settings, over a store and a warehouse in memory."""

    def make(**settings: str) -> FlaskClient:
        return https_function(MemoryService(memory_world.pipeline, **settings)).test_client()

    return make


def jpeg(label: str) -> bytes:
    content = BytesIO()
    drawing: Image.Image = drawings()[label]
    drawing.save(content, "JPEG", quality=92)
    return content.getvalue()


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()
