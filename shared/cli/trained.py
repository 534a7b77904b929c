"""The summary at the end of ``bucketlens train``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.bundles.bundle import Bundle
from shared.cli.bundle_names import typed_bundle
from shared.cli.options import console, remarks
from shared.cli.terminal import shown

if TYPE_CHECKING:
    from shared.training.report import Report


def summarise(bundle: Bundle, report: Report) -> None:
    """Print the figures of a new bundle, and how to check it."""
    manifest = bundle.manifest
    pictures = "out-of-fold pictures" if manifest.lineage.get("folds") else "validation pictures"
    console.print(
        f"{shown(bundle.folder)}: accuracy {report.accuracy:.1%}, macro F1 {report.macro_f1:.3f}, calibration error "
        f"{report.ece:.3f} on {report.images} {pictures}, int8 at {manifest.input.width_px} px; "
        f"scores below {manifest.review_below:.2f} need review, as {report.needs_review:.1%} of these do",
        soft_wrap=True,
        highlight=False,
    )
    if report.binary is not None and manifest.threshold is not None:
        console.print(
            f"{shown(report.binary.positive)} from a score of {manifest.threshold.score} on: "
            f"AUC {report.binary.auc:.4f}, sensitivity {report.binary.sensitivity:.1%}, "
            f"specificity {report.binary.specificity:.1%}",
            soft_wrap=True,
            highlight=False,
        )
    from shared.training.report import too_few

    if few := too_few(report.images, pictures):
        remarks.print(few, style="yellow", soft_wrap=True, highlight=False)
    console.print(
        f"Check it on other pictures: bucketlens evaluate {shown(typed_bundle(bundle.folder))} DATA",
        soft_wrap=True,
        highlight=False,
    )
