"""The safeguards: lines of the product that keep the promises, and the scenario that notices when each is removed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

GCS = "shared/adapters/gcs.py"
PIPELINE = "shared/pipeline/pipeline.py"
VIEW = "infra/bigquery/views/latest_predictions.sql"


@dataclass(frozen=True, slots=True)
class Safeguard:
    """A line, and how the product looks without it.

    Attributes:
        name: what is removed, for the table.
        file: where it is, from the project's folder.
        text: the text in the file, which is there exactly once.
        without: the text that replaces it.
        scenario: the scenario that must notice.
    """

    name: str
    file: str
    text: str
    without: str
    scenario: str

    def without_it(self, project: Path) -> str:
        """Return the file's text without the safeguard.

        Raises:
            ValueError: its text is not there exactly once, so this list is out of date.
        """
        content = (project / self.file).read_text("utf-8")
        if (count := content.count(self.text)) != 1:
            raise ValueError(
                f"{self.file} has the text of “{self.name}” {count} times, expected once; "
                f"bring tests/system/chaos/safeguards.py up to date: {self.text!r}"
            )
        return content.replace(self.text, self.without)


SAFEGUARDS = (
    Safeguard(
        "the archive is written create-only",
        GCS,
        "blob.upload_from_string(content, content_type, if_generation_match=0, ",
        "blob.upload_from_string(content, content_type, ",
        "many_names",
    ),
    Safeguard(
        "a 412 that is not an existing object is noticed",
        GCS,
        "            raise StorageRefused(\n"
        '                f"{uri} may not be written, and there is no such object: {message_of(precondition_error)}"\n'
        "            ) from error\n",
        "            return ObjectRef(blob.bucket.name, blob.name, 0)\n",
        "refused_by_policy",
    ),
    Safeguard(
        "a delete names its generation",
        GCS,
        "generation=ref.generation)\n        with suppress(AlreadyDone)",
        ")\n        with suppress(AlreadyDone)",
        "overwritten",
    ),
    Safeguard(
        "a read names its generation",
        GCS,
        "generation=ref.generation)\n        content = _Capped",
        ")\n        content = _Capped",
        "overwritten",
    ),
    Safeguard(
        "the row comes before the delete",
        PIPELINE,
        """        self.warehouse.append(outcome)
        if remove:
            self._remove(upload)
""",
        """        if remove:
            self._remove(upload)
        self.warehouse.append(outcome)
""",
        "killed_anywhere",
    ),
    Safeguard(
        "the archive's copy is waited for",
        PIPELINE,
        "                copy.result()\n",
        "                pass\n",
        "one_step_fails",
    ),
    Safeguard(
        "rows that BigQuery refuses are noticed",
        "shared/adapters/bigquery.py",
        "        if refused:\n",
        "        if False:\n",
        "one_step_fails",
    ),
    Safeguard(
        "the view counts one row of an upload",
        VIEW,
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY uploaded_on, upload_id ORDER BY recorded_at DESC, prediction_id) = 1",
        "",
        "killed_anywhere",
    ),
    Safeguard(
        "the view's partition",
        VIEW,
        "PARTITION BY uploaded_on, upload_id ORDER BY",
        "ORDER BY",
        "many_names",
    ),
    Safeguard(
        "the sweep's attempt markers",
        "shared/backlog/attempts.py",
        'self._store.write_once(self._bucket, name, content, "application/json")',
        "ObjectRef(self._bucket, name, 1)",
        "deadly",
    ),
    Safeguard(
        "events of other buckets are ignored",
        "shared/pipeline/receive.py",
        "    if upload.ref.bucket != upload_bucket:\n",
        "    if False:\n",
        "loops",
    ),
    Safeguard(
        "the rate breaker",
        PIPELINE,
        "            try:\n                self.rate.take()\n",
        "            try:\n                pass\n",
        "flood",
    ),
    Safeguard(
        "three roles need three buckets",
        "shared/parsing/setting_faults.py",
        "    if len(set(roles.values())) == len(roles):\n",
        "    if True:\n",
        "loops",
    ),
)
