"""Where the local object store is known to differ from Cloud Storage; ``docs/object-store-differences.md`` shows it."""

from __future__ import annotations

from dataclasses import dataclass

MARK = "differences"
"""Of the table in the document."""
DOCS = "https://cloud.google.com/storage/docs/"


@dataclass(frozen=True, slots=True)
class Difference:
    """A rule that does not hold. Its test must fail: the day it holds, this entry goes."""

    rule: str
    """The name of a test in ``test_object_store_contract``, without ``test_`` and with spaces."""
    instead: str
    documentation: str
    """Where Cloud Storage's behaviour is documented."""


def difference_of(test: str) -> Difference | None:
    """Return what is known of a test, by its function's name."""
    rule = test.removeprefix("test_").replace("_", " ")
    return next((difference for difference in DIFFERENCES if difference.rule == rule), None)


def differences_table() -> str:
    """Return the differences in Markdown."""
    lines = ["| what we ask | what it does instead | documented |", "|---|---|---|"]
    lines += [
        f"| {known.rule[0].upper()}{known.rule[1:]} | {known.instead} | [Cloud Storage]({known.documentation}) |"
        for known in DIFFERENCES
    ]
    return "\n".join(lines)


DIFFERENCES = (
    Difference(
        "an upload of the xml api can have parts",
        "400, with a sentence that names the JSON API's resumable upload",
        f"{DOCS}multipart-uploads",
    ),
    Difference(
        "a link with a wrong signature opens nothing",
        "it opens the object: nobody is asked who they are",
        f"{DOCS}access-control/signed-urls",
    ),
)
"""In the order of the tests."""
