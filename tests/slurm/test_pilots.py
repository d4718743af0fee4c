"""Short runs in pilots on a real cluster: each starts once and has its true end, whatever becomes of its pilot."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from gauntlets.slurm_cluster import Cluster
from runforge.backends.slurm import listing, script
from runforge.backends.slurm.pilot_terms import Terms
from runforge.core.records import Attempt
from runforge.core.states import Cause
from runforge.drills.traces import processes_of
from runforge.machine import os_process
from runforge.queue import cancel, pause
from runforge.workspace import Workspace
from tests.slurm import kit
from tests.slurm.kit import Queue

pytestmark = pytest.mark.slow(shared=True)
TERMS = Terms(most=2, slots=2, seconds=600.0, idle=600.0, cpus=1, mem_mb=0)
OPTIONS = kit.OPTIONS._replace(pilots=TERMS)


@pytest.fixture
def slurm(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    yield cluster
    cluster.client("scancel", f"--user={os.getuid()}")
    cluster.until(lambda: not alive(cluster), "nothing is left for the next test")


@pytest.fixture
def queue(slurm: Cluster, ws: Workspace) -> Iterator[Queue]:  # noqa: ARG001 - it must be there
    with kit.queue(ws, OPTIONS, slots=16) as made:
        yield made


def alive(cluster: Cluster) -> list[listing.Row]:
    said = cluster.client("squeue", "-h", "-t", "all", "--array", "-o", listing.FORMAT)
    return [row for row in listing.parse(said).values() if not row.is_over]


def pilots(cluster: Cluster) -> list[listing.Row]:
    return [row for row in alive(cluster) if "-pilot." in row.name]


def over(queue: Queue) -> bool:
    return {"queued", "running"}.isdisjoint(queue.states())


def lost(queue: Queue) -> list[Attempt]:
    return [attempt for attempt in queue.attempts() if attempt.cause == Cause.LOST.value]


def processes(queue: Queue) -> set[int]:
    """Return what the runs have started."""
    return {pid for pid in processes_of(queue.ws.root) if os_process.name_of(pid) in {"sh", "sleep"}}


def pilot_processes(queue: Queue) -> list[int]:
    module = "runforge.backends.slurm.pilot_node"
    return [pid for pid in processes_of(queue.ws.root) if module in os_process.command_line(pid)]


def test_runs_go_through_pilots_and_end_truly(queue: Queue, slurm: Cluster) -> None:
    queue.enqueue(*[(0.1, 3 if number == 4 else 0) for number in range(20)])
    queue.until(lambda: over(queue), "all have ended")
    jobs = queue.jobs()
    assert [job.state.value for job in jobs] == ["succeeded"] * 4 + ["failed"] + ["succeeded"] * 15
    assert (jobs[4].cause, jobs[4].error) == ("exit", "exit code 3")
    assert queue.starts() == {job.run_id: [1] for job in jobs}
    found = pilots(slurm)
    assert 1 <= len(found) <= TERMS.most
    assert len(alive(slurm)) == len(found), "no run was a job of its own"
    assert {attempt.place for attempt in queue.attempts()} <= {f"slurm:cluster:{row.job_id}" for row in found}
    assert {attempt.node for attempt in queue.attempts()} <= {row.node for row in found}
    assert all(attempt.begun_at for attempt in queue.attempts())


def test_a_pilot_that_is_canceled_costs_its_runs_one_attempt(queue: Queue, slurm: Cluster) -> None:
    queue.enqueue(*[kit.FOR_EVER] * 3)
    queue.until(lambda: len(queue.starts()) == 3, "three run")
    for row in pilots(slurm):
        slurm.client("scancel", f"--name={row.name}")
    queue.until(lambda: sorted(queue.starts().values()) == [[1, 2]] * 3, "each runs again")
    assert {attempt.error for attempt in lost(queue)} == {"the pilot in which it ran was canceled in Slurm"}
    assert [job.lost for job in queue.jobs()] == [1, 1, 1]


def test_a_pilot_that_is_killed_leaves_nothing_and_its_runs_go_on_elsewhere(queue: Queue) -> None:
    queue.enqueue(kit.FOR_EVER, kit.FOR_EVER)
    queue.until(lambda: len(queue.starts()) == 2, "two run")
    first = processes(queue)
    for pid in pilot_processes(queue):
        os_process.send(pid, signal.SIGKILL)
    queue.until(lambda: len(lost(queue)) == 2, "both are lost")
    assert not first & processes(queue), "what the first attempts had started was ended before"
    queue.until(lambda: sorted(queue.starts().values()) == [[1, 2]] * 2, "each runs again")


def test_a_daemon_that_ends_meanwhile_costs_nothing(queue: Queue, slurm: Cluster) -> None:
    queue.enqueue(*[(2.0, 0)] * 8)
    queue.until(queue.starts, "one has begun")
    queue.again()
    queue.until(lambda: "succeeded" in queue.states(), "one has ended")
    queue.again()
    queue.until(lambda: over(queue), "all have ended")
    assert queue.states() == ["succeeded"] * 8
    assert len(pilots(slurm)) <= TERMS.most
    assert all(len(set(starts)) == len(starts) for starts in queue.starts().values())
    ended = [attempt for attempt in queue.attempts() if attempt.cause == Cause.EXIT.value]
    assert len(ended) == 8


def test_a_run_that_does_not_fit_is_a_job_of_its_own(queue: Queue, slurm: Cluster) -> None:
    queue.enqueue((0.1, 0))
    queue.until(lambda: over(queue), "it has gone through a pilot")
    queue.enqueue((0.1, 0), name="large", resources={"cpus": 2})
    queue.enqueue((0.1, 0), name="long", timeout_seconds=7200)
    queue.until(lambda: over(queue), "all have ended")
    small, *others = (attempt.place for attempt in queue.attempts())
    assert {f"slurm:cluster:{row.job_id}" for row in pilots(slurm)} == {small}
    assert small not in others
    assert queue.states() == ["succeeded"] * 3


def test_a_cancel_ends_one_run_and_not_its_pilot(queue: Queue, slurm: Cluster) -> None:
    queue.enqueue(kit.FOR_EVER, (6.0, 0))
    queue.until(lambda: len(queue.starts()) == 2, "both run")
    before = {row.job_id for row in pilots(slurm)}
    cancel.cancel_run(queue.ws, queue.jobs()[0].run_id)
    queue.until(lambda: over(queue), "both have ended")
    assert queue.states() == ["canceled", "succeeded"]
    assert {row.job_id for row in pilots(slurm)} == before


def test_what_waits_for_a_slot_is_taken_back_when_its_group_is_paused(queue: Queue) -> None:
    group = queue.enqueue(*[(8.0, 0)] * 8)
    queue.until(lambda: len(queue.starts()) == 4, "all slots are taken")
    pause.pause_group(queue.ws, group)
    queue.until(lambda: queue.states().count("succeeded") == 4, "these four have ended")
    assert queue.states().count("queued") == 4
    assert len(queue.starts()) == 4
    pause.resume_group(queue.ws, group)
    queue.until(lambda: over(queue), "the rest goes on")
    assert all(len(starts) == 1 for starts in queue.starts().values())


def test_an_idle_pilot_leaves(slurm: Cluster, ws: Workspace) -> None:
    with kit.queue(ws, OPTIONS._replace(pilots=TERMS._replace(idle=1.0)), slots=16) as queue:
        queue.enqueue((0.1, 0), (0.1, 0))
        queue.until(lambda: over(queue), "both have ended")
        queue.until(lambda: not alive(slurm), "the pilot has left")
        queue.until(lambda: not list((ws.hidden / "pilots").iterdir()), "its files are gone")
        queue.enqueue((0.1, 0))
        queue.until(lambda: over(queue), "another takes the next run")
        assert queue.states() == ["succeeded"] * 3


def test_at_its_time_limit_a_pilot_ends_its_runs_and_they_go_on_as_jobs_of_their_own(
    slurm: Cluster, ws: Workspace
) -> None:
    short = TERMS._replace(most=1, slots=1, seconds=20.0)
    with kit.queue(ws, OPTIONS._replace(pilots=short), slots=16) as queue:
        queue.enqueue(kit.FOR_EVER)
        queue.until(queue.starts, "it runs in a pilot")
        queue.until(lambda: not pilots(slurm), "the pilot leaves before Slurm ends it")
        queue.until(lambda: list(queue.starts().values()) == [[1, 2]], "it runs again")
        assert [attempt.error for attempt in lost(queue)] == [
            "the pilot in which it ran was at its time limit"
        ]
        assert not pilots(slurm)


def test_three_early_deaths_stop_it_and_everybody_is_told(
    slurm: Cluster, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "pilot_text", lambda *_: b"#!/bin/sh\necho no such module >&2\nexit 3\n")
    with kit.queue(ws, OPTIONS._replace(pilots=TERMS._replace(most=1)), slots=16) as queue:
        queue.enqueue((0.1, 0), (0.1, 0))
        queue.until(lambda: over(queue), "both have ended")
        assert queue.states() == ["succeeded"] * 2
        assert sum("a pilot has ended before it did a run" in line for line in queue.said) == 3
        note = queue.engine.backend_note or ""
        assert note.startswith("no more pilots: 3 in a row ended")
        assert "no such module" in note
        assert len({attempt.place for attempt in queue.attempts()}) == 2
        assert not pilots(slurm)
