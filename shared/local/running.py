"""Which local clouds run on this machine, wherever their data lies."""

from __future__ import annotations

from pathlib import Path

import psutil

from shared.local.cloud import running_cloud

WAREHOUSE = "shared.emulators.bigquery"


def folders_in_use() -> list[Path]:
    """Return the folders of the local clouds that run, as the command lines of their warehouses name them.

    Those of other users are left out where the system does not show them.
    """
    found = set()
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if WAREHOUSE in words and "--data" in words[:-1]:
            found.add(Path(words[words.index("--data") + 1]).parent)
    return sorted(folder for folder in found if running_cloud(folder))
