"""Windows that cannot be judged, each with a sentence on what is missing."""

from __future__ import annotations

from shared.monitoring.window import Reference, Window


def fault_of(window: Window, reference: Reference | None, min_pictures: int) -> str | None:
    """Return why a window cannot be compared with a reference, as a sentence on what to do; None where it can.

    Args:
        window: with rows of any models.
        reference: None where the model's bundle has no profile.
        min_pictures: that a comparison needs.
    """
    period = f"{window.since:%Y-%m-%d %H:%M} to {window.until:%Y-%m-%d %H:%M}"
    models, rows = [model for model, _ in window.models], len(window.pictures)
    if reference is not None and window.until <= reference.made_at:
        made = f"{reference.model} was made at {reference.made_at:%Y-%m-%d %H:%M}"
        return f"The window from {period} ends before its model: {made}. Choose a later window."
    if not rows:
        return f"There are no rows from {period}; choose a longer window, or find out why nothing is classified."
    if len(models) > 1:
        counted = ", ".join(f"{model} ({rows})" for model, rows in window.models)
        return f"The window has rows of {len(models)} models: {counted}. Choose one of them, or a shorter window."
    if reference is None:
        model = str(models[0]) if models else "the model"
        return f"The bundle of {model} has no profile to compare with; add one with: bucketlens bundle profile"
    if models and models[0].digest != reference.model.digest:
        return (
            f"The rows are of {models[0]} ({models[0].digest[:12]}…), and the reference is of {reference.model} "
            f"({reference.model.digest[:12]}…); take the reference from the bundle that gave the labels."
        )
    if rows < min_pictures:
        return f"There are {rows} rows from {period}, and {min_pictures} are needed; choose a longer window."
    return None
