"""What the page asks for beside its answers: previews of what a browser cannot show, and the history."""

from __future__ import annotations

from shared.dialects import history, preview
from shared.dialects.route import Dialect

DIALECT = Dialect(name="page", routes=(preview.ROUTE, history.ROUTE))
