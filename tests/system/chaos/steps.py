"""The steps of the upload function, described by their requests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from shared.emulators.faults.record import Record
from shared.local.cloud import ARCHIVE_BUCKET, QUARANTINE_BUCKET, UPLOAD_BUCKET


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of request.

    Attributes:
        name: a verb, as in the design.
        method: of the request.
        pattern: a regular expression for path and query; ``{name}`` stands for the upload's name.
        at_the_warehouse: whether BigQuery gets it, and not Cloud Storage.
    """

    name: str
    method: str
    pattern: str
    at_the_warehouse: bool = False

    def path(self, name: str | None = None) -> str:
        """Return the expression for the upload of one name, or of any."""
        return self.pattern.replace("{name}", "[^/?]+" if name is None else re.escape(quote(name, safe="")))

    def fits(self, record: Record, name: str | None = None) -> bool:
        """Return whether a recorded request is this step, of the upload of one name or of any."""
        target = f"{record.path}?{urlencode(record.query)}"
        return record.method == self.method and re.search(self.path(name), target) is not None


READ = Step("read", "GET", rf"/b/{UPLOAD_BUCKET}/o/{{name}}\?.*alt=media")
ARCHIVE = Step("archive", "POST", rf"/upload/storage/v1/b/{ARCHIVE_BUCKET}/o")
QUARANTINE = Step("quarantine", "POST", rf"/b/{UPLOAD_BUCKET}/o/{{name}}/rewriteTo/b/{QUARANTINE_BUCKET}/")
RECORD = Step("record", "POST", r"/tables/predictions/insertAll", at_the_warehouse=True)
RECORD_FAILURE = Step("record failure", "POST", r"/tables/failures/insertAll", at_the_warehouse=True)
DELETE = Step("delete", "DELETE", rf"/b/{UPLOAD_BUCKET}/o/{{name}}(\?|$)")

OF_A_PICTURE = (READ, ARCHIVE, RECORD, DELETE)
OF_A_BAD_FILE = (READ, QUARANTINE, RECORD_FAILURE, DELETE)
EVERY = (READ, ARCHIVE, QUARANTINE, RECORD, RECORD_FAILURE, DELETE)
