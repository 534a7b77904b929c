"""The page's own routes: previews of pictures that a browser cannot show, and the history."""

from __future__ import annotations

from shared.http.page import history, preview
from shared.http.route import Protocol

PROTOCOL = Protocol(name="page", position=70, routes=(preview.ROUTE, history.ROUTE))
