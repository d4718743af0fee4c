"""A canceled run with a stopped supervisor is ended without it, unless the supervisor continues."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge.backends.base import AttemptRef
from runforge.backends.local import frozen
from runforge.backends.local.frozen import FrozenSupervisors
from runforge.core.outcome import Finding
from runforge.machine import os_process
from tests.conftest import wait_until
from tests.supervise.kit import Attempt

#: Saves when it gets TERM, and has a child that ignores TERM.
CODE = """
import os, signal, sys, time
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
def save(*_):
    open("saved", "w").write("x")
    os._exit(0)
signal.signal(signal.SIGTERM, save)
print("up", flush=True)
time.sleep(60)
"""


class Hours:
    """A clock by which the time that a stopped supervisor is given is over at once."""

    def __init__(self) -> None:
        self._hours = 0

    def now(self) -> str:
        return ""

    def monotonic(self) -> float:
        self._hours += 1
        return self._hours * 3600.0


@pytest.fixture
def attempt(tmp_path: Path) -> Iterator[Attempt]:
    made = Attempt(tmp_path)
    yield made
    with contextlib.suppress(ChildProcessError):  # reaped, as it should be
        if os.waitpid(made.pid, os.WNOHANG) == (0, 0):
            made.kill_supervisor()
    for pid in made.marked():
        os_process.send(pid, signal.SIGKILL)


def stop(attempt: Attempt) -> None:
    os.kill(attempt.pid, signal.SIGSTOP)
    wait_until(lambda: os_process.is_stopped(attempt.pid), "it stands still")


def canceled(attempt: Attempt) -> tuple[FrozenSupervisors, list[str]]:
    told: list[str] = []
    supervisors = FrozenSupervisors(told.append, Hours())
    attempt.cancel()
    supervisors.expect_end(AttemptRef("r", 1, attempt.token, "run"), attempt.folder)
    return supervisors, told


def test_its_run_gets_its_grace_and_then_the_supervisor_is_killed_too(attempt: Attempt) -> None:
    attempt.start(CODE, grace_seconds=1.0)
    wait_until(lambda: "up" in attempt.log, "the run is up")
    stop(attempt)
    supervisors, told = canceled(attempt)

    def is_killed() -> bool:
        supervisors.step()
        return os.waitpid(attempt.pid, os.WNOHANG)[0] != 0

    wait_until(is_killed, "it is killed")
    assert (attempt.run_dir / "saved").exists()
    assert attempt.marked() == []
    assert attempt.finding() is Finding.LOST
    assert len(told) == 1
    assert f"(pid {attempt.pid}) of run r is stopped" in told[0]


def test_one_that_works_or_has_gone_on_is_left_alone(attempt: Attempt) -> None:
    attempt.start(CODE, grace_seconds=1.0)
    wait_until(lambda: "up" in attempt.log, "the run is up")
    stop(attempt)
    supervisors, told = canceled(attempt)
    supervisors.step()
    os.kill(attempt.pid, signal.SIGCONT)
    wait_until(lambda: not os_process.is_stopped(attempt.pid), "it goes on")
    supervisors.step()
    supervisors.step()
    record = attempt.wait()
    assert record is not None
    assert (record.canceled, told) == (True, [])


def test_a_stranger_with_the_number_of_a_supervisor_is_spared(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt.start(CODE)
    wait_until(lambda: "up" in attempt.log, "the run is up")
    stop(attempt)
    supervisors, told = canceled(attempt)
    monkeypatch.setattr(frozen.os_process, "start_ticks", lambda _pid: 1)
    supervisors.step()
    supervisors.step()
    assert os_process.is_stopped(attempt.pid)
    assert told == []
    attempt.kill_supervisor()
