"""Tables stay readable: values that do not fit side by side are printed below each other."""

from __future__ import annotations

import io

import pytest

from shared.adapters.bigquery import Result
from shared.cli.console import TerminalConsole
from shared.cli.query import readable
from shared.cli.release_report import what_to_commit
from shared.release.revisions import Revision, Standing, Target

WIDE = Result(
    [f"column_{number}" for number in range(12)],
    [{f"column_{number}": f"value {number} of a picture" for number in range(12)}] * 2,
)


def drawn(result: Result, width: int) -> list[str]:
    console = TerminalConsole(file=io.StringIO(), width=width)
    console.print(readable(result, width))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


def test_query_stacks_the_values_of_a_row_with_many_columns() -> None:
    lines = drawn(WIDE, 80)
    assert sum("column_7" in line and "value 7 of a picture" in line for line in lines) == 2


@pytest.mark.parametrize("width", [240, 400])
def test_query_prints_a_row_that_fits_side_by_side(width: int) -> None:
    assert sum("column_0" in line and "column_11" in line for line in drawn(WIDE, width)) == 1


def test_query_folds_a_few_long_columns() -> None:
    few = Result(["name", "detail"], [{"name": "a.jpg", "detail": "x" * 300}])
    assert any("name" in line and "detail" in line for line in drawn(few, 80))


def test_query_prints_a_caption_for_an_empty_result() -> None:
    assert any("no rows" in line for line in drawn(Result(list(WIDE.columns), []), 80))


def standing(bundle: str | None) -> Standing:
    revision = Revision(name="r2", image=None, bundle=bundle, created_at=None, is_ready=True)
    return Standing(service="classify-upload", traffic=(Target("r2", 100),), revisions=(revision,), etag="")


def test_what_to_commit_is_a_line_of_tfvars_for_the_served_model() -> None:
    lines = what_to_commit([standing("gs://p-models/roses/2"), standing("gs://p-models/roses/2")])
    assert lines.splitlines()[1:] == ['  model_bundle = "gs://p-models/roses/2"']
    assert "remove model_bundle" in what_to_commit([standing(None)])
