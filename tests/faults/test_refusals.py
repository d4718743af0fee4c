"""A start that the machine refuses is distinguished from a fault of the job, at every step of a start."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runforge import machine_faults
from runforge.attempts import exit_record, refusal
from runforge.backends.base import AttemptRef
from runforge.backends.local.backend import LocalBackend
from runforge.core import policy
from runforge.core.outcome import Ending, Finding, Grant, Report
from runforge.core.policy import Past
from runforge.core.states import Cause, State
from runforge.daemon.attempt_table import RunningAttempt
from runforge.daemon.loop import Descriptors
from runforge.daemon.settling import settle
from runforge.errors import InvalidRequest
from runforge.store import records, transitions
from runforge.store.opening import open_journal
from runforge.supervise import supervisor, worker_process, zygote
from runforge.workspace import Workspace
from tests.store.test_journal import enqueue
from tests.supervise.kit import Attempt, in_child

MACHINES = [
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EMFILE,
    errno.ENFILE,
    errno.EAGAIN,
    errno.ENOMEM,
]
JOBS = [errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.E2BIG]


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    return Attempt(tmp_path)


class _Here(LocalBackend):
    """A backend whose one attempt lies where the test has put it."""

    def __init__(self, ws: Workspace, attempt: Attempt) -> None:
        super().__init__(ws, Descriptors(), max_parallel=1, umask=0o077, log=print)
        self._attempt = attempt

    def _attempt_dir(self, _ref: AttemptRef) -> Path:
        return self._attempt.folder


def judged(attempt: Attempt, ws: Workspace) -> Ending | None:
    job: Any = SimpleNamespace(lost=0, cancel_requested=False, run_dir=str(attempt.run_dir))
    running = RunningAttempt(job, AttemptRef("r", 1, attempt.token, job.run_dir), Past())
    decision = settle(_Here(ws, attempt), running, "requeue", policy.decide)
    return decision.ending if decision is not None else None


def failing(number: int) -> Any:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", MACHINES)
def test_the_machines_failures_are_known_with_words_also_behind_an_error_of_ours(number: int) -> None:
    assert machine_faults.of(OSError(number, "x")) == number
    assert machine_faults.words(number)
    wrapped = InvalidRequest("cannot be read")
    wrapped.__cause__ = OSError(number, "x")
    assert machine_faults.of(wrapped) == number


@pytest.mark.parametrize("number", JOBS)
def test_the_jobs_failures_are_not_the_machines(number: int) -> None:
    assert machine_faults.of(OSError(number, "x")) is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.ENOMEM])
def test_a_supervisor_that_cannot_claim_says_why(
    attempt: Attempt, ws: Workspace, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(exit_record, "preallocate", failing(number))
    path = attempt.spec(["true"])
    attempt.pid = in_child(lambda: supervisor.supervise(path))
    assert attempt.wait() is None
    ending = judged(attempt, ws)
    assert ending is not None
    assert (ending.state, ending.cause) == (State.QUEUED, Cause.POSTPONED)
    assert machine_faults.words(number) in (ending.error or "")


def test_a_supervisor_that_was_killed_before_its_claim_is_counted(attempt: Attempt, ws: Workspace) -> None:
    attempt.spec(["true"])
    ending = judged(attempt, ws)
    assert ending is not None
    assert ending.cause is Cause.LAUNCH_FAILED


def test_a_file_that_only_looks_like_a_reason_is_none(tmp_path: Path) -> None:
    for name in ("refused-", "refused-x", f"refused-{errno.ENOENT}", "refused-99999"):
        (tmp_path / name).touch()
    assert refusal.read(tmp_path) is None
    assert refusal.read(tmp_path / "missing") is None


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_a_run_whose_process_cannot_be_created_is_queued_again(
    attempt: Attempt, ws: Workspace, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:  # F42, F43: after the start marker
    monkeypatch.setattr(worker_process.os, "posix_spawn", failing(number))
    path = attempt.spec(["true"])
    attempt.pid = in_child(lambda: supervisor.supervise(path))
    record = attempt.wait()
    assert record is not None
    assert record.spawn_errno == number
    (attempt.run_dir / "result.json").touch()
    ending = judged(attempt, ws)
    assert ending == policy.postponed(number)


@pytest.mark.parametrize("mode", [0o600, 0o700])
def test_a_program_that_cannot_be_executed_fails_the_job(
    attempt: Attempt, ws: Workspace, mode: int
) -> None:  # F46
    program = attempt.run_dir / "program"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(mode)
    path = attempt.spec([str(program)])
    attempt.pid = in_child(lambda: supervisor.supervise(path))
    assert attempt.wait() is not None
    (attempt.run_dir / "result.json").touch()
    ending = judged(attempt, ws)
    assert ending is not None
    assert (ending.state, ending.cause) == (State.FAILED, Cause.SPAWN_FAILED)


def test_a_zygote_that_cannot_fork_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zygote.os, "fork", failing(errno.ENOMEM))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        zygote._answer(theirs, theirs, 7, None, None)
        assert b'"errno": 12' in ours.recv(1000)


def test_a_postponed_attempt_costs_none_of_the_jobs_chances(ws: Workspace) -> None:
    enqueue(ws)
    causes = [Cause.LAUNCH_FAILED, Cause.POSTPONED, Cause.POSTPONED, Cause.LOST, Cause.POSTPONED]
    with open_journal(ws) as journal:
        for number, cause in enumerate(causes):
            with journal.write() as tx:
                job = records.job(tx.row("jobs.all"))
                transitions.claim(tx, job, Grant(f"t{number}", 0, 0), "now")
                job = records.job(tx.row("jobs.all"))
                transitions.requeue(tx, job, Ending(State.QUEUED, cause, "x"), "now")
        with journal.read() as tx:
            job = records.job(tx.row("jobs.all"))
            assert (job.attempt, job.lost) == (6, 2)
            assert tx.row("attempts.unstarted", job_id=job.job_id, lost=job.lost)[0] == 1
    decision = policy.decide(Report(Finding.LOST), job, "requeue", Past(unstarted=1))
    assert decision.ending is not None
    assert decision.ending.state is State.QUEUED
