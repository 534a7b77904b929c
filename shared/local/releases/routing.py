"""Which revision gets what: by weight, and by a key, so that what comes twice goes to the same revision."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from shared.local.cloud import HOST
from shared.local.releases.ledger import LocalService, read
from shared.release.revisions import CHALLENGER, Traffic


def revision_for(traffic: Traffic, key: str) -> str:
    """Return the revision that a key falls to.

    Keys spread evenly over 10,000 points. The challenger's are the first of them, so that raising its share takes keys
    from the champion and gives it none.
    """
    point = int.from_bytes(sha256(key.encode()).digest()[:8], "big") % 10_000
    for target in sorted(traffic, key=lambda target: (target.tag != CHALLENGER, -target.percent)):
        point -= 100 * target.percent
        if point < 0:
            return target.revision
    raise ValueError(f"The shares of {traffic} do not add up to 100.")


class Router:
    """Finds the URL that takes a key, by what ``releases.json`` says at that moment.

    Args:
        path: of the file; while there is none, everything goes to ``otherwise``.
        service: whose traffic it is.
        otherwise: a URL without a slash at the end.
    """

    def __init__(self, path: Path, service: str, otherwise: str) -> None:
        self._path = path
        self._service = service
        self._otherwise = otherwise
        self._known: LocalService | None = None
        self._read_at: tuple[int, int] | None = None

    def url(self, key: str) -> str:
        """Return where the key goes, without a slash at the end."""
        self._look()
        if self._known is None:
            return self._otherwise
        revision = self._known.find(revision_for(self._known.traffic, key))
        return f"http://{HOST}:{revision.port}" if revision else self._otherwise

    def _look(self) -> None:
        """Read the file again if it is another than last time."""
        try:
            stat = self._path.stat()
        except OSError:
            self._known, self._read_at = None, None
            return
        if self._read_at != (stat.st_mtime_ns, stat.st_ino):
            ledger = read(self._path)
            self._known = ledger.services.get(self._service) if ledger else None
            self._read_at = (stat.st_mtime_ns, stat.st_ino)
