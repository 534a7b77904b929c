"""Label a picture by its name through ``classify_request``, which checks the caller and the label."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Any

from shared.errors import BadRequest
from shared.ports import Warehouse

TIMEOUT_S = 60
PREDICTION_ID = re.compile(r"[0-9a-f]{64}")

NAMED = """
SELECT prediction_id, image.name, label, score, uploaded_at, model.name AS model_name
FROM latest_predictions
WHERE image.name IN UNNEST(@names)
ORDER BY uploaded_at DESC
"""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A recorded label."""

    label: str
    is_new: bool
    """Whether no served model has the label."""


def prediction_named(warehouse: Warehouse, name: str, model: str | None = None) -> dict[str, Any]:
    """Return the latest prediction of an object: prediction_id, name, label, score, uploaded_at, model_name.

    Args:
        warehouse: the warehouse with the predictions.
        name: the full name of the object, or the id of a prediction.
        model: the model's name; required if several models have classified objects of that name.

    Raises:
        BadRequest: there is no prediction, or there are predictions of several models.
        WarehouseUnavailable: no answer within the deadline.
    """
    if PREDICTION_ID.fullmatch(name):
        return {"prediction_id": name, "name": None, "label": None}
    rows = [row for row in warehouse.query(NAMED, names=[name]).rows if model in (None, row["model_name"])]
    if not rows:
        by_model = f" by the model {model}" if model else ""
        raise BadRequest(
            f"There is no prediction of {name}{by_model}, expected the full name of an upload, as holiday/rose.jpg; "
            "the view latest_predictions has them all in image.name."
        )
    models = sorted({row["model_name"] for row in rows})
    if len(models) > 1:
        raise BadRequest(f"{name} was classified by several models ({', '.join(models)}); choose one with --model.")
    latest: dict[str, Any] = rows[0]
    return latest


def give_label(url: str, token: str | None, prediction_id: str, label: str, note: str | None) -> Labelled:
    """Record a label by HTTPS. After a lost answer it is sent again under the same key, so there is one row.

    Raises:
        BadRequest: the service refuses the label, with its message, or does not answer.
    """
    address = f"{url.rstrip('/')}/v1/predictions/{prediction_id}:label"
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    body = json.dumps({"label": label} | ({"note": note} if note else {})).encode()
    request = urllib.request.Request(address, body, headers)  # noqa: S310  # an address that the caller typed
    for is_last in (False, True):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
                answer = json.load(response)
            return Labelled(answer["label"], bool(answer.get("is_new_label")))
        except urllib.error.HTTPError as error:
            raise BadRequest(_sentence(error)) from error
        except (OSError, ValueError) as error:
            if is_last:
                raise BadRequest(f"{url} gave no answer; is the service running?") from error
    raise AssertionError("unreachable")


def _sentence(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"The service answered with status {error.code}; is its URL right, and may you call it?"
