"""Load the model that ``RUNTIME`` names: keras or litert."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any


def load_model() -> Any:
    """Load the bundle's model; only its own runtime is imported."""
    runtime = importlib.import_module(f"{os.environ['RUNTIME']}_model")
    return runtime.Model(Path(os.environ["BUNDLE"]))
