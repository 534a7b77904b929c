"""Upload a folder in a process of its own with little overhead: one HTTP request a file, no client library.

python -m tests.system.bench.events_uploader http://127.0.0.1:9023 FOLDER PREFIX --threads 4

Prints a JSON line for each upload, and one with the CPU seconds of it all.
"""

from __future__ import annotations

import argparse
import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from shared.local.cloud import UPLOAD_BUCKET


def main() -> None:
    """Upload, then print what was uploaded when, by the clock of ``time.monotonic_ns``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="of the object store")
    parser.add_argument("folder", type=Path)
    parser.add_argument("prefix", help="of the objects' names")
    parser.add_argument("--bucket", default=UPLOAD_BUCKET)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--rate", type=float, default=0.0, help="uploads a second; 0: as fast as they go")
    options = parser.parse_args()
    files = [(f"{options.prefix}/{path.name}", path.read_bytes()) for path in sorted(options.folder.iterdir())]
    cpu_s = time.process_time()
    uploads = _upload_all(f"{options.url}/upload/storage/v1/b/{options.bucket}/o", files, options.threads, options.rate)
    cpu_s = time.process_time() - cpu_s
    for upload in uploads:
        print(json.dumps(upload))
    print(json.dumps({"cpu_s": cpu_s}))


def _upload_all(url: str, files: list[tuple[str, bytes]], threads: int, rate: float) -> list[dict[str, Any]]:
    uploads: list[dict[str, Any]] = []
    waiting = _paced(files, rate)
    lock = threading.Lock()
    parts = urlsplit(url)

    def work() -> None:
        connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        while True:
            with lock:
                due_at, file = next(waiting, (0.0, None))
            if file is None:
                return
            time.sleep(max(0.0, due_at - time.monotonic()))
            uploads.append(_upload(connection, parts.path, *file))

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return uploads


def _paced(files: list[tuple[str, bytes]], rate: float) -> Iterator[tuple[float, tuple[str, bytes] | None]]:
    started = time.monotonic()
    for index, file in enumerate(files):
        yield started + (index / rate if rate else 0.0), file


def _upload(connection: http.client.HTTPConnection, objects: str, name: str, content: bytes) -> dict[str, Any]:
    path = f"{objects}?uploadType=media&name={quote(name, safe='')}"
    began_ns = time.monotonic_ns()
    connection.request("POST", path, content, {"Content-Type": "image/jpeg"})
    answer = connection.getresponse()
    body = answer.read()
    ended_ns = time.monotonic_ns()
    if answer.status != 200:
        raise SystemExit(f"the store answered {answer.status} to {name}, expected 200:  {body[:200]!r}")
    return {"name": name, "generation": int(json.loads(body)["generation"]), "began_ns": began_ns, "ended_ns": ended_ns}


if __name__ == "__main__":
    main()
