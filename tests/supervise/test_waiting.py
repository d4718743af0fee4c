"""A supervisor is woken, and does not look around: orders, time limits and ended orphans, and without the kernel's help."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import pytest

from runforge.attempts import orders
from runforge.core.outcome import ExitRecord
from runforge.supervise import waiting
from tests.conftest import wait_until
from tests.supervise.kit import Attempt

pytestmark = pytest.mark.slow

SLEEPS = "print('up', flush=True); import time; time.sleep(600)"
#: Waits until the kernel knows its grandchild no more: somebody has collected it.
ORPHAN = """
import os, time
read, write = os.pipe()
if os.fork() == 0:
    grandchild = os.fork()
    if grandchild:
        os.write(write, str(grandchild).encode())
        os._exit(0)
    time.sleep(0.5)
    os._exit(0)
grandchild = int(os.read(read, 20))
os.wait()
while os.path.exists(f"/proc/{grandchild}"):
    time.sleep(0.01)
print("collected", flush=True)
time.sleep(600)
"""


@pytest.fixture(params=["told", "looks"])
def supervised(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, attempt: Attempt) -> Attempt:
    """An attempt whose supervisor hears by events alone, or by looking alone."""
    monkeypatch.setattr(waiting, "LONG", 3600.0)
    if request.param == "looks":
        monkeypatch.setattr(waiting, "FolderEvents", _refused)
    return attempt


def _refused(_folder: Path) -> None:
    raise OSError("no events here")


def _end_of(attempt: Attempt) -> ExitRecord:
    record = attempt.wait()
    assert record is not None
    return record


def _is_waiting(attempt: Attempt) -> None:
    """Wait until the run is up and its supervisor has looked for orders once."""
    wait_until(lambda: "up" in attempt.log, "the run is up", 60.0)
    if waiting.FolderEvents is not _refused:
        wait_until(lambda: _has_open(attempt), "the supervisor watches its folder", 60.0)


def _has_open(attempt: Attempt) -> bool:
    links = Path(f"/proc/{attempt.pid}/fd").iterdir()
    return any(link.is_symlink() and link.resolve() == attempt.folder.resolve() for link in links)


@pytest.mark.parametrize("order", [orders.CANCEL, orders.STOP, orders.YIELD])
def test_an_order_ends_a_run_that_has_long_been_silent(supervised: Attempt, order: str) -> None:
    supervised.start(SLEEPS)
    _is_waiting(supervised)
    orders.give(supervised.folder, order)
    record = _end_of(supervised)
    assert (record.canceled, record.stopped, record.yielded) == tuple(
        order == each for each in (orders.CANCEL, orders.STOP, orders.YIELD)
    )


def test_a_stalled_run_is_ended(supervised: Attempt) -> None:
    supervised.start(SLEEPS)
    _is_waiting(supervised)
    orders.end_stalled(supervised.folder, 5.0)
    assert _end_of(supervised).stalled == 5.0


def test_a_run_is_frozen_goes_on_and_is_canceled(supervised: Attempt) -> None:
    supervised.start(SLEEPS)
    _is_waiting(supervised)
    orders.give(supervised.folder, orders.FREEZE)
    wait_until(lambda: "frozen]" in supervised.log, "it is frozen", 60.0)
    orders.withdraw(supervised.folder, orders.FREEZE)
    wait_until(lambda: "goes on" in supervised.log, "it goes on", 60.0)
    orders.give(supervised.folder, orders.CANCEL)
    assert _end_of(supervised).canceled


def test_a_time_limit_ends_a_silent_run(supervised: Attempt) -> None:
    supervised.start(SLEEPS, timeout_seconds=0.5)
    assert _end_of(supervised).timed_out == 0.5


def test_an_orphan_is_collected_when_it_ends(supervised: Attempt) -> None:
    supervised.start(ORPHAN)
    wait_until(lambda: "collected" in supervised.log, "nothing is left of the orphan", 60.0)
    orders.give(supervised.folder, orders.CANCEL)
    assert _end_of(supervised).canceled


def test_the_run_itself_has_the_usual_signals(supervised: Attempt) -> None:
    supervised.start_spec(
        supervised.spec([sys.executable, "-c", "import signal; print(signal.getsignal(signal.SIGIO).name)"])
    )
    assert _end_of(supervised).exit_code == 0
    assert "SIG_DFL" in supervised.log


@pytest.mark.parametrize("is_patient", [True, False])
def test_only_later_output_wakes_a_patient_supervisor(tmp_path: Path, is_patient: bool) -> None:
    reading, writing = os.pipe()
    found = waiting.Waiting(tmp_path, reading, os.getpid(), is_patient=is_patient)
    os.write(writing, b"a line")
    assert found.wait(0.0) == (not is_patient, False)
    found.begin()
    assert found.wait(0.0) == (True, False)
    os.read(reading, 10)
    os.close(writing)
    assert found.wait(0.0) == (True, False)
    found.leave_output()
    assert found.wait(0.0) == (False, False)
    found.close()
    os.close(reading)


@pytest.mark.parametrize(("is_here", "longest"), [(True, waiting.LONG), (False, waiting.ON_A_NODE)])
def test_where_another_machine_gives_the_orders_it_looks_more_often(
    tmp_path: Path, *, is_here: bool, longest: float
) -> None:
    """The kernel tells of files that this machine makes alone, and a node of a cluster must not wait for long."""
    read, write = os.pipe()
    with contextlib.closing(
        waiting.Waiting(tmp_path, read, os.getpid(), is_patient=False, is_here=is_here)
    ) as made:
        assert made.longest == waiting.SHORT  # until it is begun
        made.begin()
        assert made.longest == longest
    os.close(read)
    os.close(write)
