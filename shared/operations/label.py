"""Label a picture by its name, through ``classify_request``, which knows the caller and the rules for labels."""

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
    """A label that was taken."""

    label: str
    is_new: bool
    """Whether no model that is served knows it."""


def prediction_named(warehouse: Warehouse, name: str, model: str | None = None) -> dict[str, Any]:
    """Return the latest prediction of an object's name: prediction_id, name, label, score, uploaded_at, model_name.

    Args:
        warehouse: where to look.
        name: the object's whole name, or a prediction's id.
        model: the name of the model that is meant; needed where several have seen pictures of that name.

    Raises:
        BadRequest: there is none, or several models have seen one.
        WarehouseUnavailable: no answer within the deadline.
    """
    if PREDICTION_ID.fullmatch(name):
        return {"prediction_id": name, "name": None, "label": None}
    rows = [row for row in warehouse.query(NAMED, names=[name]).rows if model in (None, row["model_name"])]
    if not rows:
        asked = f" by the model {model}" if model else ""
        raise BadRequest(
            f"There is no prediction of {name}{asked}, expected the whole name of an upload, such as holiday/rose.jpg; "
            "the view latest_predictions has them all in image.name."
        )
    models = sorted({row["model_name"] for row in rows})
    if len(models) > 1:
        raise BadRequest(f"{name} was classified by several models ({', '.join(models)}); say which with --model.")
    found: dict[str, Any] = rows[0]
    return found


def give_label(url: str, token: str | None, prediction_id: str, label: str, note: str | None) -> Labelled:
    """Append a label by HTTPS. A lost answer is asked for again under the same key, so it is one row.

    Raises:
        BadRequest: the service refuses it, in its own words, or does not answer.
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
