"""A time limit: kept by the supervisor alone, with a chance to save, and told apart from a cancel."""

from __future__ import annotations

import os
import signal
import time

import pytest

from runforge.attempts.spec import Spec
from runforge.core import policy
from runforge.core.states import Cause, State
from runforge.supervise.supervisor import supervise
from tests.conftest import wait_until
from tests.supervise.kit import Attempt, in_child

pytestmark = pytest.mark.slow

SLEEPS = "import time; print('up', flush=True); time.sleep(60)"
IGNORES = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('up', 'w').close(); time.sleep(60)"
SAVES = """
import signal, sys, time
def save(*_):
    open("saved", "w").close()
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
time.sleep(60)
"""


def forever(_: Spec) -> int:
    """A worker as the built-in families have one."""
    time.sleep(60)
    return 0


def test_a_run_is_ended_when_its_time_is_over(attempt: Attempt) -> None:
    record = attempt.run(SLEEPS, timeout_seconds=0.5)
    assert (record.timed_out, record.signal, record.canceled) == (0.5, signal.SIGTERM, False)
    assert record.duration_ms >= 500
    assert "[RunForge: time limit of 0.5s reached; the run is ended]" in attempt.log
    ending = policy.of_record(record)
    assert (ending.state, ending.cause, ending.error) == (
        State.FAILED,
        Cause.TIMEOUT,
        "time limit of 0.5s reached",
    )


def test_it_may_save_and_has_failed_whatever_its_exit_code_is(attempt: Attempt) -> None:
    record = attempt.run(SAVES, timeout_seconds=0.5, grace_seconds=30.0)
    assert (attempt.run_dir / "saved").exists()
    assert (record.exit_code, record.timed_out) == (0, 0.5)
    assert policy.of_record(record).cause is Cause.TIMEOUT


def test_it_is_killed_when_it_does_not_end(attempt: Attempt) -> None:
    record = attempt.run(IGNORES, timeout_seconds=0.5, grace_seconds=0.4)
    assert (record.timed_out, record.signal, record.oom) == (0.5, signal.SIGKILL, False)
    assert "1 process had not ended 0.4 s after being asked to, and got SIGKILL" in attempt.log


def test_a_cancel_that_came_first_stays_the_reason(attempt: Attempt) -> None:
    attempt.start(IGNORES, timeout_seconds=2.5, grace_seconds=2.8)
    wait_until((attempt.run_dir / "up").exists, "it runs")
    attempt.cancel()
    record = attempt.wait()
    assert record is not None
    assert (record.canceled, record.timed_out) == (True, None)
    assert record.duration_ms >= 2500


def test_a_cancel_that_comes_after_it_changes_nothing(attempt: Attempt) -> None:
    waits = SAVES.replace('open("saved", "w").close()', 'open("told", "w").close(); time.sleep(0.6)')
    attempt.start(waits, timeout_seconds=0.5, grace_seconds=30.0)
    wait_until((attempt.run_dir / "told").exists, "it was asked to end")
    attempt.cancel()
    record = attempt.wait()
    assert record is not None
    assert (record.canceled, record.timed_out) == (False, 0.5)


def test_a_run_that_ends_in_time_knows_nothing_of_it(attempt: Attempt) -> None:
    assert attempt.run("print('done')", timeout_seconds=60).timed_out is None


def test_a_worker_of_a_built_in_family_is_limited_too(attempt: Attempt) -> None:
    path = attempt.spec(None, target=f"{__name__}:forever", timeout_seconds=0.5)
    attempt.pid = in_child(lambda: (os.setsid(), supervise(path)))
    record = attempt.wait()
    assert record is not None
    assert record.timed_out == 0.5


@pytest.mark.parametrize(
    ("seconds", "words"), [(3600, "1h"), (5400, "1h30m"), (90061, "1d1h1m1s"), (90, "1m30s"), (0.25, "0.25s")]
)
def test_the_limit_is_told_as_it_was_written(seconds: float, words: str) -> None:
    assert policy.time_limit(seconds) == f"time limit of {words} reached"
