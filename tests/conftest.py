"""Fixtures: workspaces on real disk, real daemons, and nothing left behind."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gauntlets.arena import Arena, arena
from runforge import workspace as workspaces
from runforge.backends.local import launcher
from runforge.cli.setup import make_workspace
from runforge.machine import os_process
from runforge.workspace import Workspace
from tests.order import dealt

if TYPE_CHECKING:
    from tests.supervise.kit import Attempt


#: Bytes that a run of all tests may need, with those of the runs before that pytest keeps.
_ROOM_IN_MEMORY = 4 << 30


def _choose_fast_folder() -> None:
    """Let temporary folders be in memory, where there is room: most of the suite's time went into syncing files.

    What a kill leaves is the same there. Tests of power cuts bring file systems of their own.
    """
    memory = "/dev/shm"
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK):
        return
    at = os.statvfs(memory)
    if at.f_flag & os.ST_NOEXEC or at.f_bavail * at.f_frsize < _ROOM_IN_MEMORY:
        return
    os.environ["TMPDIR"], tempfile.tempdir = memory, None


_choose_fast_folder()
#: Where an administrator's programs are (mkfs), for a user whose PATH leaves them out.
os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
# Hundreds of processes start here: what they import is compiled once, also where the caller wants no such files.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# What the tests' own starter left open is not handed on to the programs that are looked at here.
for _number in map(int, os.listdir("/proc/self/fd")):
    if _number > 2:
        with contextlib.suppress(OSError):
            os.set_inheritable(_number, False)
#: What may stay open after a file of tests: libraries keep a few for later.
MOST_LEFT_OPEN = 8
#: What makes the daemons of the tests cheap to start; see tests/cold/sitecustomize.py.
COLD = str(Path(__file__).parent / "cold")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [COLD, os.environ.get("PYTHONPATH")]))
# The settings of whoever runs the tests count for nothing, and nobody is told of what fails here.
os.environ["XDG_CONFIG_HOME"] = str(Path(__file__).parent / "no-settings")
launcher.WARMUP = launcher.FINISH  # the same for the daemons in this process

#: `make test-writers` says where the tools are.
collect_ignore = [] if os.environ.get("RUNFORGE_WRITERS") else ["writers"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers > 1:
        items[:] = dealt(items, workers)


@pytest.fixture
def attempt(tmp_path: Path) -> Iterator[Attempt]:
    """An attempt that a test runs; what is left of it is killed afterwards."""
    from tests.supervise.kit import Attempt

    made = Attempt(tmp_path)
    yield made
    for pid in made.marked():
        os_process.send(pid, signal.SIGKILL)


@pytest.fixture(scope="module", autouse=True)
def _no_descriptor_stays_open() -> Iterator[None]:
    before = _open_descriptors()
    yield
    if len(_open_descriptors() - before) > MOST_LEFT_OPEN:
        gc.collect()  # what only waits to be collected, such as an app that has ended, is no leak
    left = [f"{number} {_target(number)}" for number in _open_descriptors() - before]
    assert len(left) <= MOST_LEFT_OPEN, f"{len(left)} descriptors stay open after this file: {left[:50]}"


def _open_descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def _target(number: str) -> str:
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/self/fd/{number}")
    return "gone"


@pytest.fixture(scope="session", autouse=True)
def _own_gpu_locks(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests that run side by side have made-up GPUs of the same names: each worker has locks of its own."""
    os.environ["RUNFORGE_GPU_LOCKS"] = str(tmp_path_factory.mktemp("gpu-locks"))


@pytest.fixture(autouse=True)
def _private_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def as_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Daemons as a user has them: their warm zygote imports scikit-learn."""
    words = os.environ["PYTHONPATH"].split(os.pathsep)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(word for word in words if word != COLD))


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    """A workspace with sample data and an empty queue."""
    return make_workspace(tmp_path / "ws")


@pytest.fixture
def bare_ws(tmp_path: Path) -> Workspace:
    """A folder that was never used."""
    return workspaces.at(tmp_path)


@pytest.fixture
def here() -> Iterator[Arena]:
    """A workspace for the installed commands, with real daemons."""
    with arena() as made:
        yield made


@pytest.fixture
def cli() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the program as a user does."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "runforge", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
        )

    return run


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait for a fact; fail naming it if it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)
