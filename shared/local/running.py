"""Find the local clouds that run on this machine."""

from __future__ import annotations

from pathlib import Path

import psutil

from shared.local.cloud import running_cloud

WAREHOUSE = "shared.emulators.bigquery"


def folders_in_use() -> list[Path]:
    """Return the data folders of the running local clouds, read from the command lines of their warehouses.

    Clouds of other users are missing where the system does not show their processes.
    """
    folders = set()
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if WAREHOUSE in words and "--data" in words[:-1]:
            folders.add(Path(words[words.index("--data") + 1]).parent)
    return sorted(folder for folder in folders if running_cloud(folder))
