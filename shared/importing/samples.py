"""Pictures on which conversion measures its ranges: the owner's, or else made-up ones."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL.Image

from shared.errors import Misconfigured, Permanent
from shared.images.decode import Limits, check_size, decode
from shared.images.files import files_under
from shared.training.dataset import spread_indices
from shared.types import Pixels

MOST = 400
"""More pictures hardly change the ranges of int8, and cost minutes."""

FEW = 50
"""With fewer pictures, the ranges are narrower than those of other pictures."""

MADE_UP = 16


def read_samples(folder: Path, shrink_to_px: int, on_read: Callable[[], None]) -> tuple[list[Pixels], int]:
    """Read the pictures below a folder, at most 400, at equal distances by name.

    Args:
        folder: any pictures, in sub-folders too.
        shrink_to_px: as in ``decode.decode``.
        on_read: called after each file, from other threads.

    Returns:
        Pixels, and the number of files that were left out because they are not pictures.

    Raises:
        Misconfigured: the folder has no picture.
    """
    files = list(files_under(folder)) if folder.is_dir() else []
    chosen = [files[index] for index in spread_indices(len(files), MOST)]

    def read(path: Path) -> Pixels | None:
        limits = Limits()
        try:
            check_size(path.stat().st_size, limits)
            return decode(path.read_bytes(), limits, shrink_to_px=shrink_to_px).pixels
        except (Permanent, OSError):
            return None
        finally:
            on_read()

    with ThreadPoolExecutor() as threads:
        results = list(threads.map(read, chosen))
    pictures = [pixels for pixels in results if pixels is not None]
    if not pictures:
        fault = f"{len(files)} files, none of which is a picture" if files else "no files"
        raise Misconfigured(f"the samples in {folder}", [f"there are {fault}; expected photos like those to classify"])
    return pictures, len(results) - len(pictures)


def made_up_pictures() -> list[Pixels]:
    """Return 16 soft, coloured pictures, always the same: enough to check that a conversion computes the same."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (MADE_UP, 6, 8, 3), dtype=np.uint8)
    bicubic = PIL.Image.Resampling.BICUBIC
    return [np.asarray(PIL.Image.fromarray(pixels).resize((320, 240), bicubic)) for pixels in coarse]
