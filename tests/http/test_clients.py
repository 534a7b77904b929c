"""Published clients get answers that they understand; only their address is changed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.http.client_environments import CLIENT_S, made

HERE = Path(__file__).parent
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
)
RunClient = Callable[..., Any]


def answers_of(name: str, *arguments: str) -> Any:
    """Return the JSON that a client's script prints."""
    client = made(name)
    command = [str(client.python), str(HERE / f"{name}.py"), *arguments]
    done = subprocess.run(command, env=client.variables, capture_output=True, text=True, timeout=CLIENT_S)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def photo(daisy: bytes, tmp_path: Path) -> str:
    (tmp_path / "daisy.jpg").write_bytes(daisy)
    return str(tmp_path / "daisy.jpg")


def test_tritonclient_gets_answers_in_json_and_in_binary(
    url: str, labels: list[str], photo: str, daisy_pixels: npt.NDArray[np.uint8], tmp_path: Path
) -> None:
    np.save(content := BytesIO(), daisy_pixels)
    (tmp_path / "pixels.npy").write_bytes(content.getvalue())
    printed = answers_of("triton_client", url.removeprefix("http://"), photo, str(tmp_path / "pixels.npy"))
    assert (printed["live"], printed["ready"], printed["model_ready"]) == (True, True, [True, True, False])
    assert printed["server"]["name"] == "bucketlens"
    assert printed["model"]["name"] == "flowers"
    assert printed["binary"] == ["daisy", "daisy"]
    for way in ("json", "uint8", "uint8 in json", "fp32"):
        assert printed[way] == ["daisy"], way
    everything = printed["all outputs"]
    assert (everything["probabilities"], everything["label"]) == ([2, len(labels)], [2])
    assert everything["best"] == [labels.index("daisy")] * 2
    assert [text.split(":")[1:] for text in printed["classes"]][::2] == [["0", "daisy"]] * 2
    assert printed["error"][0] == "415"
    assert "supported image format" in printed["error"][1]
    assert printed["index"] == [{"name": "flowers", "version": "1", "state": "READY"}]
    assert (printed["loaded"], printed["unloaded"][0]) == (None, "400")


def test_kserve_client_gets_answers_by_both_protocols(url: str, labels: list[str], photo: str) -> None:
    printed = answers_of("kserve_client", url, photo)
    assert (printed["live"], printed["ready"], printed["model_ready"]) == ([True, True], True, [True, True])
    assert printed["other_ready"] is False
    [prediction] = printed["predict"]["predictions"]
    assert (labels[prediction["prediction"]], prediction["key"]) == ("daisy", "1")
    assert printed["json"] == ["daisy"]
    assert printed["binary"] == ["daisy", "daisy"]
    assert "supported image format" in printed["error"]


def test_curl_gets_answers_for_a_file_and_for_a_form(url: str, photo: str) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    for arguments in (["--data-binary", f"@{photo}"], ["-T", photo, "-X", "POST"], ["-F", f"image=@{photo}"]):
        command = [curl, "--silent", "--fail", *arguments, f"{url}/v1/classify?record=false"]
        answer = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=CLIENT_S).stdout)
        [prediction] = answer.get("predictions", [answer])
        assert prediction["label"] == "daisy"


def test_openapi_document_is_valid(url: str, tmp_path: Path) -> None:
    tools = made("schemathesis")
    script = (
        "import sys, urllib.request, json; from openapi_spec_validator import OpenAPIV31SpecValidator as Validator;"
        "Validator(json.load(urllib.request.urlopen(sys.argv[1]))).validate()"
    )
    command = [str(tools.python), "-W", "ignore", "-c", script, f"{url}/openapi.json"]
    done = subprocess.run(command, env=tools.variables, capture_output=True, text=True, timeout=CLIENT_S)
    assert done.returncode == 0, done.stderr


def test_schemathesis_finds_no_5xx_and_no_undocumented_answer(url: str, tmp_path: Path) -> None:
    tools = made("schemathesis")
    command = [
        *(str(tools.program("schemathesis")), "run", f"{url}/openapi.json", "--checks", ",".join(CHECKS)),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--seed", "1", "--no-shrink"),
        *("--generation-database", "none", "--no-color", "--warnings", "off"),
    ]
    done = subprocess.run(command, env=tools.variables, cwd=tmp_path, capture_output=True, text=True, timeout=CLIENT_S)
    assert done.returncode == 0, done.stdout[-6000:]
    tested = re.search(r"Tested: (\d+)", done.stdout)
    assert tested, done.stdout
    assert int(tested[1]) >= 30
