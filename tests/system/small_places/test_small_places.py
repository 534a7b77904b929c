"""Tests of the functions at work in 256 MiB and a tenth of a CPU; and that these limits are limits."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.local.cloud import Cloud
from tests.environments import Impossible
from tests.system.small_places.cgroups import Group
from tests.system.small_places.limiter import WAYS, Limiter, limited
from tests.system.small_places.outside import SIZES_PX, Outside
from tests.system.small_places.report import Stay
from tests.system.small_places.size import SMALL, Size
from tests.system.small_places.stay import stay
from tests.system.small_places.work import Work, events_to, requests_to

TIMES, IN_PARALLEL = 3, 4
TOO_MUCH = "import sys; taken = b'x' * (int(sys.argv[1]) << 20)"
BUSY = """
import time
began = time.monotonic()
while time.process_time() < 0.4:
    pass
print(time.process_time() / (time.monotonic() - began))
"""


def stay_here(work: Work, outside: Outside, folder: Path) -> Stay:
    with limited(SMALL) as limiter:
        return stay(limiter, SMALL, work, outside, folder, TIMES, IN_PARALLEL)


def test_functions_start_and_answer_in_256_mib_and_a_tenth_of_a_cpu(cloud: Cloud, tmp_path: Path) -> None:
    request, upload = Outside(cloud), Outside(cloud)
    with ThreadPoolExecutor(2) as pool:
        stays = [
            pool.submit(stay_here, requests_to, request, tmp_path),
            pool.submit(stay_here, events_to, upload, tmp_path),
        ]
        try:
            results = [pending.result() for pending in stays]
        except Impossible as error:
            pytest.skip(str(error))
    for result in results:
        assert result.complaints == [], result.last_output
        assert result.peak_mib < SMALL.memory_mb
        assert result.used_s / result.wall_s < 2 * SMALL.cpu, result.how
        assert len(result.answers) == 2 * len(SIZES_PX)
    done = sum(answers.statuses[200] + answers.statuses[204] for answers in results[1].answers)
    assert upload.rows() == done


@pytest.mark.parametrize("way", WAYS)
def test_small_place_denies_memory_above_its_limit(way: str) -> None:
    def ends_well(limiter: Limiter, mib: int) -> bool:
        words = limiter.command([sys.executable, "-c", TOO_MUCH, str(mib)])
        return subprocess.run(words, capture_output=True, check=False).returncode == 0

    try:
        with limited(Size(memory_mb=100, cpu=1), way) as limiter:
            assert ends_well(limiter, 20)
            assert limiter.killed() == 0
            assert not ends_well(limiter, 200)
            assert limiter.killed() == (1 if way == "cgroup" else 0)
    except Impossible as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("way", WAYS)
def test_small_place_gives_a_busy_process_its_share_of_a_cpu_and_no_more(way: str) -> None:
    try:
        with limited(Size(cpu=0.1), way) as limiter:
            words = limiter.command([sys.executable, "-c", BUSY])
            with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as busy:
                limiter.watch(busy.pid)
                share = float(busy.communicate()[0])
    except Impossible as error:
        pytest.skip(str(error))
    assert share < 0.2


def test_cgroup_of_version_2_gets_its_limits_in_that_versions_files(tmp_path: Path) -> None:
    """Imitate version 2: where version 1 is mounted it has no controllers, so the tests above use one version only."""
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\n", "utf-8")
    (tmp_path / "memory.peak").write_text("134217728\n", "utf-8")
    (tmp_path / "memory.swap.max").write_text("max\n", "utf-8")
    group = Group(tmp_path, tmp_path, version=2)
    group.limit(SMALL)
    limits = {name: (tmp_path / name).read_text() for name in ("memory.max", "memory.swap.max", "cpu.max")}
    assert limits == {"memory.max": "268435456", "memory.swap.max": "0", "cpu.max": "10000 100000"}
    assert (group.killed(), group.charged_mib()) == (2, 128.0)
