"""``bucketlens label``."""

from __future__ import annotations

import sys

import click
from rich.markup import escape

from shared.cli.options import Places, console, places_options, remarks
from shared.errors import BadRequest, WarehouseUnavailable
from shared.operations.label import give_label, prediction_named


@click.command("label", short_help="Say what a picture really shows.")
@click.argument("name")
@click.argument("label")
@places_options
@click.option("--model", help="The model that was asked, where several have seen pictures of that name.")
@click.option("--note", help="A remark that is kept with the label.")
@click.option("--url", help="Of classify-request; required with --project.")
@click.option(
    "--token", envvar="BUCKETLENS_TOKEN", help="An identity token; $(gcloud auth print-identity-token) prints yours."
)
def command(
    name: str, label: str, places: Places, model: str | None, note: str | None, url: str | None, token: str | None
) -> None:
    """Give the picture of an upload its right label; the latest label counts.

    NAME is the upload's whole name, or a prediction_id. LABEL may be one that the model does not know; the row says so
    then. none_of_these says that it is none of the model's.

    Exit codes: 0 the label is recorded; 1 the warehouse does not answer; 2 it was refused, and why.

    \b
    Example:
      bucketlens label holiday/rose.jpg roses
      bucketlens label holiday/dog.jpg none_of_these --note "not a flower"
      bucketlens label rose.jpg roses --project my-project --url https://…run.app --token "$TOKEN"
    """
    url = url or (places.cloud.url("classify_request") if places.cloud else None)
    if url is None:
        raise click.UsageError("--project needs --url: the service that takes the label.")
    try:
        prediction = prediction_named(places.warehouse, name, model)
        given = give_label(url, token, prediction["prediction_id"], label, note)
    except BadRequest as error:
        raise click.UsageError(str(error)) from error
    except WarehouseUnavailable as error:
        remarks.print(str(error), style="red", markup=False)
        sys.exit(1)
    before = f" (the model said {escape(prediction['label'])})" if prediction["label"] else ""
    new = "; no model that is served knows this label" if given.is_new else ""
    console.print(f"{escape(name)} is labelled [green]{escape(given.label)}[/]{before}{new}", highlight=False)
