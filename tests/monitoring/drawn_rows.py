"""A bundle whose profile is of drawn numbers, and rows of its model in a warehouse in this process."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from shared.bundles.bundle import Bundle, load_bundle
from shared.bundles.folders import MODELS
from shared.monitoring.window import STATISTICS, Pictures, Reference
from shared.settings import DEFAULT_BUNDLE
from shared.signals import profile
from tests.emulators.warehouse_parts import prediction
from tests.memory.warehouse import MemoryWarehouse
from tests.monitoring.drawn import DIMENSIONS, LABELS, MADE_AT, SINCE, drawn_reference

UNTIL = SINCE + timedelta(days=7)
NOON = SINCE + timedelta(days=2, hours=12)


def drawn_bundle(folder: Path, *, has_profile: bool = True, made_at: datetime | None = MADE_AT) -> Bundle:
    """Return a bundle of a model of its own name, with a profile of 300 drawn pictures; there is no model file."""
    manifest = load_bundle(MODELS / DEFAULT_BUNDLE).manifest
    name = f"flowers-{uuid.uuid4().hex}"
    lineage = {"trained_at": made_at.isoformat()} if made_at else {}
    files = {file: digest for file, digest in manifest.files.items() if file != profile.FILE}
    if has_profile:
        write_drawn_profile(folder, files[manifest.model_file])
        files[profile.FILE] = "0" * 64
    changed = replace(manifest, name=name, version="2", labels=LABELS, files=files, lineage=lineage)
    return Bundle(folder, changed, hashlib.sha256(name.encode()).hexdigest())


def write_drawn_profile(folder: Path, model_sha256: str, reference: Reference | None = None) -> None:
    """Write a profile of drawn pictures."""
    drawn = reference or drawn_reference(np.random.default_rng(0))
    pictures = drawn.pictures
    predicted = np.array([LABELS.index(label) for label in pictures.labels], np.int32)
    truth = np.where(drawn.validation.is_right, predicted, (predicted + 1) % len(LABELS)).astype(np.int32)
    directions = np.eye(2 * DIMENSIONS, DIMENSIONS, dtype=np.float32)
    profile.write_profile(
        folder / profile.FILE,
        model_sha256,
        profile.Familiar(directions, drawn.unfamiliar_above),
        profile.Reference(
            embedding=pictures.embeddings.astype(np.float32),
            statistics=pictures.statistics.astype(np.float32),
            score=pictures.scores.astype(np.float32),
            entropy=np.zeros(len(pictures), np.float32),
            novelty=pictures.novelty.astype(np.float32),
            label=truth,
            predicted=predicted,
        ),
    )


def write_rows(
    warehouse: MemoryWarehouse,
    bundle: Bundle,
    pictures: Pictures,
    at: datetime = NOON,
    *,
    has_signals: bool = True,
    **changes: Any,
) -> list[str]:
    """Append a row for each picture, a second after the one before, and return their prediction_ids in that order.

    ``changes`` replace columns; those of ``image`` and ``call`` are added to the row's own.
    """
    ids, rows = [], {}
    for index, label in enumerate(pictures.labels):
        uploaded_at = at + timedelta(seconds=index)
        upload_id = hashlib.sha256(f"{bundle.digest} {uploaded_at} {index}".encode()).hexdigest()
        prediction_id = hashlib.sha256(upload_id.encode()).hexdigest()
        score = float(pictures.scores[index])
        other = (1 - score) / (len(LABELS) - 1)
        row = prediction(
            index,
            prediction_id=prediction_id,
            upload_id=upload_id,
            uploaded_on=uploaded_at.date().isoformat(),
            uploaded_at=uploaded_at.isoformat(),
            recorded_at=uploaded_at.isoformat(),
            label=label,
            score=score,
            candidates=[{"label": name, "score": score if name == label else other} for name in LABELS],
            model={
                "name": bundle.manifest.name,
                "version": bundle.manifest.version,
                "digest": bundle.digest,
                "runtime": "litert",
            },
            signals=_signals(pictures, index) if has_signals else None,
        )
        row["image"] |= {"sha256": prediction_id} | changes.get("image", {})
        row["call"] |= changes.get("call", {})
        ids.append(prediction_id)
        rows[uuid.uuid4().hex] = row | {name: value for name, value in changes.items() if name not in ("image", "call")}
    warehouse.append_rows("predictions", rows)
    return ids


def write_labels(
    warehouse: MemoryWarehouse, labels: Mapping[str, str], at: datetime = NOON + timedelta(days=1)
) -> None:
    """Append people's labels, by prediction_id."""
    moments = {"labelled_on": at.date().isoformat(), "labelled_at": at.isoformat()}
    ids = {uuid.uuid4().hex: prediction_id for prediction_id in labels}
    warehouse.append_rows(
        "labels",
        {
            label_id: {"label_id": label_id, "prediction_id": prediction_id, "label": labels[prediction_id], **moments}
            for label_id, prediction_id in ids.items()
        },
    )


def _signals(pictures: Pictures, index: int) -> dict[str, Any]:
    statistics = zip(STATISTICS, pictures.statistics[index].tolist(), strict=True)
    novelty, embedding = float(pictures.novelty[index]), pictures.embeddings[index].tolist()
    return {"entropy": 0.5, "novelty": novelty, "embedding": embedding, **dict(statistics)}
