"""Writes the demo's files: drawings, a photograph of no known label, and what people upload by mistake."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from PIL import ExifTags, Image

from shared.local.demo.drawings import drawings

TURNED_RIGHT = 8
"""EXIF orientation: the pixels lie on their side, and a viewer turns them upright."""


def write_samples(folder: Path) -> list[Path]:
    """Write the sample files into a folder.

    One drawing of each label; scikit-learn's photograph of a dahlia, which is none of them; a daisy on its side with
    the EXIF mark of a telephone that was held upright; a text file named .jpg; and a copy of the tulips.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = drawings()
    for label, picture in drawn.items():
        picture.save(folder / f"{label}.jpg", quality=92)
    shutil.copyfile(dahlia(), folder / "dahlia.jpg")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = TURNED_RIGHT
    drawn["daisy"].rotate(-90, expand=True).save(folder / "daisy_on_its_side.jpg", quality=92, exif=exif)
    (folder / "shopping_list.jpg").write_text("bread, butter, a daisy\n", "utf-8")
    shutil.copyfile(folder / "tulips.jpg", folder / "tulips_again.jpg")
    return sorted(folder.iterdir())


def dahlia() -> Path:
    """Return the path of the photograph that ships with scikit-learn, without importing all of it."""
    package = importlib.util.find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("scikit-learn is not installed; run `make setup`.")
    return Path(package.submodule_search_locations[0]) / "datasets" / "images" / "flower.jpg"
