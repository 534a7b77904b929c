"""gcloud, bq, curl and bucketlens in a check that runs here: what they would ask of Google they ask of the local cloud.

``python -m tests.system.cloud_check.stand_ins PROGRAM ARGUMENTS``, with the local cloud's addresses in the environment.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
import uuid
from pathlib import Path

from shared.adapters.bigquery import BigQuery
from shared.adapters.gcs import CloudStorage
from shared.local.cloud import DATASET, PROJECT, UPLOAD_BUCKET

DEADLINE_S = 30


def gcloud(arguments: list[str]) -> int:
    """Upload for ``storage cp``, give a token, and take the rest for done."""
    match arguments:
        case ["storage", "cp", file, bucket]:
            assert re.fullmatch(r"gs://[\w-]+-upload", bucket), bucket
            store = CloudStorage(PROJECT, DEADLINE_S, endpoint=os.environ["LOCAL_STORAGE"])
            assert store.upload(UPLOAD_BUCKET, f"{os.environ['LOCAL_PREFIX']}/{file}", Path(file))
        case ["auth", "print-identity-token"]:
            print("eyJhbGciOiJub25lIn0.e30.", end="")
        case ["storage" | "services" | "builds", *_]:
            print(f"done: {' '.join(arguments[:3])}, by ada@example.com")
        case _:
            print(f"nobody types gcloud {' '.join(arguments)}", file=sys.stderr)
            return 2
    return 0


def bq(arguments: list[str]) -> int:
    """Run the query on the local warehouse, of this check's uploads only: other tests have rows there too."""
    *_, sql = arguments
    ours = f"AND STARTS_WITH(image.name, '{os.environ['LOCAL_PREFIX']}/') ORDER BY"
    asked = re.sub(r"`[\w-]+\.(\w+)\.(\w+)`", rf"`{DATASET}.\2`", sql).replace("ORDER BY", ours, 1)
    rows = BigQuery(PROJECT, DATASET, DEADLINE_S, endpoint=os.environ["LOCAL_WAREHOUSE"]).query(asked).rows
    print(json.dumps(rows))
    return 0


def curl(arguments: list[str]) -> int:
    """Post the file to classify_request."""
    *_, file, url = arguments
    body = Path(file.removeprefix("@")).read_bytes()
    request = urllib.request.Request(_here(url), body, {"Idempotency-Key": str(uuid.uuid4())})
    with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
        print(answer.read().decode())
    return 0


def bucketlens(arguments: list[str]) -> int:
    """Run the command itself on the local cloud, and less of it."""
    if arguments[0] == "doctor":
        print("looked at")
        return 0
    fewer = ["--max-requests", "12", "--max-p95-ms", "60000"]
    return subprocess.call([sys.executable, "-m", "shared.cli", *map(_here, arguments), *fewer])


def _here(url: str) -> str:
    return re.sub(r"^https://stand-in-[\w-]+\.a\.run\.app", os.environ["LOCAL_REQUEST"], url)


if __name__ == "__main__":
    programs = {"gcloud": gcloud, "bq": bq, "curl": curl, "bucketlens": bucketlens}
    sys.exit(programs[sys.argv[1]](sys.argv[2:]))
