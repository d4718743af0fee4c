"""Runs that are submitted and have not begun: what changes them takes them back from Slurm's queue first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from runforge.core.records import Job
from runforge.core.states import State
from runforge.daemon.lock import DaemonLock
from runforge.queue import edit, hold, move, pause
from runforge.queue.changed import Changed
from runforge.queue.edit_wish import Edit
from runforge.workspace import Workspace
from tests.slurm import kit
from tests.slurm.fake_slurm import FakeSlurm
from tests.slurm.kit import Queue

pytestmark = pytest.mark.slow


@pytest.fixture
def queue(slurm: FakeSlurm, ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """An engine that has submitted two runs of four to a made-up Slurm, where they wait."""
    monkeypatch.setenv("PATH", f"{slurm.bin}:/usr/bin:/bin")
    lock = DaemonLock.take(ws)
    try:
        with kit.queue(ws, kit.OPTIONS._replace(ahead=2)) as made:
            made.enqueue(*[(0.1, 0)] * 4)
            made.until(lambda: len(slurm.jobs()) == 2, "Slurm has two")
            yield made
    finally:
        lock.release()


def waiting(queue: Queue) -> list[int]:
    """Return the numbers of the runs that wait in Slurm's queue."""
    return [job.seq for job in queue.jobs() if job.waiting is not None]


def beside(queue: Queue, call: Callable[[], Changed]) -> Changed:
    """Do what a command does, while the daemon does its part."""
    found: list[Changed] = []
    command = threading.Thread(target=lambda: found.append(call()))
    command.start()
    queue.until(lambda: not command.is_alive(), "the command has ended")
    command.join()
    return found[0]


def numbers(jobs: list[Job]) -> list[int]:
    return [job.seq for job in jobs]


def until_over(queue: Queue, slurm: FakeSlurm) -> None:
    """Let nodes take what is submitted, each job once, until all runs have ended."""
    begun: set[str] = set()

    def is_over() -> bool:
        for job in slurm.jobs():
            if job["state"] == "PENDING" and job["id"] not in begun:
                begun.add(job["id"])
                slurm.begin(job["id"])
        return {"queued", "running"}.isdisjoint(queue.states())

    queue.until(is_over, "all have ended")


def all_go_on(queue: Queue, slurm: FakeSlurm) -> None:
    until_over(queue, slurm)
    assert queue.states() == ["succeeded"] * 4
    assert all(len(starts) == 1 for starts in queue.starts().values())
    queue.check()


def test_an_edit_changes_what_is_submitted(queue: Queue, slurm: FakeSlurm) -> None:
    first = queue.jobs()[0]
    wish = Edit(parameters={"code": 7})
    done = beside(queue, lambda: edit.edit(queue.ws, {first.job_id: wish}, {first.job_id: first.version}))
    assert (numbers(done.changed), done.skipped) == ([first.seq], [])
    assert not queue.jobs()[0].held
    until_over(queue, slurm)
    assert [job.error for job in queue.jobs()] == ["exit code 7", None, None, None]
    queue.check()


def test_an_edit_of_what_a_person_has_not_seen_leaves_it_where_it_is(queue: Queue, slurm: FakeSlurm) -> None:
    first = queue.jobs()[0]
    wish = {first.job_id: Edit(parameters={"code": 7})}
    done = beside(queue, lambda: edit.edit(queue.ws, wish, {first.job_id: first.version - 1}))
    assert not done.changed
    assert waiting(queue) == [1, 2]
    all_go_on(queue, slurm)


def test_without_a_daemon_nothing_is_taken_back(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runforge.store.daemon_holder.holder", lambda _workspace: None)
    first = queue.jobs()[0]
    done = edit.edit(queue.ws, {first.job_id: Edit(parameters={"code": 7})})
    assert [reason for _, reason in done.skipped] == ["in Slurm's queue; `runforge hold 1` takes it back"]
    assert not queue.jobs()[0].recalled


def test_a_move_to_the_back_lets_others_pass(queue: Queue, slurm: FakeSlurm) -> None:
    first = queue.jobs()[0]
    done = beside(queue, lambda: move.move(queue.ws, [first.job_id], move.BACK))
    assert numbers(done.changed) == [1]
    queue.until(lambda: waiting(queue) == [2, 3], "the next one is submitted")
    assert (queue.jobs()[0].state, queue.jobs()[0].held) == (State.QUEUED, False)
    all_go_on(queue, slurm)


def test_a_hold_takes_it_back(queue: Queue, slurm: FakeSlurm) -> None:
    first = queue.jobs()[0]
    beside(queue, lambda: hold.hold(queue.ws, [first.job_id]))
    queue.until(lambda: waiting(queue) == [2, 3], "the next one is submitted")
    assert (queue.jobs()[0].state, queue.jobs()[0].held) == (State.QUEUED, True)
    hold.release(queue.ws, [first.job_id])
    all_go_on(queue, slurm)


def test_a_pause_takes_all_back(queue: Queue, slurm: FakeSlurm) -> None:
    group = queue.jobs()[0].group_id
    assert group is not None
    pause.pause_group(queue.ws, group)
    queue.until(lambda: queue.states() == ["queued"] * 4, "all are taken back")
    queue.until(lambda: {job["state"] for job in slurm.jobs()} == {"CANCELLED"}, "Slurm has canceled them")
    pause.resume_group(queue.ws, group)
    all_go_on(queue, slurm)
