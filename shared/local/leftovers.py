"""End the processes that a killed ``up`` left behind."""

from __future__ import annotations

import contextlib

import psutil

from shared.local.cloud import Cloud, process_of

STOP_TIMEOUT_S = 10


def end_leftovers(cloud: Cloud) -> list[str]:
    """End the parts that a killed ``up`` left behind; return their names."""
    parts = [(name, process) for name, identity in cloud.children.items() if (process := process_of(identity))]
    family = [member for _, process in parts for member in (process, *_children(process))]
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, still_running = psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
    for process in still_running:
        with contextlib.suppress(psutil.Error):
            process.kill()
    return [name for name, _ in parts]


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        children: list[psutil.Process] = process.children(recursive=True)
    except psutil.Error:
        return []
    return children
