"""Write the demo's files: drawings, a photograph of an unknown flower, and typical upload mistakes."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from PIL import ExifTags, Image

from shared.local.demo.drawings import drawings

TURNED_RIGHT = 8
"""EXIF orientation: the pixels are stored rotated, and a viewer turns them upright."""


def write_samples(folder: Path) -> list[Path]:
    """Write the sample files into a folder and return their paths, sorted.

    These are one drawing for each label; scikit-learn's photograph of a dahlia, which has none of the labels; a daisy
    stored rotated, with the EXIF orientation of a phone held upright; a text file named .jpg; a copy of the tulips.
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
    """Return the path of the photograph that ships with scikit-learn, without importing the package.

    Raises:
        FileNotFoundError: scikit-learn is not installed.
    """
    package = importlib.util.find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("scikit-learn is not installed; run `make setup`.")
    return Path(package.submodule_search_locations[0]) / "datasets" / "images" / "flower.jpg"
