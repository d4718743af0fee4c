"""Runs as jobs of a real cluster: each starts once and has its true end, whatever is killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gauntlets.slurm_cluster import Cluster
from runforge.backends.slurm import listing
from runforge.core.states import Cause, State
from runforge.daemon.main import take_over
from runforge.daemon.settings import Settings
from runforge.errors import OperationFailed
from runforge.queue import cancel, hold, pause, priority
from runforge.views import glance, lists, why, why_words
from runforge.workspace import Workspace
from tests.slurm import kit
from tests.slurm.kit import Queue

pytestmark = pytest.mark.slow(shared=True)


@pytest.fixture
def queue(cluster: Cluster, ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    with kit.queue(ws) as made:
        yield made
        cluster.client("scancel", f"--user={os.getuid()}")


def alive(cluster: Cluster) -> list[listing.Row]:
    said = cluster.client("squeue", "-h", "-t", "all", "--array", "-o", listing.FORMAT)
    return [row for row in listing.parse(said).values() if not row.is_over]


def test_each_run_starts_once_and_ends_truly(queue: Queue) -> None:
    queue.enqueue(*[(0.1, 3 if number == 4 else 0, "telling") for number in range(10)])
    queue.until_over()
    jobs = queue.jobs()
    assert [job.state.value for job in jobs] == ["succeeded"] * 4 + ["failed"] + ["succeeded"] * 5
    assert (jobs[4].cause, jobs[4].error) == ("exit", "exit code 3")
    assert queue.starts() == {job.run_id: [1] for job in jobs}
    for attempt in queue.attempts():
        assert (attempt.place or "").startswith("slurm:")
        assert attempt.node in {"n1", "n2", "n3"}
        assert attempt.begun_at is not None
    view = lists.run(queue.ws, jobs[0].run_id)
    assert "[RF:METRIC=loss 0.1]" in Path(view.run_dir, "logs.txt").read_text("utf-8")
    queue.check()


def test_how_nodes_are_is_asked_for_with_the_runs_that_are_there(queue: Queue, cluster: Cluster) -> None:
    queue.enqueue(kit.FOR_EVER)
    queue.until(lambda: queue.shown() == ["running"], "it runs")
    (node,) = {attempt.node for attempt in queue.attempts()}
    queue.until(lambda: (queue.engine.nodes or {}).get("shown"), "its node is named")
    assert node is not None
    cluster.client("scontrol", "update", f"nodename={node}", "state=drain", "reason=bad disk")
    try:
        queue.again()
        queue.until(lambda: queue.engine.nodes, "it is asked again")
        told = queue.engine.nodes or {}
        assert told["shown"] == [{"name": node, "state": "draining", "reason": "bad disk"}]
        assert sum(told["counts"].values()) == 3
    finally:
        cluster.client("scontrol", "update", f"nodename={node}", "state=resume")


def test_a_daemon_that_ends_again_and_again_costs_nothing(queue: Queue) -> None:
    queue.enqueue(*[(1.0, 0)] * 6)
    queue.until(queue.starts, "one has begun")
    queue.again()
    queue.until(lambda: "succeeded" in queue.states(), "one has ended")
    queue.again()
    queue.until(lambda: queue.states() == ["succeeded"] * 6, "all have ended")
    queue.check()


def test_a_cancel_ends_what_runs_and_what_waits_in_slurm(queue: Queue, cluster: Cluster) -> None:
    group = queue.enqueue(*[kit.FOR_EVER] * 16)
    queue.until(lambda: queue.shown().count("running") == 8, "eight run")
    cancel.cancel_group(queue.ws, group)
    queue.until(lambda: queue.states() == ["canceled"] * 16, "all are canceled")
    queue.until(lambda: not alive(cluster), "Slurm has nothing of them")
    assert {job.cause for job in queue.jobs()} == {Cause.CANCELED.value}


def test_what_was_canceled_behind_our_back_is_canceled(queue: Queue, cluster: Cluster) -> None:
    queue.enqueue(kit.FOR_EVER)
    queue.until(lambda: queue.shown() == ["running"], "it runs")
    cluster.client("scancel", alive(cluster)[0].job_id)
    queue.until(lambda: queue.states() == ["canceled"], "it is canceled")
    assert queue.jobs()[0].error == "canceled in Slurm"


def test_what_waits_in_slurm_is_shown_as_queued_with_its_reason(queue: Queue, cluster: Cluster) -> None:
    cluster.client("scontrol", "update", "partitionname=main", "state=DOWN")
    try:
        queue.enqueue((0.1, 0), (0.1, 0))
        queue.until(lambda: all(job.waiting for job in queue.jobs()), "Slurm says why they wait")
        assert [job.state for job in queue.jobs()] == [State.RUNNING] * 2
        assert queue.shown() == ["queued"] * 2
        assert {job.waiting for job in queue.jobs()} == {"PartitionDown"}
        first = queue.jobs()[0]
        assert why_words.lines(why.why(queue.ws, [first.run_id])[0])[0].endswith(
            "waits in Slurm's queue: PartitionDown"
        )
        assert {job.state for job in lists.jobs(queue.ws)} == {"queued"}
        counts = glance.queue_summary(queue.ws).counts
        assert (counts["queued"], counts["running"]) == (2, 0)
    finally:
        cluster.client("scontrol", "update", "partitionname=main", "state=UP")
    queue.until(lambda: queue.states() == ["succeeded"] * 2, "both have ended")


def test_what_waits_in_slurm_is_taken_back_when_it_is_paused_or_held(queue: Queue, cluster: Cluster) -> None:
    cluster.client("scontrol", "update", "partitionname=main", "state=DOWN")
    try:
        group = queue.enqueue((0.1, 0), (0.1, 0), (0.1, 0))
        queue.until(lambda: len(alive(cluster)) == 3, "Slurm has all")
        held = queue.jobs()[1].job_id
        assert len(hold.hold(queue.ws, [held]).changed) == 1
        queue.until(lambda: queue.jobs()[1].held, "one is held")
        pause.pause_group(queue.ws, group)
        queue.until(lambda: queue.states() == ["queued"] * 3, "the others are taken back")
        queue.until(lambda: not alive(cluster), "Slurm has nothing of them")
    finally:
        cluster.client("scontrol", "update", "partitionname=main", "state=UP")
    pause.resume_group(queue.ws, group)
    queue.until(lambda: queue.states() == ["succeeded", "queued", "succeeded"], "two go on, one is held")
    hold.release(queue.ws, [held])
    queue.until(lambda: queue.states() == ["succeeded"] * 3, "it goes on too")
    assert all(len(starts) == 1 for starts in queue.starts().values())


def test_without_a_controller_runs_go_on_and_nothing_is_judged(queue: Queue, cluster: Cluster) -> None:
    queue.enqueue((6.0, 0), (6.0, 5), *[(0.1, 0)] * 3)
    queue.until(lambda: queue.shown().count("running") >= 2, "two run")
    cluster.kill("controller")
    try:
        queue.until(lambda: queue.engine.backend_problem, "it is told that Slurm does not answer")
        assert "Slurm has not answered since" in (queue.engine.backend_problem or "")
        queue.until(lambda: queue.states()[:2] == ["succeeded", "failed"], "what runs is seen to end")
    finally:
        cluster.revive("controller")
    queue.until_over()
    assert queue.states() == ["succeeded", "failed"] + ["succeeded"] * 3
    queue.until(lambda: queue.engine.backend_problem is None, "Slurm answers again")


def test_a_run_that_is_preempted_goes_on_later_and_it_costs_no_chance(queue: Queue, cluster: Cluster) -> None:
    queue.enqueue(kit.FOR_EVER)
    queue.until(lambda: queue.shown() == ["running"], "it runs")
    queue.until(lambda: any(queue.starts().values()), "its own code runs")
    queue.until(lambda: len(alive(cluster)) == 1, "what other tests have left is gone")
    (row,) = alive(cluster)
    urgent = [
        "--partition=urgent",
        f"--nodelist={row.node}",
        "--exclusive",
        "--output=/dev/null",
        "--chdir=/",
    ]
    before, lost = len(queue.attempts()), queue.jobs()[0].lost  # on a busy machine a launch may fail
    cluster.client("sbatch", "--job-name=urgent", *urgent, "--wrap=sleep 300")
    queue.until(lambda: len(queue.attempts()) == before + 1, "its next attempt is submitted")
    preempted = queue.attempts()[before - 1]
    assert (preempted.cause, queue.jobs()[0].lost) == (Cause.PREEMPTED.value, lost)
    cluster.client("scancel", "--name=urgent")
    queue.until(lambda: sum(map(len, queue.starts().values())) == 2, "it runs again")
    (starts,) = queue.starts().values()
    assert starts[0] == before, "one that was taken off its node before it began has left no start"


def test_a_more_urgent_run_passes_those_that_wait_in_slurm(
    cluster: Cluster, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    cluster.client("scontrol", "update", "partitionname=main", "state=DOWN")
    try:
        with kit.queue(ws, kit.OPTIONS._replace(ahead=2)) as queue:
            queue.enqueue((0.1, 0), (0.1, 0), (0.1, 0), (0.1, 0))
            queue.until(lambda: len(alive(cluster)) == 2, "the window is full")
            last = queue.jobs()[3].run_id
            priority.set_priority(ws, last, 7)
            queue.until(lambda: queue.jobs()[3].waiting is not None, "it is submitted before the others")
            queue.until(lambda: any(last in row.name for row in alive(cluster)), "Slurm has it")
            cluster.client("scontrol", "update", "partitionname=main", "state=UP")
            queue.until(lambda: queue.states() == ["succeeded"] * 4, "all go on")
            assert all(len(starts) == 1 for starts in queue.starts().values())
    finally:
        cluster.client("scontrol", "update", "partitionname=main", "state=UP")


def test_what_has_begun_unseen_is_not_taken_back(queue: Queue) -> None:
    queue.enqueue((4.0, 0))
    queue.until(queue.starts, "it runs")
    backend = queue.engine._backend
    (attempt,) = backend._attempts.values()  # type: ignore[attr-defined]
    attempt.begun, attempt.next_look = None, attempt.next_look + 1.0
    backend.recall(attempt.ref)
    queue.until(lambda: {"queued", "running"}.isdisjoint(queue.states()), "it has ended")
    assert (queue.states(), list(queue.starts().values())) == (["succeeded"], [[1]])


def test_no_daemon_for_another_place_takes_the_runs_over(queue: Queue) -> None:
    queue.enqueue(kit.FOR_EVER)
    queue.until(lambda: queue.shown() == ["running"], "it runs")
    with pytest.raises(OperationFailed, match="1 run goes on under --backend slurm"):
        take_over(queue.journal, Settings(2))
