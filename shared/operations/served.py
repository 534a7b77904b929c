"""Check that a deployment serves a model before files are uploaded for it."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request

from shared.errors import BadRequest

TIMEOUT_S = 10


def check_served(url: str, model: str) -> None:
    """Refuse a model that ``classify_request`` does not serve, by the Open Inference Protocol.

    If the service does not answer, nothing is refused.

    Args:
        url: the URL of the service.
        model: ``NAME``, ``NAME@canary`` or ``NAME@VERSION``.

    Raises:
        BadRequest: the model is not served; the message names those that are.
    """
    address = f"{url.rstrip('/')}/v2/models/{urllib.parse.quote(model, safe='')}"
    try:
        urllib.request.urlopen(address, timeout=TIMEOUT_S).close()  # noqa: S310  # http:// of a local cloud
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise BadRequest(_sentence(error, model)) from error
    except OSError:
        return


def _sentence(error: urllib.error.HTTPError, model: str) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"The model {model!r} is not served."
