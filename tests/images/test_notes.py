"""A note about an unusual conversion is in the picture's row; other rows have none."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from shared.types import Call, Prediction, Source
from tests.pictures import encoded, scene
from tests.worlds import World


def test_note_is_in_the_row(world: World, tmp_path: Path) -> None:
    x_ray = np.tile(np.linspace(0, 4095, 64), (48, 1)).astype(np.uint16)
    world.put("x-ray.tif", encoded(x_ray, "TIFF"), tmp_path)
    world.put("rose.png", encoded(scene(), "PNG"), tmp_path)
    for name in ("x-ray.tif", "rose.png"):
        upload = world.store.find(world.uploads, name)
        outcome = world.pipeline.process_upload(upload, Call(Source.EVENT, upload.ref.created_at))
        assert isinstance(outcome, Prediction)
    notes = {row["image"]["name"]: row["image"]["note"] for row in world.rows("latest_predictions")}
    assert notes["rose.png"] is None
    assert "4,095, which is shown as white" in notes["x-ray.tif"]
