"""Where a local object store is known to differ from Cloud Storage; ``docs/object-store-differences.md`` shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ALONE, BEHIND_PROXY = PLACES = ("fake-gcs-server", "with-our-proxy")

DOCS = "https://cloud.google.com/storage/docs/"
PRECONDITIONS = f"{DOCS}request-preconditions"
NAMING = f"{DOCS}objects#naming"
VERSIONING = f"{DOCS}object-versioning"
LIST = f"{DOCS}json_api/v1/objects/list"
RESUMABLE = f"{DOCS}performing-resumable-uploads"


@dataclass(frozen=True, slots=True)
class Difference:
    """A rule that does not hold in a place. Its test must fail there: the day it holds, this entry goes."""

    place: str
    rule: str
    """The name of a test in ``test_object_store_contract``, without ``test_`` and with spaces."""
    instead: str
    documentation: str
    """Where Cloud Storage's behaviour is documented."""


def differences_of(test: str, place: str) -> list[Difference]:
    """Return what is known of a test, by its function's name, in a place: one difference or none."""
    rule = test.removeprefix("test_").replace("_", " ")
    return [difference for difference in DIFFERENCES if (difference.rule, difference.place) == (rule, place)]


def differences_table(place: str) -> str:
    """Return one place's differences in Markdown."""
    lines = ["| what we ask | what it does instead | documented |", "|---|---|---|"]
    lines += [
        f"| {known.rule[0].upper()}{known.rule[1:]} | {known.instead} | [Cloud Storage]({known.documentation}) |"
        for known in DIFFERENCES
        if known.place == place
    ]
    return "\n".join(lines)


def _of(place: str, *entries: Sequence[str]) -> tuple[Difference, ...]:
    return tuple(Difference(place, *entry) for entry in entries)


DIFFERENCES = (
    *_of(
        ALONE,
        (
            "a read obeys its preconditions",
            "it reads, whatever was demanded",
            PRECONDITIONS,
        ),
        (
            "a create only upload of more than eight megabytes leaves what exists",
            "it overwrites: resumable uploads know no preconditions",
            PRECONDITIONS,
        ),
        (
            "of two resumable writers at the same instant exactly one wins",
            "all win, one after the other",
            PRECONDITIONS,
        ),
        (
            "an upload whose checksum is wrong is refused",
            "it is stored, with the checksum of what came",
            f"{DOCS}data-validation",
        ),
        (
            "asking how far an upload got does not finish it",
            "the question stores what came so far as the object",
            f"{RESUMABLE}#status-check",
        ),
        (
            "metadata can change without a new generation",
            "the object gets a new generation, so an event that names the old one finds nothing",
            f"{DOCS}metadata#generation-number",
        ),
        (
            "a copy is made once and of exactly its generation",
            "the second copy overwrites the first: copies know no preconditions",
            PRECONDITIONS,
        ),
        ("of two copies at the same instant exactly one is made", "all are made, one over the other", PRECONDITIONS),
        ("a copy obeys the preconditions on its source", "it copies, whatever was demanded", PRECONDITIONS),
        (
            "deleting an old generation leaves the newer one",
            "the newer one is deleted",
            f"{DOCS}json_api/v1/objects/delete",
        ),
        ("a delete obeys its precondition", "it deletes, whatever was demanded", PRECONDITIONS),
        (
            "a delete is answered without a body",
            "200 and `null`, of which `gcloud storage rm` makes an error",
            f"{DOCS}json_api/v1/objects/delete",
        ),
        ("a batch of deletes is answered one by one", "the answer is no multipart body", f"{DOCS}batch"),
        (
            "a bucket that is not empty is not deleted",
            "it is not, but the answer is 412",
            f"{DOCS}xml-api/delete-bucket",
        ),
        (
            "a listing comes in pages of at most a thousand and leaves nothing out",
            "one page has everything, so code that forgets the second page passes",
            LIST,
        ),
        ("a listing can be of a glob", "the glob is ignored: everything is listed", LIST),
        ("a name of 1024 bytes is taken and one byte more is not", "longer names are taken too", NAMING),
        ("a name of 1024 bytes may be without a slash", "400: a file's name ends at 255 bytes", NAMING),
        (
            "a name may begin as another name and a slash",
            "500: one path cannot be a file and a folder",
            NAMING,
        ),
        ("two slashes in a row make another name than one", "both names are one object", NAMING),
        ("two slashes in a row never reach the object with one", "they do; a delete takes it", NAMING),
        ("a folder marker is an object", "it is neither stored nor refused", NAMING),
        (
            "a name with dots never leaves its bucket",
            "`../` leads out of the bucket's folder, and out of the store's",
            NAMING,
        ),
        ("a name with a line break is refused", "it is taken", NAMING),
        (
            "a bucket can be told to keep versions and to stop",
            "500: its files cannot keep versions",
            VERSIONING,
        ),
        ("a bucket with versions lists and reads what was overwritten", "there is no such bucket", VERSIONING),
        ("a bucket with versions copies what was overwritten", "there is no such bucket", VERSIONING),
        (
            "a bucket with versions deletes for good only what a delete names",
            "there is no such bucket",
            VERSIONING,
        ),
        (
            "a precondition is on the live generation even where an old one is named",
            "there is no such bucket",
            f"{DOCS}json_api/v1/objects/delete",
        ),
        (
            "a bucket tells its storage layout",
            "404, so `gcloud storage rm -r` stops",
            f"{DOCS}json_api/v1/buckets/getStorageLayout",
        ),
        ("a bucket keeps its labels and lifecycle", "they are accepted and forgotten", f"{DOCS}json_api/v1/buckets"),
        (
            "a link with a wrong signature opens nothing",
            "it opens the object: signatures are not looked at",
            f"{DOCS}access-control/signed-urls",
        ),
        (
            "what is missing is answered in googles shape",
            "404, but the reason is `Not Found` where Google writes `notFound`",
            f"{DOCS}json_api/v1/status-codes",
        ),
    ),
    *_of(
        BEHIND_PROXY,
        (
            "an upload whose checksum is wrong is refused",
            "it is stored, with the checksum of what came",
            f"{DOCS}data-validation",
        ),
        (
            "metadata can change without a new generation",
            "400: the proxy refuses what would change the generation",
            f"{DOCS}metadata#generation-number",
        ),
        ("a listing can be of a glob", "the glob is ignored: everything is listed", LIST),
        (
            "a name of 1024 bytes may be without a slash",
            "400: the part between two slashes is a file's name and may have 230 bytes",
            NAMING,
        ),
        ("a name may begin as another name and a slash", "400, with a sentence that says why", NAMING),
        ("two slashes in a row make another name than one", "400, with a sentence that says why", NAMING),
        ("a folder marker is an object", "400, with a sentence that says why", NAMING),
        ("a bucket keeps its labels and lifecycle", "they are accepted and forgotten", f"{DOCS}json_api/v1/buckets"),
        (
            "a link with a wrong signature opens nothing",
            "it opens the object: nobody is asked who they are",
            f"{DOCS}access-control/signed-urls",
        ),
    ),
)
"""In the order of the tests."""
