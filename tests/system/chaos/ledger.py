"""The ledger of a run: every generation that the store confirmed, and every answer that an HTTPS caller got."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.pipeline.ids import ImageIds
from shared.types import ObjectRef
from tests.system.chaos.pictures import File


@dataclass(frozen=True, slots=True)
class Put:
    """One generation in the upload bucket."""

    file: File
    ref: ObjectRef

    @property
    def upload_id(self) -> str:
        """The id by which its row is found."""
        return ImageIds.of_object(self.ref).upload_id


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that a caller got, and when."""

    file: File
    status: int
    took_s: float
    retry_after: str | None
    prediction_id: str | None


@dataclass
class Ledger:
    """What was put in; thread-safe, since lists are only appended to."""

    puts: list[Put] = field(default_factory=list)
    unconfirmed: list[File] = field(default_factory=list)
    """Uploads in the bucket, or done already, whose answer with the generation was lost."""
    answers: list[Answer] = field(default_factory=list)

    @property
    def contents(self) -> dict[str, File]:
        """Every file that was ever put in, by digest."""
        files = [put.file for put in self.puts] + self.unconfirmed + [answer.file for answer in self.answers]
        return {file.sha256: file for file in files}
