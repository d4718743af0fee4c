"""A Slurm that loses answers, forgets, refuses and gives numbers out twice: every run runs once, with its true outcome."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from gauntlets import aftermath
from gauntlets.slurm_chaos import settings
from runforge.drills.arena import arena
from runforge.drills.scene import Scene, run
from tests.slurm.fake_slurm import FakeSlurm

pytestmark = pytest.mark.slow


@pytest.fixture
def scene(slurm: FakeSlurm) -> Iterator[Scene]:
    """A workspace whose daemons call the made-up Slurm."""
    with arena(Scene, prefix="slurm-") as made:
        settings(made, ahead=4, fence_seconds=1)
        made.environment["PATH"] = f"{slurm.bin}:/usr/bin:/bin"
        yield made


def daemon(scene: Scene) -> None:
    scene.daemon(4, 0)


def put(scene: Scene, *seconds: float, code: int = 0, kind: str = "plain") -> list[str]:
    scene.put(*(run(each, code, kind) for each in seconds), name=f"g{scene.acknowledged}", max_parallel=4)
    return [job["run_id"] for job in scene.jobs()]


def check(scene: Scene) -> None:
    """Nothing is broken, and every run has started once for each attempt."""
    assert not aftermath.check(scene, [job["run_id"] for job in scene.jobs()])


def all_succeeded(scene: Scene) -> None:
    scene.until_over()
    assert set(scene.outcomes()) == {("succeeded", 1, None)}
    assert sorted(scene.started) == sorted(job["run_id"] for job in scene.jobs())
    check(scene)


def test_lost_answers(slurm: FakeSlurm, scene: Scene) -> None:
    slurm.set(begins=True)
    slurm.fault("sbatch", "lost", 3)
    put(scene, 0.1, 0.1, 0.1, 0.1, 0.1)
    daemon(scene)
    all_succeeded(scene)
    names = [job["name"] for job in slurm.jobs()]
    assert len(set(names)) == 5


def test_submissions_that_fail(slurm: FakeSlurm, scene: Scene) -> None:
    slurm.set(begins=True)
    slurm.fault("sbatch", "failing", 2)
    put(scene, 0.1, 0.1, 0.1)
    daemon(scene)
    all_succeeded(scene)
    assert len(slurm.calls("sbatch")) >= 5


def test_jobs_that_are_listed_late_are_submitted_twice_and_start_once(slurm: FakeSlurm, scene: Scene) -> None:
    slurm.set(late=2)
    slurm.fault("sbatch", "lost", 1)
    (name,) = put(scene, 0.1)
    daemon(scene)
    scene.until(lambda: len(slurm.jobs()) == 2, "it is submitted again")
    first, second = (job["id"] for job in slurm.jobs())
    slurm.begin(second)
    slurm.begin(first)
    scene.until_over()
    assert scene.started == [name]
    check(scene)


def test_a_job_that_slurm_forgets_is_submitted_again_under_its_name(slurm: FakeSlurm, scene: Scene) -> None:
    put(scene, 0.1)
    daemon(scene)
    scene.until(slurm.jobs, "it is submitted")
    slurm.set(begins=True)
    slurm.forget("1")
    all_succeeded(scene)
    assert len({job["name"] for job in slurm.jobs()}) == 1


def test_a_controller_that_is_gone_is_told_and_nothing_is_judged(slurm: FakeSlurm, scene: Scene) -> None:
    slurm.set(begins=True)
    put(scene, 3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, kind="plain")
    daemon(scene)
    scene.until_started(1)
    slurm.controller_is_gone()
    scene.until(lambda: "Slurm" in scene.run("queue-status", "-w", str(scene.root)), "queue-status tells it")
    assert not [job for job in scene.jobs() if job["state"] in {"failed", "canceled"}]
    slurm.controller_is_gone(False)
    all_succeeded(scene)


@pytest.mark.parametrize(
    ("fault", "words"), [("refused", "Invalid partition name"), ("limit", "AssocMaxSubmitJobLimit")]
)
def test_what_slurm_does_not_take_waits(slurm: FakeSlurm, scene: Scene, fault: str, words: str) -> None:
    slurm.set(begins=True)
    slurm.fault("sbatch", fault)
    names = put(scene, 0.1, 0.1, 0.1)
    daemon(scene)
    scene.until(lambda: words in scene.said(scene.daemons[-1]), "the daemon's log says why")
    scene.until(lambda: words in scene.run("why", names[0], "-w", str(scene.root)), "why says it")
    assert not [job for job in scene.jobs() if job["state"] in {"failed", "canceled"}]
    slurm.fault("sbatch", fault, 0)
    all_succeeded(scene)


def test_a_number_that_is_given_out_again_is_not_taken_for_the_first(slurm: FakeSlurm, scene: Scene) -> None:
    first, second = put(scene, 60, 60)
    daemon(scene)
    scene.until(lambda: len(slurm.jobs()) == 2, "both are submitted")
    name = slurm.jobs()[0]["name"]
    own = next(run_id for run_id in (first, second) if run_id in name)
    other = second if own == first else first
    slurm.begin("2")
    scene.until(lambda: scene.started == [other], "the other has begun")
    # The controller is killed: it forgets the first job, and gives its number to the next, which is not ours.
    slurm.forget("1")
    slurm.add(id="1", name="somebody", options={}, script="", variables={})
    scene.run("cancel", own, "-w", str(scene.root))
    scene.until(lambda: any(job["state"] == "canceled" for job in scene.jobs()), "it is canceled")
    assert slurm.named("somebody")[0]["state"] == "PENDING"
    assert not [words for words in slurm.calls("scancel") if "1" in words or "2" in words]
    scene.run("cancel", other, "-w", str(scene.root))
    scene.until_over()
    check(scene)


def test_a_node_that_is_cut_off_never_leaves_two_attempts_beside_each_other(
    slurm: FakeSlurm, scene: Scene
) -> None:
    slurm.set(begins=True)
    (name,) = put(scene, 200, kind="beating")
    daemon(scene)
    scene.until_started(1)
    # Slurm sees the node no more; the run there goes on.
    slurm.end("1", "NODE_FAIL")
    scene.until_started(2)
    assert scene.jobs()[0]["attempt"] == 2
    scene.run("cancel", name, "-w", str(scene.root))
    scene.until_over()
    check(scene)


def test_out_of_memory_is_told(slurm: FakeSlurm, scene: Scene) -> None:
    slurm.set(begins=True)
    (name,) = put(scene, 60)
    daemon(scene)
    scene.until_started(1)
    slurm.end("1", "OUT_OF_MEMORY")
    slurm.kill("1")
    scene.until_over()
    assert scene.causes(name) == ["oom"]
    check(scene)


def ended_by_slurm(slurm: FakeSlurm) -> None:
    """Slurm writes that it has canceled the job, and ends its processes."""
    with open(slurm.job("1")["options"]["output"], "a") as out:
        out.write("slurmstepd: error: *** JOB 1 ON n1 CANCELLED AT 2026-01-01T00:00:00 ***\n")
    slurm.kill("1", signal.SIGTERM)


def test_what_is_canceled_in_slurm_is_canceled(slurm: FakeSlurm, scene: Scene) -> None:
    slurm.set(begins=True)
    (name,) = put(scene, 60)
    daemon(scene)
    scene.until_started(1)
    slurm.change("1", state="COMPLETING")
    ended_by_slurm(slurm)
    scene.until_over()
    assert (scene.jobs()[0]["state"], scene.causes(name)) == ("canceled", ["canceled"])
    check(scene)


def test_what_a_killed_controller_has_forgotten_and_ended_is_tried_again(
    slurm: FakeSlurm, scene: Scene
) -> None:
    slurm.set(begins=True)
    (name,) = put(scene, 60)
    daemon(scene)
    scene.until_started(1)
    slurm.forget("1")
    ended_by_slurm(slurm)
    scene.until_started(2)
    scene.run("cancel", name, "-w", str(scene.root))
    scene.until_over()
    assert scene.causes(name) == ["lost", "canceled"]
    check(scene)


def test_a_daemon_that_was_killed_finds_its_jobs_again(slurm: FakeSlurm, scene: Scene) -> None:
    put(scene, 2, 2, 0.1)
    slurm.set(begins=True)
    daemon(scene)
    scene.until_started(2)
    scene.kill_daemon()
    daemon(scene)
    all_succeeded(scene)
