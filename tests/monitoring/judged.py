"""A judgement of drawn pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from shared.monitoring.audit_rows import Audit
from shared.monitoring.audit_sample import audit_bound
from shared.monitoring.judge import Judgement
from shared.monitoring.retraining_proposal import ModelHistory, Proposal
from shared.monitoring.thresholds import VerdictThresholds
from shared.monitoring.verdict import verdict_on
from tests.monitoring.drawn import LABELS, MODEL, audit_of, drawn_pictures, drawn_reference, window_of


def drawn_judgement(rows: int = 200, **drawn: Any) -> Judgement:
    """Return the judgement of pictures, by default like those of the reference; options: ``drawn_pictures``."""
    random = np.random.default_rng(7)
    reference, pictures = drawn_reference(random), drawn_pictures(random, rows, **drawn)
    audit = audit_of(right=30, wrong=1)
    window = window_of(pictures, audit=audit)
    return Judgement(
        model=MODEL,
        window=window,
        reference=reference,
        verdict=verdict_on(window, reference),
        proposal=Proposal(False, ()),
        history=ModelHistory(trained_at=None, training_pictures=0, unknown_labels=dict.fromkeys(LABELS, 0)),
        rows=rows,
        other_models=(),
        audit=Audit(audit, 40, 31, audit_bound(0.01), window.since),
        thresholds=VerdictThresholds(),
    )
