"""Signals in the last moments of a process, which kill it if a handler was removed too early."""

from __future__ import annotations

import os
from pathlib import Path

LATE_SIGNALS = '''
"""Sends this process SIGTERM and SIGINT when Python begins to end, and again after it has given its handlers back."""
import atexit, builtins, os, signal

OWN = os.getpid()

def send():
    if os.getpid() == OWN or os.environ.get("LATE_SIGNALS") == "children too":
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)

class Last:
    """Lives in builtins, which are cleared last of all modules."""
    def __init__(self, send=send):
        self.send = send
    def __del__(self):
        self.send()

atexit.register(send)
builtins._last = Last()
'''
"""``atexit`` runs before CPython's ``_PySignal_Fini`` and the clearing of ``builtins`` after it."""


def with_late_signals(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """Return an environment in which every Python process sends itself signals while it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(LATE_SIGNALS, "utf-8")
    path = os.pathsep.join(filter(None, (str(folder), environment.get("PYTHONPATH", ""))))
    return environment | {"PYTHONPATH": path}
