"""Stand-ins for gcloud, bq, curl and bucketlens in a local check: they call the local cloud in place of Google.

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
from shared.local.cloud import ARCHIVE_BUCKET, DATASET, PROJECT, QUARANTINE_BUCKET, REPORT_BUCKET, UPLOAD_BUCKET
from tests.environments import ROOT

DEADLINE_S = 30


def gcloud(arguments: list[str]) -> int:
    """Upload for ``storage cp``, print a token, and accept the other commands."""
    match arguments:
        case ["storage", "cp", file, bucket]:
            assert re.fullmatch(r"gs://[\w-]+-upload", bucket), bucket
            store = CloudStorage(PROJECT, DEADLINE_S, endpoint=os.environ["LOCAL_STORAGE"])
            assert store.upload(UPLOAD_BUCKET, f"{os.environ['LOCAL_PREFIX']}/{file}", Path(file))
        case ["storage", "ls", "--long", pattern]:
            assert re.fullmatch(r"gs://[\w-]+-reports/\*\*", pattern), pattern
            store = CloudStorage(PROJECT, DEADLINE_S, endpoint=os.environ["LOCAL_STORAGE"])
            for report in store.uploads(REPORT_BUCKET):
                print(report.size_bytes, report.ref.uri)
        case ["run", "jobs", "execute", "monitor", "--region=europe-west1", argument, "--wait"]:
            return monitor(argument.removeprefix("--args="))
        case ["auth", "print-identity-token"]:
            print("eyJhbGciOiJub25lIn0.e30.", end="")
        case ["storage" | "services" | "builds", *_]:
            print(f"done: {' '.join(arguments[:3])}, by ada@example.com")
        case _:
            print(f"unexpected command: gcloud {' '.join(arguments)}", file=sys.stderr)
            return 2
    return 0


def monitor(argument: str) -> int:
    """Run the job itself on the local cloud."""
    settings = {
        **{"GOOGLE_CLOUD_PROJECT": PROJECT, "BIGQUERY_DATASET": DATASET, "CLOUD_RUN_JOB": "monitor"},
        **{"UPLOAD_BUCKET": UPLOAD_BUCKET, "ARCHIVE_BUCKET": ARCHIVE_BUCKET, "QUARANTINE_BUCKET": QUARANTINE_BUCKET},
        **{"REPORT_BUCKET": REPORT_BUCKET, "STORAGE_EMULATOR_HOST": os.environ["LOCAL_STORAGE"]},
        "BIGQUERY_EMULATOR_HOST": os.environ["LOCAL_WAREHOUSE"],
    }
    command = [sys.executable, str(ROOT / "functions" / "monitor" / "main.py"), argument]
    return subprocess.call(command, env={**os.environ, **settings, "PYTHONPATH": str(ROOT)})


def bq(arguments: list[str]) -> int:
    """Run the query on the local warehouse, limited to this check's uploads: other tests have rows there too."""
    *_, sql = arguments
    own_uploads = f"AND STARTS_WITH(image.name, '{os.environ['LOCAL_PREFIX']}/') ORDER BY"
    local_sql = re.sub(r"`[\w-]+\.(\w+)\.(\w+)`", rf"`{DATASET}.\2`", sql).replace("ORDER BY", own_uploads, 1)
    rows = BigQuery(PROJECT, DATASET, DEADLINE_S, endpoint=os.environ["LOCAL_WAREHOUSE"]).query(local_sql).rows
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
    """Run the command itself on the local cloud, with a smaller load."""
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
