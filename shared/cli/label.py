"""``bucketlens label``."""

from __future__ import annotations

import sys

import click

from shared.cli.options import Deployment, console, deployment_options, remarks
from shared.cli.terminal import shown
from shared.errors import BadRequest, WarehouseUnavailable
from shared.operations.label import give_label, prediction_named


@click.command("label", short_help="Correct the label of a picture.")
@click.argument("name")
@click.argument("label")
@deployment_options
@click.option("--model", help="The model of the prediction, if several have classified uploads of that name.")
@click.option("--note", help="A remark that is stored with the label.")
@click.option("--url", help="The URL of classify-request; required with --project.")
@click.option(
    "--token", envvar="BUCKETLENS_TOKEN", help="An identity token; $(gcloud auth print-identity-token) prints yours."
)
def command(
    name: str,
    label: str,
    deployment: Deployment,
    model: str | None,
    note: str | None,
    url: str | None,
    token: str | None,
) -> None:
    """Give the picture of an upload its right label; the latest label counts.

    NAME is the full name of the upload, or a prediction_id. LABEL may be a label that the model does not have; its row
    then has is_new_label = true. Use none_of_these if no label of the model is right.

    Exit codes: 0 the label is recorded; 1 the warehouse does not answer; 2 the label was refused, with the reason.

    \b
    Example:
      bucketlens label holiday/rose.jpg roses
      bucketlens label holiday/dog.jpg none_of_these --note "not a flower"
      bucketlens label rose.jpg roses --project my-project --url https://…run.app --token "$TOKEN"
    """
    url = url or (deployment.cloud.url("classify_request") if deployment.cloud else None)
    if url is None:
        raise click.UsageError("--project needs --url: the service that records the label.")
    try:
        prediction = prediction_named(deployment.warehouse, name, model)
        correction = give_label(url, token, prediction["prediction_id"], label, note)
    except BadRequest as error:
        raise click.UsageError(str(error)) from error
    except WarehouseUnavailable as error:
        remarks.print(str(error), style="red", markup=False)
        sys.exit(1)
    before = f" (the model's label was {shown(prediction['label'])})" if prediction["label"] else ""
    new = "; no served model has this label" if correction.is_new else ""
    console.print(f"{shown(name)} is labelled [green]{shown(correction.label)}[/]{before}{new}", highlight=False)
