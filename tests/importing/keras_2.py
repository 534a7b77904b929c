"""Files of Keras 2 that Keras 2 itself wrote are imported, and return what they returned there.

    python -m tests.importing.keras_2

It writes models of nine kinds with TensorFlow 2.15, and again with tf_keras, each in an environment of its own below
.bucketlens/environments (half a gigabyte each, made once), and opens every file as ``bucketlens bundle import`` does.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from shared.errors import Misconfigured
from shared.importing.keras_file import open_keras
from tests.environments import Impossible, Recipe, environment
from tests.importing.write_keras_2 import KINDS

HERE = Path(__file__).parent
WRITERS = {"tensorflow.keras": HERE / "keras_2.txt", "tf_keras": HERE / "tf_keras.txt"}
"""What writes them, by the module to import, and the environment that has it."""
NEAR = 1e-4


def written(module: str, requirements: Path, folder: Path) -> None:
    """Have the models written into a folder.

    Raises:
        Impossible: this machine cannot have the environment.
        subprocess.CalledProcessError: they cannot be written.
    """
    made = environment(Recipe(requirements))
    script = str(HERE / "write_keras_2.py")
    subprocess.run(
        [str(made.python), script, module, str(folder)], env=made.variables, check=True, capture_output=True, cwd=HERE
    )


def verdict(file: Path) -> str:
    """Return what becomes of a file: ``ok``, or what is wrong."""
    expected = np.load(file.with_suffix(".npz"))
    try:
        output = np.asarray(open_keras(file)(expected["picture"], training=False))
    except Misconfigured as error:
        return str(error)
    apart = float(np.abs(output - expected["said"]).max())
    return "ok" if apart <= NEAR else f"its outputs differ by up to {apart:g}"


def main() -> int:
    """Print a line for each file; returns 1 where one is not imported as it should be."""
    failed = 0
    for module, requirements in WRITERS.items():
        with tempfile.TemporaryDirectory() as name:
            try:
                written(module, requirements, Path(name))
            except Impossible as error:
                print(f"{module}: not tried, {error}")
                failed += 1
                continue
            for file in sorted(f"{kind}{suffix}" for kind in KINDS for suffix in (".keras", ".h5")):
                result = verdict(Path(name) / file)
                failed += result != "ok"
                print(f"{module} {file}: {result}", flush=True)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
