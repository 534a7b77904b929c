"""Tests of what a transcript shows, and what it must not."""

from __future__ import annotations

import pytest

from tests.system.cloud_check.transcript import FIRST_LINES, LAST_LINES, Entry, Transcript, proved

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJlbWFpbCI6ImEifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "secret",
    [
        "ya29.a0AfH6SMBx-y_z",
        JWT,
        f"Authorization: Bearer {JWT}",
        "Authorization: bearer abc123def",
        "--token=abc123def",
        "password: hunter2",
        "ada@example.com",
        "service-123456789012@gcp-sa-eventarc.iam.gserviceaccount.com",
        "billingAccounts/0A1B2C-3D4E5F-678901",
        "projects/123456789012/locations",
        "AIzaSyA1234567890abcdefghijklmnop",
        "-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----",
        "the-secret-project",
    ],
)
def test_transcript_holds_no_secret_no_person_and_no_project(secret: str) -> None:
    transcript = Transcript({"the-secret-project": "my-project"})
    transcript.entries.append(Entry("step", (f"echo {secret}",), f"it said {secret} twice: {secret}", 1.0, secret))
    shown = transcript.as_markdown(secret)
    for part in (
        "abc123def",
        "hunter2",
        "ada",
        "123456789012",
        "0A1B2C",
        "MIIabc",
        "secret-project",
        "eyJ",
        "ya29",
        "AIza",
    ):
        assert part not in shown


def test_transcript_keeps_other_text() -> None:
    output = (
        "Plan: 104 to add, 0 to change. https://classify-request.a.run.app sha256:" + "0123456789" * 6 + " in 1,234 ms"
    )
    assert Transcript({}).clean(output) == output


def test_transcript_cuts_outputs_in_the_middle_and_drops_control_characters() -> None:
    transcript = Transcript({})
    lines = "\n".join(f"line {number}" for number in range(100))
    transcript.entries.append(Entry("apply", ("terraform apply",), f"\x1b[32m{lines}\x1b[0m\x07", 200.0))
    shown = transcript.as_markdown("heading")
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert shown.count("\nline ") == FIRST_LINES + LAST_LINES
    assert f"… {100 - FIRST_LINES - LAST_LINES} lines …" in shown
    assert "$ terraform apply" in shown
    assert "3.3 min" in shown


def test_transcript_output_cannot_end_its_own_block() -> None:
    transcript = Transcript({})
    transcript.entries.append(Entry("x", ("y",), "````\n<!-- /cloud-check -->", 1.0))
    shown = transcript.as_markdown("heading")
    assert shown.count("````") == 2
    assert "<!-- /cloud-check -->" not in shown


def test_transcript_proves_only_steps_that_passed() -> None:
    entries = [
        Entry("a", (), "", 1, "", "A holds"),
        Entry("b", (), "", 1, "exit code 1", "B holds"),
        Entry("c", (), "", 1),
    ]
    assert proved(entries) == ["A holds"]
