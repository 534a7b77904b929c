"""What the errors of clients say, without the addresses that they asked, which help nobody who reads them."""

from __future__ import annotations

import re

ADDRESS = re.compile(
    r"(?:GET|HEAD|POST|PUT|PATCH|DELETE) https?://\S+: "
    r"|HTTPS?Connection(?:Pool)?\(host=[^)]*\): "
    r"| with url: \S+"
    r"|<urllib3\.connection\.HTTPS?Connection object at 0x[0-9a-f]+>: "
)
"""How google-api-core, requests and urllib3 write where a request went."""


def said(error: BaseException) -> str:
    """Return an error's text without addresses."""
    return ADDRESS.sub("", str(error))
