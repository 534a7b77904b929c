"""Tests that only what an image needs leaves the machine, and nothing that looks like a secret."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from tests.system.image.context import build_context, cloud_upload, matching
from tests.system.image.dockerfile import parse
from tests.system.image.engine import ROOT
from tests.system.image.secret_like import secret_like
from tests.system.image.stages import copied_files

SECRETS = (
    *(".env", "key.json", "service-account.json", "terraform.tfstate", "prod.tfvars", "functions/.env"),
    *(
        "functions/classify_upload/.env",
        "functions/classify_upload/key.json",
        "shared/credentials.json",
        "shared/.netrc",
    ),
    *("shared/adapters/client.pem", "shared/models/flowers_v1/key.json", "shared/models/id_rsa", ".git/config"),
    *(".bucketlens/cloud.json", "shared/local/secrets.json", "tests/private.key", "infra/environments/secret.tfvars"),
)


def test_context_has_only_files_that_a_target_copies() -> None:
    dockerfile, files = parse((ROOT / "functions" / "Dockerfile").read_text("utf-8")), build_context(ROOT)
    copied = {file for stage in dockerfile.stages for file in copied_files(dockerfile, stage.name, files)}
    assert sorted(set(files) - copied) == []


def test_context_has_nothing_that_looks_like_a_secret(tmp_path: Path) -> None:
    assert secret_like(ROOT, build_context(ROOT)) == []
    assert secret_like(ROOT, cloud_upload(ROOT, tmp_path)) == []


def test_context_leaves_out_secrets_in_the_checkout(checkout: Path, tmp_path: Path) -> None:
    before = build_context(checkout), cloud_upload(checkout, tmp_path / "one")
    for name in SECRETS:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("password", "utf-8")
    assert (build_context(checkout), cloud_upload(checkout, tmp_path / "two")) == before


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("shared/settings.py", "KEY = '''-----BEGIN " + "PRIVATE KEY-----'''"),
        ("shared/models/flowers_v1/manifest.json", '{"private_key_id' + '": "0a1b2c"}'),
        ("functions/gunicorn.conf.py", f"token = 'ya29.{'x' * 30}'"),
        ("shared/client_secret.py", "# nothing yet"),
    ],
)
def test_secret_in_a_file_of_the_context_is_found(checkout: Path, file: str, content: str) -> None:
    (checkout / file).write_text(content, "utf-8")
    assert [finding.split(":")[0] for finding in secret_like(checkout, build_context(checkout))] == [file]


def test_gcloud_uploads_the_context_and_the_build_files(tmp_path: Path) -> None:
    how = [name for name in (".dockerignore", "functions/Dockerfile", "cloudbuild.yaml") if (ROOT / name).is_file()]
    assert set(cloud_upload(ROOT, tmp_path)) == {*build_context(ROOT), *how}


@pytest.mark.parametrize("bundle", [path.name for path in sorted(MODELS.iterdir()) if path.is_dir()])
def test_bundles_that_ship_are_complete_in_the_image(bundle: str, checkout: Path) -> None:
    folder = checkout / "shared" / "models" / bundle
    assert folder.is_dir(), f"{bundle} needs its lines in .dockerignore"
    assert load_bundle(folder).digest == load_bundle(MODELS / bundle).digest


def test_context_folder_is_read_by_its_own_ignore_file(tmp_path: Path) -> None:
    for name in ("a/one.py", "a/two.txt", "a/b/three.py", "c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".dockerignore").write_text("# all but\n*\n!a/*.py\n", "utf-8")
    assert build_context(tmp_path) == ["a/one.py"]


def test_context_pattern_of_buildkit_alone_matches_nothing(tmp_path: Path) -> None:
    """Explain why .dockerignore names folders in full; the docker client does the same with DOCKER_BUILDKIT=0."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x.py").touch()
    (tmp_path / ".dockerignore").write_text("*\n!a/*/*.py\n", "utf-8")
    assert build_context(tmp_path) == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("a", {"a/x.py": "x.py", "a/b/y.py": "b/y.py"}),
        ("a/*.py", {"a/x.py": "x.py"}),
        ("z.py", {"z.py": "z.py"}),
        ("*.py", {"z.py": "z.py"}),
        ("none", {}),
    ],
)
def test_copy_source_matches_what_docker_matches(source: str, names: dict[str, str]) -> None:
    assert matching(["a/x.py", "a/b/y.py", "z.py"], source) == names


def test_context_is_what_the_docker_client_sends(checkout: Path, sent_by_docker: Callable[[Path], set[str]]) -> None:
    assert sent_by_docker(checkout) - {"functions/Dockerfile"} == {*build_context(checkout), ".dockerignore"}


def test_context_of_a_copied_checkout_is_the_same(checkout: Path) -> None:
    """Guard the tests that plant mistakes."""
    assert build_context(checkout) == build_context(ROOT)
