"""What the page asks for beside its answers: previews of what a browser cannot show, and the history."""

from __future__ import annotations

from shared.http.page import history, preview
from shared.http.route import Protocol

PROTOCOL = Protocol(name="page", position=70, routes=(preview.ROUTE, history.ROUTE))
