"""Build the pipeline from settings. Only this module chooses adapters and imports the heavy libraries."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from werkzeug.datastructures import Headers

from shared.bundles.bundle import Bundle
from shared.bundles.resolve import BundleSource
from shared.caller import caller_from
from shared.errors import InvalidBundle
from shared.images.decode import Limits
from shared.images.memory_budget import MIB, MemoryBudgets
from shared.inference.classifier import Classifier
from shared.inference.registry import ModelRegistry
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.rate_limit import RateLimit
from shared.ports import Model, ObjectStore, Strip
from shared.settings import Platform, Settings, own_models

if TYPE_CHECKING:
    from shared.adapters.bigquery import BigQuery

RUNTIMES = "shared.adapters.runtimes"
"""The package of runtimes: each module has the name that a manifest's ``runtime`` gives, and ``open_model``."""


def build_pipeline(settings: Settings, platform: Platform, models: ModelRegistry) -> Pipeline:
    """Open and warm up the models, and connect the steps to Cloud Storage and BigQuery.

    Raises:
        InvalidBundle: a model file and its manifest disagree.
    """
    models.open()
    return Pipeline(
        models=models,
        store=open_store(settings, platform),
        warehouse=open_warehouse(settings, platform),
        archive_bucket=settings.archive_bucket,
        quarantine_bucket=settings.quarantine_bucket,
        limits=Limits(settings.max_image_bytes, settings.max_image_pixels),
        memory=MemoryBudgets.of_instance(settings.memory_mb),
        rate=RateLimit(settings.max_images_per_minute),
        strip=_stripper() if settings.strip_metadata else None,
        store_embedding=settings.store_embedding,
    )


def open_warehouse(settings: Settings, platform: Platform) -> BigQuery:
    """Return a client of BigQuery."""
    from shared.adapters.bigquery import BigQuery

    endpoint = platform.warehouse_endpoint
    return BigQuery(settings.project, settings.dataset, settings.warehouse_deadline_s, endpoint=endpoint)


def open_store(settings: Settings, platform: Platform) -> ObjectStore:
    """Return a client of Cloud Storage."""
    from shared.adapters.gcs import CloudStorage

    return CloudStorage(settings.project, settings.storage_deadline_s, endpoint=platform.storage_endpoint)


def caller_reader(settings: Settings, platform: Platform) -> Callable[[Headers], str | None]:
    """Return the function that reads the caller from headers; it returns None if callers are not verified."""
    if settings.callers == "iap":
        from shared.adapters import iap

        return iap.AssertionVerifier(settings.iap_audience, iap.KEYS_URL).caller
    return caller_from if settings.callers == "iam" and platform.is_cloud else lambda _: None


def build_registry(settings: Settings, platform: Platform) -> ModelRegistry:
    """Read the bundles to serve, without opening a model; connect to Cloud Storage only if a bundle is in a bucket.

    Raises:
        Misconfigured: the message names every fault of the bundles and of ``MODEL_BUNDLE``.
    """
    source = BundleSource(lambda: open_store(settings, platform), settings.memory_mb * MIB // 2, own_models())
    return ModelRegistry(source, settings.model_bundle, lambda bundle: open_classifier(bundle, settings.model_threads))


def open_classifier(bundle: Bundle, threads: int) -> Classifier:
    """Open a bundle's model and run it once.

    Raises:
        InvalidBundle: the model file and the manifest disagree, or the model cannot be run.
    """
    manifest = bundle.manifest
    try:
        classifier = Classifier(bundle, load_model(bundle, threads))
        classifier.warm_up()
    except InvalidBundle as error:
        raise InvalidBundle(f"the bundle {manifest.name}, version {manifest.version}", error.faults) from error
    except (RuntimeError, ValueError) as error:
        fault = f"the model {manifest.model_file} cannot be run ({type(error).__name__}); export it again"
        raise InvalidBundle(f"the bundle {manifest.name}, version {manifest.version}", [fault]) from error
    return classifier


def _stripper() -> Strip:
    from shared.images.metadata.strip import strip_metadata

    return strip_metadata


def load_model(bundle: Bundle, threads: int) -> Model:
    """Open the bundle's model in the runtime that its manifest names.

    Raises:
        InvalidBundle: the file is not a model of that runtime, or the runtime is not installed.
    """
    runtime = import_module(f"{RUNTIMES}.{bundle.manifest.runtime}")
    model: Model = runtime.open_model(bundle, threads)
    return model
