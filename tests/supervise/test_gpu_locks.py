"""A supervisor holds the locks of its run's GPUs from before its start until the run has ended."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runforge.attempts import refusal
from runforge.core import policy
from runforge.core.outcome import Finding, Report
from runforge.core.states import Cause, State
from runforge.machine import gpu_lease, os_process
from tests.conftest import wait_until
from tests.supervise.kit import Attempt

HERE, THERE = "a" * 16, "b" * 16
ONE, TWO = "GPU-1", "GPU-2"
LOCKS = [{"uuid": ONE, "is_whole": True}, {"uuid": TWO, "is_whole": False}]
GO = "import os, time\nprint('up', flush=True)\nwhile not os.path.exists('go'): time.sleep(0.01)"


@pytest.fixture
def attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Attempt]:
    monkeypatch.setenv(gpu_lease.VARIABLE, str(tmp_path))
    made = Attempt(tmp_path)
    yield made
    for pid in made.marked():
        os_process.send(pid, signal.SIGKILL)


def held(queue: str = THERE) -> list[bool]:
    return [gpu_lease.held_by(uuid, queue) is not None for uuid in (ONE, TWO)]


def test_they_are_held_while_the_run_goes_on(attempt: Attempt) -> None:
    attempt.start(GO, gpu_locks=LOCKS, queue=HERE)
    wait_until(lambda: held() == [True, True], "both are held")
    assert held(HERE) == [False, False]
    beside = gpu_lease.take(TWO, HERE, is_whole=False)
    assert beside is not None
    os.close(beside)
    (attempt.run_dir / "go").touch()
    record = attempt.wait()
    assert record is not None
    assert (record.exit_code, held()) == (0, [False, False])
    assert record.peak_rss_mb is not None
    assert record.peak_rss_mb > 1
    assert record.cpu_seconds is not None
    assert record.cpu_seconds > 0


def test_a_device_of_another_queue_starts_nothing_and_holds_nothing(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_lease, "_TRIES", 2)
    other = gpu_lease.take(TWO, THERE, is_whole=False)
    assert other is not None
    attempt.start("print('ran')", gpu_locks=LOCKS, queue=HERE)
    assert attempt.wait() is None
    assert "ran" not in attempt.log
    assert held(HERE) == [False, True]
    job: Any = SimpleNamespace(lost=0, cancel_requested=False, run_dir="runs/r")
    refused = refusal.read(attempt.folder)
    decision = policy.decide(Report(Finding.REVOKED, refused=refused), job, "requeue", policy.Past())
    assert decision.ending is not None
    assert (decision.ending.state, decision.ending.cause) == (State.QUEUED, Cause.POSTPONED)
    assert decision.ending.error == "could not be started yet: another queue has just taken its GPU"
    os.close(other)


def test_a_killed_supervisor_gives_them_back(attempt: Attempt) -> None:
    attempt.start_spec(attempt.spec([sys.executable, "-c", GO], gpu_locks=LOCKS, queue=HERE))
    wait_until(lambda: held() == [True, True], "both are held")
    # Until it runs its program, the run's process has the supervisor's descriptors too, and with them the locks.
    wait_until(lambda: "up" in attempt.log, "the run's program runs")
    attempt.kill_supervisor()
    assert held() == [False, False]


def test_a_spec_of_an_older_daemon_locks_nothing(attempt: Attempt) -> None:
    assert attempt.run("print('ran')").exit_code == 0
    assert held() == [False, False]
