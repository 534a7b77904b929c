"""Tests that numbers in documents are those of the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from shared.http import admission, request_options
from shared.http.protocols import bigquery_remote_function, bucketlens, feedback, model_repository
from shared.http.protocols.v1_instances import choice_from
from shared.parsing import gs_uri
from shared.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
LIMITS = {
    "an `Idempotency-Key`": f"{request_options.MAX_KEY_CHARACTERS} characters",
    "the name of a file in `Content-Disposition`": f"{request_options.MAX_NAME_BYTES:,} bytes in UTF-8",
    "the name of an object in a URI": f"{gs_uri.MAX_NAME_BYTES:,} bytes in UTF-8",
    "JSON that names an object for `/v1/classify` or `/v1/preview`": f"{bucketlens.MAX_URI_BODY_BYTES:,} bytes",
    "the body of a request to the model repository": f"{model_repository.MAX_BODY_BYTES:,} bytes",
    "a label": f"{feedback.MAX_LABEL_CHARACTERS} characters",
    "a note on a label": f"{feedback.MAX_NOTE_CHARACTERS:,} characters",
    "an `errorMessage` for BigQuery": f"{bigquery_remote_function.MAX_ERROR_CHARACTERS} characters",
    "requests that queue, in addition to `THREADS` requests that run": "`THREADS`",
    "the time that a request queues": f"{admission.QUEUE_TIMEOUT_S:.0f} seconds",
}
DEFAULTS = {setting.metadata["env"]: setting.metadata["default"] for setting in fields(Settings)}


def page(name: str) -> str:
    return " ".join((DOCS / name).read_text("utf-8").split())


def test_https_page_has_the_limits_of_the_code_and_no_others() -> None:
    _, _, behind = (DOCS / "https.md").read_text("utf-8").partition("### Limits that no setting changes")
    table = behind.partition("\n###")[0]
    assert dict(re.findall(r"^\| (.+) \| (.+) \|$", table, re.MULTILINE)) == {"what": "at most", **LIMITS}


def test_https_page_names_the_defaults_of_vertex() -> None:
    left_out = choice_from({})
    sentence = f"{left_out.most} for `maxPredictions` and {left_out.threshold:.0f} for `confidenceThreshold`"
    assert sentence in page("https.md")


def test_reliability_page_names_how_long_a_request_waits() -> None:
    assert admission.QUEUE_TIMEOUT_S == 2
    assert "As many more queue, for at most two seconds" in page("reliability.md")


@pytest.mark.parametrize(
    ("sentence", "variable", "default"),
    [
        ("The default is 512", "MEMORY_MB", "512"),
        ("With the default of 20 MiB", "MAX_IMAGE_BYTES", str(20 << 20)),
        ("The defaults `THREADS=8` and `MODEL_THREADS=4`", "THREADS", "8"),
        ("The defaults `THREADS=8` and `MODEL_THREADS=4`", "MODEL_THREADS", "4"),
    ],
)
def test_small_places_page_names_the_defaults(sentence: str, variable: str, default: str) -> None:
    assert sentence in page("small-places.md")
    assert DEFAULTS[variable] == default
