"""Messages of clients' errors without the addresses of services, which do not help the reader."""

from __future__ import annotations

import re

ADDRESS = re.compile(
    r"(?:GET|HEAD|POST|PUT|PATCH|DELETE) https?://\S+: "
    r"|HTTPS?Connection(?:Pool)?\(host=[^)]*\): "
    r"| with url: \S+"
    r"|<urllib3\.connection\.HTTPS?Connection object at 0x[0-9a-f]+>: "
)
"""How google-api-core, requests and urllib3 write the address of a request."""


def message_of(error: BaseException) -> str:
    """Return an error's message without addresses."""
    return ADDRESS.sub("", str(error))
