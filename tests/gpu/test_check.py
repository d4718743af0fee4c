"""`make gpu-check` itself: it skips with one line, and its checks hold in a made-up world and fail where they must.

Here NVML and CUDA's driver are made up (fake_nvml.py, fake_cuda.c); RunForge, its daemon and the processes are real.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machine.nvml import FakeNvml, uuid

HERE = Path(__file__).parent
TOTAL = 80 * 2**30


def check(**env: str) -> subprocess.CompletedProcess[str]:
    given = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    return subprocess.run(
        [sys.executable, str(HERE / "check.py")],
        env={**given, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )


@pytest.fixture
def world(tmp_path: Path) -> dict[str, str]:
    """A machine with two GPUs, for the environment of the check."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: the made-up driver cannot be built")
    folder, locks = tmp_path / "nvml", tmp_path / "locks"
    folder.mkdir()
    locks.mkdir()
    library = tmp_path / "libcuda.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(HERE / "fake_cuda.c")], check=True)
    nvml = FakeNvml(folder)
    nvml.says([{"memory": TOTAL}, {"memory": TOTAL}])
    return {
        "LD_LIBRARY_PATH": str(tmp_path),
        "PYTHONPATH": str(folder),
        "RUNFORGE_GPU_LOCKS": str(locks),
        "FAKE_GPU_CLAIMS": str(nvml.claims),
        "FAKE_CUDA_TOTAL": str(TOTAL),
        "FAKE_CUDA_ALL": f"{uuid(0)},{uuid(1)}",
    }


def test_without_a_gpu_it_says_so_in_one_line(tmp_path: Path) -> None:
    library = tmp_path / "libcuda.so.1"
    library.write_text("no library")
    done = check(LD_LIBRARY_PATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    assert line.startswith("gpu-check: skipped: CUDA does not work here: ")


def test_where_cuda_sees_no_gpu_it_skips_too(world: dict[str, str]) -> None:
    done = check(**{**world, "FAKE_CUDA_ALL": ""})
    assert (done.returncode, done.stdout) == (0, "gpu-check: skipped: CUDA sees no GPU\n")


@pytest.mark.slow
def test_all_that_it_checks_holds_in_a_made_up_world(world: dict[str, str]) -> None:
    done = check(**world)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["ok"] * 5 + ["gpu-check:"], done.stdout
    assert (done.returncode, done.stderr) == (0, "")
