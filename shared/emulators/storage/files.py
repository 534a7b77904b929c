"""The files that objects' bytes lie in. Their names are made here: no client's word reaches the file system."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterable, Iterable
from pathlib import Path
from typing import IO

import google_crc32c

from shared.emulators.storage.stored import Content

OURS = re.compile(r"[0-9a-f]{32}")


class Files:
    """A folder of files, each written once, whole, and under a new name.

    Args:
        folder: made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, file: str) -> Path:
        """Return where a file lies."""
        if not OURS.fullmatch(file):
            raise ValueError(f"{file!r} is no name of ours")
        return self._folder / file[:2] / file

    def begin(self) -> Incoming:
        """Begin a new file."""
        file = secrets.token_hex(16)
        path = self.path(file)
        path.parent.mkdir(exist_ok=True)
        return Incoming(file, path)

    async def write(self, chunks: AsyncIterable[bytes]) -> Incoming:
        """Write a new file; what fails on the way leaves none."""
        incoming = self.begin()
        try:
            async for chunk in chunks:
                incoming.add(chunk)
        except BaseException:
            incoming.discard()
            raise
        return incoming

    def remove(self, file: str) -> None:
        """Remove a file; one that is gone is no error. Who has it open reads on."""
        self.path(file).unlink(missing_ok=True)

    def remove_all_but(self, wanted: Iterable[str]) -> int:
        """Remove what a kill left: files that nothing refers to. Returns how many. Call it before anybody writes."""
        kept = set(wanted)
        left = [path for path in self._folder.glob("*/*") if OURS.fullmatch(path.name) and path.name not in kept]
        for path in left:
            path.unlink()
        return len(left)

    @property
    def is_empty(self) -> bool:
        """Tell whether there is no file."""
        return next(self._folder.glob("*/*"), None) is None


class Incoming:
    """A file on its way, and the checksums of what is there so far."""

    def __init__(self, file: str, path: Path) -> None:
        self.size = 0
        self._file = file
        self._path = path
        self._open: IO[bytes] | None = None
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc32c = google_crc32c.Checksum()

    def add(self, chunk: bytes) -> None:
        """Append bytes."""
        self._open = self._open or self._path.open("ab")
        self._open.write(chunk)
        self._md5.update(chunk)
        self._crc32c.update(chunk)
        self.size += len(chunk)

    def pause(self) -> None:
        """Give the file's handle back until more comes."""
        if self._open:
            self._open.close()
            self._open = None

    @property
    def content(self) -> Content:
        """What came so far."""
        crc32c, md5 = self._crc32c.digest(), self._md5.digest()
        return Content(self._file, self.size, base64.b64encode(crc32c).decode(), base64.b64encode(md5).decode())

    async def finish(self) -> Content:
        """Put all of it on disk."""
        self.add(b"")
        await asyncio.to_thread(self._sync)
        return self.content

    def discard(self) -> None:
        """Remove it."""
        with contextlib.suppress(OSError):
            self.pause()
        self._path.unlink(missing_ok=True)

    def _sync(self) -> None:
        if self._open:
            self._open.flush()
            os.fsync(self._open.fileno())
            self.pause()
