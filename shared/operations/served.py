"""Whether a deployment serves a model, asked before files are sent that would all be refused."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request

from shared.errors import BadRequest

TIMEOUT_S = 10


def check_served(url: str, model: str) -> None:
    """Ask ``classify_request`` for a model by the Open Inference Protocol.

    Where the service does not answer, nothing is known, and nothing is refused.

    Args:
        url: of the service.
        model: ``NAME``, ``NAME@canary`` or ``NAME@VERSION``.

    Raises:
        BadRequest: it is not served; the sentence names those that are.
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
