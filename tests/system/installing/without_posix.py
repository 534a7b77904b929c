"""Remove what Windows lacks from this project's code; imported by every process of such a test.

Foreign packages are builds for the machine of the tests, and may import what it has.
"""

from __future__ import annotations

import builtins
import ctypes
import os
import signal
import sys
from types import ModuleType
from typing import Any

MODULES = {"curses", "fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
OF_OS = {
    *("chown", "fork", "forkpty", "getegid", "geteuid", "getgid", "getloadavg", "getpgid", "getuid", "getxattr"),
    *("killpg", "mkfifo", "nice", "pread", "sched_getaffinity", "setsid", "setxattr", "statvfs", "sysconf", "wait4"),
}
OF_SIGNAL = {
    "SIGALRM",
    "SIGCHLD",
    "SIGHUP",
    "SIGKILL",
    "SIGPIPE",
    "SIGQUIT",
    "SIGUSR1",
    "SIGUSR2",
    "alarm",
    "setitimer",
}

_import = builtins.__import__
_load = ctypes.CDLL.__init__


def _import_as_on_windows(
    name: str, variables: dict[str, Any] | None = None, local: Any = None, names: Any = (), level: int = 0
) -> Any:
    importer = str((variables or {}).get("__name__", ""))
    if importer.split(".")[0] == "shared" and name.split(".")[0] in MODULES:
        raise ModuleNotFoundError(f"No module named {name!r}")
    if importer.split(".")[0] == "shared" and name in _views:
        return _views[name]
    return _import(name, variables, local, names, level)


def _load_as_on_windows(self: ctypes.CDLL, name: str | None, *arguments: Any, **options: Any) -> None:
    if name is None:
        raise TypeError("argument 1 must be str, not None")
    _load(self, name, *arguments, **options)


def _view(module: ModuleType, without: set[str]) -> ModuleType:
    view = ModuleType(module.__name__)
    vars(view).update({name: value for name, value in vars(module).items() if name not in without})
    return view


_views = {"os": _view(os, OF_OS), "signal": _view(signal, OF_SIGNAL)}


def remove_posix() -> None:
    """Remove the parts, for the life of this process."""
    builtins.__import__ = _import_as_on_windows  # type: ignore[assignment]  # it passes its arguments on unchanged
    ctypes.CDLL.__init__ = _load_as_on_windows  # type: ignore[method-assign]
    sys.modules["fcntl"] = None  # type: ignore[assignment]
