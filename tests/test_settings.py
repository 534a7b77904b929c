"""Settings: read once, checked together, and every fault is named."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from shared.bundles.folders import MODELS, bundle_folder
from shared.bundles.references import BundleReference
from shared.errors import Misconfigured
from shared.settings import Platform, Settings, inherited_environment, own_models

REQUIRED = {
    "GOOGLE_CLOUD_PROJECT": "my-project",
    "UPLOAD_BUCKET": "my-uploads",
    "ARCHIVE_BUCKET": "my-archive",
    "QUARANTINE_BUCKET": "my-quarantine",
}


def faults_of(environment: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(Misconfigured) as refused:
        Settings.from_environment(environment)
    return refused.value.faults


def test_settings_need_four_values_and_have_defaults_for_the_others() -> None:
    settings = Settings.from_environment(REQUIRED)
    assert dataclasses.asdict(settings) == {
        "project": "my-project",
        "upload_bucket": "my-uploads",
        "archive_bucket": "my-archive",
        "quarantine_bucket": "my-quarantine",
        "report_bucket": "",
        "dataset": "bucketlens",
        "readable_buckets": (),
        "model_bundle": ({"location": "flowers_v1", "name": None, "alias": None},),
        "model_load": False,
        "page_history": False,
        "allowed_hosts": (),
        "callers": "iam",
        "iap_audience": "",
        "label_keys": (),
        "max_image_bytes": 20 * 1024 * 1024,
        "max_image_pixels": 50_000_000,
        "max_images_per_request": 16,
        "max_event_age_s": 3600,
        "max_images_per_minute": 30000,
        "max_request_s": 60,
        "backlog_age_s": 900,
        "attempt_timeout_s": 300,
        "memory_mb": 512,
        "threads": 8,
        "model_threads": 4,
        "storage_deadline_s": 20,
        "warehouse_deadline_s": 20,
        "strip_metadata": False,
        "store_embedding": True,
        "log_format": "auto",
    }


def test_settings_can_all_be_set() -> None:
    values = {
        "BIGQUERY_DATASET": "Flowers_2",
        "READABLE_BUCKETS": "my-uploads, my-photos,,",
        "MODEL_BUNDLE": "/models/roses",
        "MAX_IMAGE_BYTES": "1",
        "LOG_FORMAT": "json",
    }
    settings = Settings.from_environment({**REQUIRED, **values})
    assert (settings.dataset, settings.readable_buckets) == ("Flowers_2", ("my-uploads", "my-photos"))
    assert (settings.model_bundle, settings.max_image_bytes, settings.log_format) == (
        (BundleReference("/models/roses"),),
        1,
        "json",
    )


def test_settings_name_all_faults_with_what_was_expected() -> None:
    faults = faults_of(
        {
            "UPLOAD_BUCKET": "My Uploads",
            "ARCHIVE_BUCKET": "same",
            "QUARANTINE_BUCKET": "same",
            "BIGQUERY_DATASET": "my-dataset",
            "READABLE_BUCKETS": "fine-one,Bad One",
            "MAX_IMAGE_BYTES": "20MB",
            "MODEL_THREADS": "0",
            "LOG_FORMAT": "xml",
        }
    )
    assert faults == (
        "GOOGLE_CLOUD_PROJECT is not set (The project that holds the buckets and the dataset.)",
        "UPLOAD_BUCKET is 'My Uploads', expected a bucket name: 3 to 222 of a-z, 0-9, dot, dash, underscore",
        "BIGQUERY_DATASET is 'my-dataset', expected a dataset name: letters, digits and underscores",
        "READABLE_BUCKETS is 'fine-one,Bad One', expected a bucket name: 3 to 222 of a-z, 0-9, dot, dash, underscore",
        "MAX_IMAGE_BYTES is '20MB', expected a whole number above 0",
        "MODEL_THREADS is '0', expected a whole number above 0",
        "LOG_FORMAT is 'xml', expected auto, json or text",
        "ARCHIVE_BUCKET is 'same', QUARANTINE_BUCKET is 'same': "
        "expected three different buckets, or an image would be classified again and again",
    )


def test_settings_error_message_has_every_fault() -> None:
    with pytest.raises(Misconfigured, match=r"the environment: .*GOOGLE_CLOUD_PROJECT.*QUARANTINE_BUCKET"):
        Settings.from_environment({})


@pytest.mark.parametrize("taken_by", ["ARCHIVE_BUCKET", "QUARANTINE_BUCKET"])
def test_settings_need_three_different_buckets(taken_by: str) -> None:
    [fault] = faults_of({**REQUIRED, taken_by: REQUIRED["UPLOAD_BUCKET"]})
    assert f"{taken_by} is 'my-uploads'" in fault
    assert "again and again" in fault


@pytest.mark.parametrize("taken_by", ["UPLOAD_BUCKET", "ARCHIVE_BUCKET", "QUARANTINE_BUCKET"])
def test_settings_need_a_bucket_of_its_own_for_reports(taken_by: str) -> None:
    [fault] = faults_of({**REQUIRED, "REPORT_BUCKET": REQUIRED[taken_by]})
    assert fault == f"REPORT_BUCKET and {taken_by} are '{REQUIRED[taken_by]}': expected a bucket of its own for reports"
    assert Settings.from_environment({**REQUIRED, "REPORT_BUCKET": "my-reports"}).report_bucket == "my-reports"


def test_settings_need_an_attempt_timeout_longer_than_all_calls() -> None:
    [fault] = faults_of({**REQUIRED, "ATTEMPT_TIMEOUT_S": "100"})
    assert fault.startswith("ATTEMPT_TIMEOUT_S is '100', expected more than 100:")
    short = {"ATTEMPT_TIMEOUT_S": "6", "STORAGE_DEADLINE_S": "1", "WAREHOUSE_DEADLINE_S": "1"}
    assert Settings.from_environment({**REQUIRED, **short}).attempt_timeout_s == 6


KEY = "0123456789abcdef" * 4


def test_settings_never_show_secret_keys() -> None:
    settings = Settings.from_environment({**REQUIRED, "LABEL_KEYS": f"{KEY}, {KEY[::-1]}"})
    assert settings.label_keys == (KEY, KEY[::-1])
    assert KEY not in repr(settings)
    [fault] = faults_of({**REQUIRED, "LABEL_KEYS": f"{KEY},hunter2"})
    assert fault.startswith("LABEL_KEYS is set, expected keys of 32 or more ASCII characters")
    assert not [key for key in (KEY, "hunter2") if key in fault]


def test_settings_need_an_audience_for_iap() -> None:
    [fault] = faults_of({**REQUIRED, "CALLERS": "iap"})
    assert fault.startswith("IAP_AUDIENCE is not set and CALLERS is 'iap', expected /projects/NUMBER/")
    assert faults_of({**REQUIRED, "CALLERS": "everybody"}) == ("CALLERS is 'everybody', expected iam, iap or none",)


def test_settings_read_host_names_in_any_case_and_with_ports() -> None:
    settings = Settings.from_environment({**REQUIRED, "ALLOWED_HOSTS": "localhost, Images.Example.com:8080,,[::1]:80"})
    assert settings.allowed_hosts == ("localhost", "images.example.com:8080", "[::1]:80")


@pytest.mark.parametrize("hosts", ["https://example.com", "a b", "*", "example.com/x", ":80", "a:b"])
def test_settings_refuse_malformed_host_names(hosts: str) -> None:
    [fault] = faults_of({**REQUIRED, "ALLOWED_HOSTS": hosts})
    assert fault.startswith(f"ALLOWED_HOSTS is {hosts!r}, expected host names separated by commas")


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "", " 7", "1e3", "٣", "0x10", "1_000"])
def test_settings_numbers_are_digits_only(number: str) -> None:
    environment = {**REQUIRED, "MAX_EVENT_AGE_S": number}
    if number == "":
        assert Settings.from_environment(environment).max_event_age_s == 3600
    else:
        assert faults_of(environment) == (f"MAX_EVENT_AGE_S is {number!r}, expected a whole number above 0",)


def test_settings_treat_an_empty_variable_as_not_set() -> None:
    """Terraform and compose files write empty strings for what they leave out."""
    assert Settings.from_environment({**REQUIRED, "BIGQUERY_DATASET": ""}).dataset == "bucketlens"
    assert faults_of({**REQUIRED, "UPLOAD_BUCKET": ""})[0].startswith("UPLOAD_BUCKET is not set")


def test_settings_allow_requests_up_to_cloud_runs_limit_or_one_image() -> None:
    small = Settings.from_environment({**REQUIRED, "MAX_IMAGE_BYTES": "1000"})
    large = Settings.from_environment({**REQUIRED, "MAX_IMAGE_BYTES": str(64 << 20)})
    assert (small.max_request_bytes, large.max_request_bytes) == (32 << 20, 64 << 20)


def test_settings_are_read_from_the_process_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    assert Settings.from_environment().project == "my-project"


def test_platform_has_defaults_away_from_cloud_run() -> None:
    assert Platform.from_environment({}) == Platform(None, None, False, None, None, 0, 1)


def test_platform_has_the_service_and_revision_of_cloud_run() -> None:
    service = Platform.from_environment({"K_SERVICE": "classify-upload", "K_REVISION": "classify-upload-00007"})
    assert (service.service, service.revision, service.is_cloud) == ("classify-upload", "classify-upload-00007", True)
    job = Platform.from_environment(
        {
            "CLOUD_RUN_JOB": "sweep",
            "CLOUD_RUN_EXECUTION": "sweep-x",
            "CLOUD_RUN_TASK_INDEX": "2",
            "CLOUD_RUN_TASK_COUNT": "5",
        }
    )
    assert (job.service, job.revision, job.task_index, job.task_count) == ("sweep", "sweep-x", 2, 5)


def test_platform_without_iam_does_not_trust_the_callers_token() -> None:
    local = {"K_SERVICE": "classify_request", "BIGQUERY_EMULATOR_HOST": "http://127.0.0.1:9050"}
    assert not Platform.from_environment(local).is_cloud
    assert not Platform.from_environment({}).is_cloud


def test_platform_is_a_shadow_only_if_set() -> None:
    assert Platform.from_environment({"SHADOW": "true"}).is_shadow
    assert not Platform.from_environment({"SHADOW": "false"}).is_shadow
    assert not Platform.from_environment({}).is_shadow


def test_bundle_folder_is_of_a_shipped_name_or_a_path(tmp_path: Path) -> None:
    assert bundle_folder(str(tmp_path), own_models()) == tmp_path
    assert bundle_folder("no_such_bundle", own_models()) == Path("no_such_bundle")
    for shipped in MODELS.glob("*/"):
        assert bundle_folder(shipped.name, own_models()) == shipped


def test_inherited_environment_has_the_childs_settings_and_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPLOAD_BUCKET", "of-this-shell")
    monkeypatch.setenv("SOMETHING_ELSE", "kept")
    environment = inherited_environment({"ARCHIVE_BUCKET": "given"})
    assert "UPLOAD_BUCKET" not in environment
    assert (environment["SOMETHING_ELSE"], environment["ARCHIVE_BUCKET"]) == ("kept", "given")
