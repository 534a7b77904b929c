"""``python -m tests.system.image serving``: perform a target of functions/Dockerfile, and print its size on disk."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.environments import Impossible
from tests.system.image.confinement import confinement
from tests.system.image.engine import ROOT, BuildFailed, Engine
from tests.system.image.size import installed_mb, largest_parts


def main() -> int:
    """Perform the target, print its largest parts, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.image", description=__doc__)
    parser.add_argument("target", nargs="?", default="serving", help="a target of functions/Dockerfile")
    target = parser.parse_args().target
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            image = Engine(ROOT, Path(scratch)).build(target)
        except (BuildFailed, Impossible) as error:
            print(f"Error: {error}", file=sys.stderr)
            return 1
        stand_in = "" if image.base.is_of_the_tag else ", which stands in for the image's"
        print(f"{target}: performed in {time.monotonic() - began:.0f} s with Python {image.base.version}{stand_in}")
        if confinement().reason:
            print(f"not confined as an engine would: {confinement().reason}")
        print(
            f"{installed_mb(image.application):.0f} MB in {image.workdir}, besides the base image; the largest parts:"
        )
        for name, size in largest_parts(image):
            print(f"  {size:6.0f} MB  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
