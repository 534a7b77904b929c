"""Run the examples of docs/https.md against a local cloud, and write what they answer below them.

python docs/run_https_examples.py
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from shared.local.cloud import new_cloud  # noqa: E402  # found only now
from shared.local.demo.drawings import drawings  # noqa: E402
from shared.local.supervisor import Supervisor  # noqa: E402
from shared.settings import DEFAULT_BUNDLE  # noqa: E402

PAGE = ROOT / "docs" / "https.md"
CONSOLE = re.compile(r"(?<=```console\n)(.*?)(?=```)", re.DOTALL)


def commands_in(block: str) -> list[str]:
    """Return the commands of a block: the lines after ``$``."""
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def answer_to(command: str, url: str, folder: Path) -> str:
    """Run a command as it is written, in a folder that holds ``daisy.jpg``; return what it prints."""
    environment = {**os.environ, "URL": url}
    done = subprocess.run(
        ["bash", "-c", command],  # noqa: S607  # whichever the reader has
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def answered(block: str, url: str, folder: Path) -> str:
    """Return a block with the answer of each command below it."""
    lines = [f"$ {command}\n{answer_to(command, url, folder)}\n" for command in commands_in(block)]
    return "".join(lines)


def photo_in(folder: Path) -> None:
    """Put the examples' picture into a folder."""
    drawings()["daisy"].resize((300, 300)).save(folder / "daisy.jpg", quality=92)


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo_in(folder)
        supervisor = Supervisor(new_cloud(folder / "cloud", DEFAULT_BUNDLE), say=print, sweep_every_s=0)
        try:
            supervisor.start()
            url = supervisor.cloud.url("classify_request")
            text = CONSOLE.sub(lambda match: answered(match[1], url, folder), PAGE.read_text("utf-8"))
        finally:
            supervisor.stop()
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
