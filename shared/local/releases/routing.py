"""Choose a revision for a request by traffic share and by key: repetitions of a request go to the same revision."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from shared.local.cloud import HOST
from shared.local.releases.ledger import LocalService, read
from shared.release.revisions import CHALLENGER, Traffic


def revision_for(traffic: Traffic, key: str) -> str:
    """Return the revision for a key.

    Keys are hashed evenly to 10,000 points. The challenger gets the first points, so that raising its share only moves
    keys from the champion to it and none back.

    Raises:
        ValueError: the shares do not add up to 100.
    """
    point = int.from_bytes(sha256(key.encode()).digest()[:8], "big") % 10_000
    for target in sorted(traffic, key=lambda target: (target.tag != CHALLENGER, -target.percent)):
        point -= 100 * target.percent
        if point < 0:
            return target.revision
    raise ValueError(f"The shares of {traffic} do not add up to 100.")


class Router:
    """Finds the URL for a key by the current content of ``releases.json``.

    Args:
        path: path of the file; while it is missing, everything goes to ``default_url``.
        service: the service whose traffic is split.
        otherwise: a URL without a slash at the end.
    """

    def __init__(self, path: Path, service: str, default_url: str) -> None:
        self._path = path
        self._service = service
        self._default_url = default_url
        self._local_service: LocalService | None = None
        self._read_at: tuple[int, int] | None = None

    def url(self, key: str) -> str:
        """Return the URL for the key, without a slash at the end."""
        self._refresh()
        if self._local_service is None:
            return self._default_url
        revision = self._local_service.find(revision_for(self._local_service.traffic, key))
        return f"http://{HOST}:{revision.port}" if revision else self._default_url

    def _refresh(self) -> None:
        """Read the file again if it changed since the last call."""
        try:
            stat = self._path.stat()
        except OSError:
            self._local_service, self._read_at = None, None
            return
        if self._read_at != (stat.st_mtime_ns, stat.st_ino):
            ledger = read(self._path)
            self._local_service = ledger.services.get(self._service) if ledger else None
            self._read_at = (stat.st_mtime_ns, stat.st_ino)
