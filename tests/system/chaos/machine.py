"""Describe the machine on which a run's figures were measured."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import psutil

CPUINFO = Path("/proc/cpuinfo")


def machine() -> str:
    """Return the processor, its cores, memory, system and Python, in a line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = f"{psutil.virtual_memory().total / 2**30:.0f} GiB"
    return f"{_processor()}, {cores} cores, {memory}, {platform.system()}, Python {platform.python_version()}"


def _processor() -> str:
    if CPUINFO.is_file() and (match := re.search(r"^model name\s*: (.+)$", CPUINFO.read_text("utf-8"), re.MULTILINE)):
        return re.sub(r"\s+", " ", match[1]).strip()
    return platform.processor() or platform.machine()
