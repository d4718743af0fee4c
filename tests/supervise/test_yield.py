"""A run that is asked to make room, by every manner in which programs end then, with workers beside them."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pytest

from runforge.attempts import orders
from runforge.core import policy
from runforge.core.outcome import ExitRecord
from runforge.core.states import Cause, State
from runforge.supervise.supervisor import supervise
from tests.conftest import wait_until
from tests.supervise.kit import Attempt, in_child

pytestmark = pytest.mark.slow

#: A training with a worker that it needs to save, and that dies of a signal which is not for it.
TRAINING = """
import os, signal, subprocess, sys, time
worker = subprocess.Popen(["sleep", "60"])
folder = os.path.join(os.getcwd(), "checkpoints")
os.makedirs(folder, exist_ok=True)

def save():
    assert worker.poll() is None, "the worker is gone"
    with open(os.path.join(folder, "last.ckpt"), "w") as file:
        file.write("state")

print('[RF:METRIC=loss 0.5 step=7]', flush=True)
"""
#: As Hugging Face's Trainer does it: a flag, save at the next step, stop, exit code 0.
LIKE_HF = """
asked = False
def note(*_):
    global asked
    asked = True
signal.signal(signal.SIGTERM, note)
print('up', flush=True)
while not asked:
    time.sleep(0.02)
save()
sys.exit(0)
"""
#: As Lightning does it: an exception out of the handler.
LIKE_LIGHTNING = """
class SIGTERMException(SystemExit): pass
def raise_it(*_):
    raise SIGTERMException()
signal.signal(signal.SIGTERM, raise_it)
print('up', flush=True)
try:
    time.sleep(60)
except SIGTERMException:
    save()
    raise
"""
#: As a script with the helper: exit code 85.
LEAVES = LIKE_HF.replace("sys.exit(0)", "sys.exit(85)")
DIES_OF_IT = "print('up', flush=True)\ntime.sleep(60)"
FAILS_AT_IT = LIKE_HF.replace("sys.exit(0)", "raise RuntimeError('a bug at the end')")
IS_DONE_BY_TOKEN = LIKE_HF.replace("sys.exit(0)", "print('[RF:STAGE=COMPLETED]', flush=True)\nsys.exit(0)")
IS_DONE_BY_FILE = LIKE_HF.replace("sys.exit(0)", "open(sys.argv[1], 'w').close()\nsys.exit(0)")
HANGS = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)"


def start(attempt: Attempt, code: str, **changes: Any) -> None:
    argv = [sys.executable, "-u", "-c", TRAINING + code, str(attempt.folder / orders.FINISHED)]
    path = attempt.spec(argv, **{"grace_seconds": 20.0, "is_resumable": True, **changes})

    def run() -> None:
        os.setsid()
        supervise(path)

    attempt.pid = in_child(run)


def give_way(attempt: Attempt) -> ExitRecord:
    wait_until(lambda: "up" in attempt.log, "the run is up")
    orders.give(attempt.folder, orders.YIELD)
    record = attempt.wait()
    assert record is not None
    assert attempt.marked() == []
    return record


@pytest.mark.parametrize(
    ("code", "exit_code", "has_saved"),
    [
        (LIKE_HF, 0, True),
        (LIKE_LIGHTNING, 0, True),
        (LEAVES, 85, True),
        (FAILS_AT_IT, 1, True),
        (DIES_OF_IT, None, False),
    ],
    ids=["hf", "lightning", "leaves", "fails", "dies"],
)
def test_any_end_within_the_grace_is_a_yield(
    attempt: Attempt, code: str, exit_code: int | None, has_saved: bool
) -> None:
    start(attempt, code)
    record = give_way(attempt)
    assert (record.yielded, record.canceled, record.exit_code) == (True, False, exit_code)
    assert record.checkpoint_changed is has_saved
    assert record.last_step == 7
    ending = policy.of_record(record)
    assert (ending.state, ending.cause) == (State.QUEUED, Cause.YIELDED)
    assert "the worker is gone" not in attempt.log


@pytest.mark.parametrize("code", [IS_DONE_BY_TOKEN, IS_DONE_BY_FILE], ids=["token", "helper"])
def test_a_run_that_says_it_is_done_has_succeeded(attempt: Attempt, code: str) -> None:
    start(attempt, code)
    record = give_way(attempt)
    assert (record.yielded, record.finished) == (True, True)
    assert policy.of_record(record).state is State.SUCCEEDED


def test_a_run_that_hangs_is_killed_and_is_a_yield_too(attempt: Attempt) -> None:
    start(attempt, HANGS, grace_seconds=1.0)
    record = give_way(attempt)
    assert record.signal == signal.SIGKILL
    ending = policy.of_record(record)
    assert ending.state is State.QUEUED
    assert ending.error == "yielded: it was killed when its time to save was over; no checkpoint was seen"


def test_a_checkpoint_of_an_earlier_attempt_is_not_taken_for_a_new_one(attempt: Attempt) -> None:
    (attempt.run_dir / "checkpoints").mkdir()
    (attempt.run_dir / "checkpoints" / "old.ckpt").write_text("old")
    start(attempt, HANGS, grace_seconds=1.0)
    assert give_way(attempt).checkpoint_changed is False


@pytest.mark.parametrize(("is_resumable", "state"), [(True, State.QUEUED), (False, State.FAILED)])
def test_exit_85_unasked_is_a_yield_of_resumable_runs_only(
    attempt: Attempt, is_resumable: bool, state: State
) -> None:
    start(attempt, "save(); sys.exit(85)", is_resumable=is_resumable)
    record = attempt.wait()
    assert record is not None
    assert record.yielded is is_resumable
    assert policy.of_record(record).state is state


def test_exit_0_unasked_is_the_end(attempt: Attempt) -> None:
    start(attempt, "save()")
    record = attempt.wait()
    assert record is not None
    assert not record.yielded
    assert policy.of_record(record).state is State.SUCCEEDED


def test_a_cancel_that_comes_as_well_wins(attempt: Attempt) -> None:
    start(attempt, LIKE_HF.replace("save()", "time.sleep(1); print('saving', flush=True); save()"))
    wait_until(lambda: "up" in attempt.log, "the run is up")
    orders.give(attempt.folder, orders.YIELD)
    wait_until(lambda: "asked to yield" in attempt.log, "the yield was heard")
    attempt.cancel()
    record = attempt.wait()
    assert record is not None
    assert (record.canceled, record.yielded) == (True, False)
    assert policy.of_record(record).state is State.CANCELED


def test_a_time_limit_is_no_yield(attempt: Attempt) -> None:
    start(attempt, LEAVES, timeout_seconds=0.5)
    record = attempt.wait()
    assert record is not None
    assert (record.timed_out, record.exit_code, record.yielded) == (0.5, 85, False)


def test_the_signal_that_a_run_wants_comes_first_and_to_it_alone(attempt: Attempt) -> None:
    start(attempt, LIKE_HF.replace("SIGTERM", "SIGUSR1"), yield_signal="USR1")
    record = give_way(attempt)
    assert (record.yielded, record.exit_code, record.checkpoint_changed) == (True, 0, True)


def test_a_run_that_does_not_end_by_its_own_signal_gets_term_at_half_the_grace(attempt: Attempt) -> None:
    code = (
        "signal.signal(signal.SIGUSR1, lambda *_: save())\nprint('up', flush=True)\nwhile True: time.sleep(1)"
    )
    start(attempt, code, yield_signal="USR1", grace_seconds=6.0)
    record = give_way(attempt)
    assert record.signal == signal.SIGTERM
    assert record.checkpoint_changed


def test_a_frozen_run_can_yield(attempt: Attempt) -> None:
    start(attempt, LIKE_HF)
    wait_until(lambda: "up" in attempt.log, "the run is up")
    orders.give(attempt.folder, orders.FREEZE)
    wait_until(lambda: "frozen]" in attempt.log, "it is frozen")
    record = give_way(attempt)
    assert (record.yielded, record.exit_code, record.checkpoint_changed) == (True, 0, True)


def test_an_attempt_that_is_to_yield_before_its_start_does_not_start(attempt: Attempt) -> None:
    orders.give(attempt.folder, orders.YIELD)
    start(attempt, "open('started', 'w').close()")
    record = attempt.wait()
    assert record is not None
    assert record.yielded
    assert not (attempt.run_dir / "started").exists()
    assert policy.of_record(record).error == "yielded before it started"


def test_the_token_is_seen_across_two_pieces(attempt: Attempt) -> None:
    whole = "print('[RF:STAGE=COMPLETED]', flush=True)"
    split = "os.write(1, b'[RF:STAGE=COM'); time.sleep(0.3); os.write(1, b'PLETED]')"
    start(attempt, IS_DONE_BY_TOKEN.replace(whole, split))
    assert give_way(attempt).finished


def test_files_that_make_trouble_do_not_lose_the_end(attempt: Attempt) -> None:
    spoil = "os.rmdir(folder); os.symlink('/dev/full', folder); os.mkfifo('sources.jsonl'); open('metrics.jsonl', 'wb').write(b'{' * 99999)\n"
    start(attempt, spoil + DIES_OF_IT)
    record = give_way(attempt)
    assert (record.yielded, record.checkpoint_changed) == (True, False)
    assert policy.of_record(record).state is State.QUEUED
