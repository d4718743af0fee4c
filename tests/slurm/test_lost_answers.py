"""A Slurm that loses answers, forgets, refuses and gives numbers out twice: every run runs once, with its true outcome."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from gauntlets.slurm_chaos import settings
from runforge.backends.slurm import attempts, changing
from runforge.drills.arena import arena
from runforge.drills.scene import Scene
from runforge.drills.scene import run as a_run
from runforge.queue import cancel
from runforge.views import why, why_words
from runforge.workspace import Workspace
from tests.slurm import kit
from tests.slurm.fake_slurm import FakeSlurm
from tests.slurm.kit import Queue

pytestmark = pytest.mark.slow


@pytest.fixture
def queue(slurm: FakeSlurm, ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """An engine that calls the made-up Slurm."""
    monkeypatch.setenv("PATH", f"{slurm.bin}:/usr/bin:/bin")
    monkeypatch.setattr(changing, "AGAIN_SECONDS", 2.0)
    with kit.queue(ws, kit.OPTIONS._replace(ahead=4, fence_seconds=1.0), slots=8) as made:
        made.until(lambda: slurm.calls("sbatch"), "the options are tried, so that no fault meets that")
        yield made


def started(queue: Queue) -> int:
    return sum(map(len, queue.starts().values()))


def until_started(queue: Queue, count: int) -> None:
    queue.until(lambda: started(queue) >= count, f"{count} have started")


def all_succeeded(queue: Queue) -> None:
    queue.until_over()
    assert {(job.state.value, job.attempt, job.error) for job in queue.jobs()} == {("succeeded", 1, None)}
    assert queue.starts() == {job.run_id: [1] for job in queue.jobs()}
    queue.check()


def test_lost_answers(slurm: FakeSlurm, queue: Queue) -> None:
    slurm.set(begins=True)
    slurm.fault("sbatch", "lost", 3)
    # Questions are asked one after the other: the answer to what the cluster is like is heard before the list is asked for.
    queue.until(lambda: slurm.calls("squeue"), "what the cluster is like is known")
    queue.enqueue(*[(0.1, 0)] * 5)
    all_succeeded(queue)
    assert len({job["name"] for job in slurm.jobs()}) == 5
    # The supervisor is told how long the cluster waits after TERM.
    assert all(" 40\ncode=" in job["script"] for job in slurm.jobs())


def test_submissions_that_fail(slurm: FakeSlurm, queue: Queue) -> None:
    slurm.set(begins=True)
    slurm.fault("sbatch", "failing", 2)
    queue.enqueue(*[(0.1, 0)] * 3)
    all_succeeded(queue)
    assert len(slurm.calls("sbatch")) >= 5


def test_jobs_that_are_listed_late_are_submitted_twice_and_start_once(slurm: FakeSlurm, queue: Queue) -> None:
    slurm.set(late=2)
    slurm.fault("sbatch", "lost", 1)
    queue.enqueue((0.1, 0))
    queue.until(lambda: len(slurm.jobs()) == 2, "it is submitted again")
    first, second = (job["id"] for job in slurm.jobs())
    slurm.begin(second)
    slurm.begin(first)
    queue.until_over()
    assert started(queue) == 1
    queue.check()


def test_a_job_that_slurm_forgets_is_submitted_again_under_its_name(slurm: FakeSlurm, queue: Queue) -> None:
    queue.enqueue((0.1, 0))
    queue.until(slurm.jobs, "it is submitted")
    slurm.set(begins=True)
    slurm.forget("1")
    all_succeeded(queue)
    assert len({job["name"] for job in slurm.jobs()}) == 1


@pytest.mark.parametrize(
    ("fault", "words"), [("refused", "Invalid partition name"), ("limit", "AssocMaxSubmitJobLimit")]
)
def test_what_slurm_does_not_take_waits(slurm: FakeSlurm, queue: Queue, fault: str, words: str) -> None:
    slurm.set(begins=True)
    slurm.fault("sbatch", fault)
    queue.enqueue(*[(0.1, 0)] * 3)
    queue.until(lambda: any(words in line for line in queue.said), "the daemon's log says why")
    first = queue.jobs()[0].run_id
    queue.until(lambda: words in " ".join(why_words.lines(why.why(queue.ws, [first])[0])), "`why` says it")
    assert {"failed", "canceled"}.isdisjoint(queue.states())
    slurm.fault("sbatch", fault, 0)
    all_succeeded(queue)


def test_options_that_slurm_refuses_are_told_before_there_is_a_run(slurm: FakeSlurm, queue: Queue) -> None:
    slurm.set(begins=True)
    slurm.fault("sbatch", "refused", 1)
    queue.again()
    queue.until(lambda: queue.said, "it is told")
    refused = "nothing is submitted: Slurm refuses these options: Invalid partition name specified"
    (line,) = [line for line in queue.said if "Invalid partition name specified" in line]
    assert line == f"WARNING: {refused}. See `sinfo -s`, then [slurm] in config.toml"
    assert "Invalid partition name" in (queue.engine.backend_problem or "")
    queue.enqueue((0.1, 0))
    all_succeeded(queue)


def test_what_an_earlier_daemon_submitted_and_slurm_forgot_holds_no_room(
    slurm: FakeSlurm, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.enqueue(*[(0.1, 0)] * 5)
    queue.until(lambda: len(slurm.jobs()) == 4, "as many are submitted as may be ahead")
    monkeypatch.setattr(attempts, "ADOPTED_SECONDS", 1e9)
    for job in slurm.jobs():
        slurm.forget(job["id"])
    slurm.set(begins=True)
    queue.again()
    queue.until(lambda: "succeeded" in queue.states(), "the fifth is submitted, and ends")
    assert [(job.state.value, job.attempt) for job in queue.jobs()] == [("running", 1)] * 4 + [
        ("succeeded", 1)
    ]


def test_a_number_that_is_given_out_again_is_not_taken_for_the_first(slurm: FakeSlurm, queue: Queue) -> None:
    queue.enqueue(kit.FOR_EVER, kit.FOR_EVER)
    queue.until(lambda: len(slurm.jobs()) == 2, "both are submitted")
    name = slurm.jobs()[0]["name"]
    own, other = sorted(queue.acknowledged, key=lambda run_id: run_id not in name)
    slurm.begin("2")
    queue.until(lambda: other in queue.starts(), "the other has begun")
    # The controller is killed: it forgets the first job, and gives its number to the next, which is not ours.
    slurm.forget("1")
    slurm.add(id="1", name="somebody", options={}, script="", variables={})
    cancel.cancel_run(queue.ws, own)
    queue.until(lambda: "canceled" in queue.states(), "it is canceled")
    assert slurm.named("somebody")[0]["state"] == "PENDING"
    assert not [words for words in slurm.calls("scancel") if "1" in words or "2" in words]
    cancel.cancel_run(queue.ws, other)
    queue.until_over()
    queue.check()


def test_a_node_that_is_cut_off_never_leaves_two_attempts_beside_each_other(
    slurm: FakeSlurm, queue: Queue
) -> None:
    slurm.set(begins=True)
    queue.enqueue(kit.FOR_EVER)
    until_started(queue, 1)
    # Slurm sees the node no more; the run there goes on.
    slurm.end("1", "NODE_FAIL")
    until_started(queue, 2)
    assert queue.jobs()[0].attempt == 2
    cancel.cancel_run(queue.ws, queue.acknowledged[0])
    queue.until_over()
    queue.check()


def test_out_of_memory_is_told(slurm: FakeSlurm, queue: Queue) -> None:
    slurm.set(begins=True)
    queue.enqueue(kit.FOR_EVER)
    until_started(queue, 1)
    slurm.end("1", "OUT_OF_MEMORY")
    slurm.kill("1")
    queue.until_over()
    assert queue.causes() == ["oom"]
    queue.check()


def test_what_slurm_has_forgotten_ended_as_its_accounts_say(slurm: FakeSlurm, queue: Queue) -> None:
    slurm.set(begins=True)
    queue.enqueue(kit.FOR_EVER)
    until_started(queue, 1)
    # Killed last: a list that is asked for meanwhile must not show a job whose processes are gone.
    slurm.end("1", "TIMEOUT")
    slurm.forget("1")
    slurm.kill("1")
    queue.until_over()
    assert queue.causes() == ["time_limit"]
    assert slurm.calls("sacct")
    queue.check()


def ended_by_slurm(slurm: FakeSlurm) -> None:
    """Slurm writes that it has canceled the job, and ends its processes."""
    with open(slurm.job("1")["options"]["output"], "a") as out:
        out.write("slurmstepd: error: *** JOB 1 ON n1 CANCELLED AT 2026-01-01T00:00:00 ***\n")
    slurm.kill("1", signal.SIGTERM)


def test_what_is_canceled_in_slurm_is_canceled(slurm: FakeSlurm, queue: Queue) -> None:
    slurm.set(begins=True)
    queue.enqueue(kit.FOR_EVER)
    until_started(queue, 1)
    slurm.change("1", state="COMPLETING")
    ended_by_slurm(slurm)
    queue.until_over()
    assert (queue.states(), queue.causes()) == (["canceled"], ["canceled"])
    queue.check()


def test_what_a_killed_controller_has_forgotten_and_ended_is_tried_again(
    slurm: FakeSlurm, queue: Queue
) -> None:
    slurm.set(begins=True)
    queue.enqueue(kit.FOR_EVER)
    until_started(queue, 1)
    slurm.forget("1")
    ended_by_slurm(slurm)
    until_started(queue, 2)
    cancel.cancel_run(queue.ws, queue.acknowledged[0])
    queue.until_over()
    assert queue.causes() == ["lost", "canceled"]
    queue.check()


def test_real_daemons_find_their_jobs_again_and_tell_that_slurm_is_silent(slurm: FakeSlurm) -> None:
    with arena(Scene, prefix="slurm-") as scene:
        settings(scene, ahead=4)
        scene.environment["PATH"] = f"{slurm.bin}:/usr/bin:/bin"
        slurm.set(begins=True)
        scene.put(a_run(2), a_run(2), max_parallel=4)
        scene.daemon(4, 0)
        scene.until_started(2)
        scene.kill_daemon()
        slurm.controller_is_gone()
        scene.daemon(4, 0)
        scene.until(
            lambda: "Slurm has not answered" in str(scene.daemon_json()),
            "the daemon says that Slurm is silent",
        )
        assert "Slurm" in scene.run("queue-status", "-w", str(scene.root))
        assert {"failed", "canceled"}.isdisjoint(job["state"] for job in scene.jobs())
        slurm.controller_is_gone(False)
        scene.until_over()
        assert set(scene.outcomes()) == {("succeeded", 1, None)}
        scene.expect_each_once()
        scene.finish()
