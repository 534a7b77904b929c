"""Settings become a pipeline: the one place that chooses adapters, and where the heavy imports happen."""

from __future__ import annotations

from collections.abc import Iterable

from shared.bundle import Bundle
from shared.classifiers import Classifiers
from shared.classify import Classifier
from shared.decode import Limits
from shared.memory import Memory
from shared.pipeline import Pipeline
from shared.ports import Model, Strip
from shared.rate import RateBreaker
from shared.settings import Platform, Settings


def build_pipeline(settings: Settings, platform: Platform, bundles: Iterable[Bundle]) -> Pipeline:
    """Connect the steps to Cloud Storage, BigQuery and the models' runtimes, and warm the models up.

    Raises:
        InvalidBundle: the model file and its manifest disagree.
    """
    from shared.adapters.bigquery import BigQuery
    from shared.adapters.gcs import CloudStorage

    classifiers = Classifiers([Classifier(bundle, load_model(bundle, settings.model_threads)) for bundle in bundles])
    for classifier in classifiers:
        classifier.warm_up()
    return Pipeline(
        classifiers=classifiers,
        store=CloudStorage(settings.project, settings.storage_deadline_s, endpoint=platform.storage_endpoint),
        warehouse=BigQuery(
            settings.project,
            settings.dataset,
            settings.warehouse_deadline_s,
            endpoint=platform.warehouse_endpoint,
        ),
        archive_bucket=settings.archive_bucket,
        quarantine_bucket=settings.quarantine_bucket,
        limits=Limits(settings.max_image_bytes, settings.max_image_pixels),
        memory=Memory.of_instance(settings.memory_mb),
        rate=RateBreaker(settings.max_images_per_minute),
        strip=_stripper() if settings.strip_metadata else None,
    )


def _stripper() -> Strip:
    from shared.stripping.picture import without_metadata

    return without_metadata


def load_model(bundle: Bundle, threads: int) -> Model:
    """Open the bundle's model in the runtime that its manifest names.

    Raises:
        InvalidBundle: the file is no model of that runtime, or the runtime is not installed.
    """
    match bundle.manifest.runtime:
        case "litert":
            from shared.adapters.litert import LiteRTModel

            return LiteRTModel(bundle.model_path, threads)
        case "keras":
            from shared.adapters.keras import load_keras

            return load_keras(bundle.model_path)
        case _:
            from shared.adapters.keras import load_saved_model

            return load_saved_model(bundle.model_path)
