"""The machine has no room for a run: it waits, costs no attempt of the job's, and starts by itself later."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from runforge.drills.arena import arena
from runforge.drills.scene import Scene, run
from tests.faults import machine

pytestmark = pytest.mark.slow

#: Own recovery comes within five seconds of the end of the cause; the rest is for a busy test machine.
_SECONDS = 5.0 + 10.0


@pytest.fixture
def scene() -> Iterator[Scene]:
    with arena(Scene, prefix="faults-") as made:
        yield made


def put_paused(scene: Scene, *runs: dict[str, object]) -> str:
    """Enqueue a group that starts when it is resumed."""
    group = scene.put(*runs)
    scene.run("pause-group", "--group-id", group, "--workspace", str(scene.root))
    return group


def resume(scene: Scene, group: str) -> None:
    scene.run("resume-group", "--group-id", group, "--workspace", str(scene.root))


def entries(scene: Scene, run_id: str) -> list[dict[str, object]]:
    said = scene.run("show", run_id, "--json", "--workspace", str(scene.root))
    return list(json.loads(said)["data"]["timeline"])


def until_told(scene: Scene, words: str) -> None:
    daemon = scene.daemons[-1]
    scene.until(lambda: words in scene.said(daemon), f"the daemon says {words!r}", 20)


def expect_waited(scene: Scene) -> None:
    """Every run has succeeded, started once, and no attempt was counted as lost; the daemon said it once."""
    scene.until(
        lambda: not [j for j in scene.jobs() if j["state"] != "succeeded"], "all have succeeded", _SECONDS
    )
    scene.expect_each_once()
    said = scene.said(scene.daemons[-1])
    assert scene.daemons[-1].poll() is None
    assert said.count("WARNING: nothing is launched") == 1, said
    assert said.count("launching again") == 1, said
    assert "Traceback" not in said, said
    for job in scene.jobs():
        assert set(scene.causes(job["run_id"])) <= {"postponed", "exit"}
    scene.finish()


def test_without_descriptors_the_daemon_waits_and_goes_on(scene: Scene) -> None:  # F41
    group = put_paused(scene, run(0.1), run(0.1))
    daemon = scene.daemon()
    # A command opens a connection of its own; the daemon's stays open.
    with machine.few_descriptors(daemon.pid):
        resume(scene, group)
        until_told(scene, "too many open files")
        # Whether they are claimed already depends on which of its files the daemon has read before.
        assert {job["state"] for job in shown(scene)} <= {"queued", "running"}
        assert len(scene.started) == 0
    expect_waited(scene)


def shown(scene: Scene) -> list[dict[str, object]]:
    """Return the jobs as the journal has them: exports wait too."""
    return list(json.loads(scene.run("jobs", "--json", "--workspace", str(scene.root)))["data"])


def test_running_runs_are_kept_while_nothing_can_be_opened(scene: Scene) -> None:  # F41, G9
    scene.put(run(1.5), run(0.1))
    daemon = scene.daemon(1)
    scene.until_started()
    with machine.few_descriptors(daemon.pid):
        scene.until(lambda: len(scene.ended) == 1, "it has come to its own end")
        until_told(scene, "too many open files")
    expect_outcome_kept(scene)


def expect_outcome_kept(scene: Scene) -> None:
    scene.until_over()
    assert [job["state"] for job in scene.jobs()] == ["succeeded", "succeeded"]
    scene.expect_each_once()
    assert "Traceback" not in scene.said(scene.daemons[-1])
    scene.finish()


@pytest.mark.parametrize("spare", [0, 1])
def test_without_processes_the_daemon_waits_and_goes_on(scene: Scene, spare: int) -> None:  # F42
    """With none to spare no supervisor comes to be, with one to spare the supervisor cannot start its run."""
    group = put_paused(scene, run(0.1), run(0.1))
    daemon = scene.daemon(1)
    with machine.few_processes(scene, machine.descendants(daemon.pid), spare):
        resume(scene, group)
        until_told(scene, "no process can be created")
    expect_waited(scene)


def test_without_inodes_the_daemon_waits_and_goes_on(scene: Scene) -> None:  # F23, the guard turned off
    scene.environment["RUNFORGE_MIN_FREE_BYTES"] = "0"
    machine.on_small_disk(scene, "size=32m,nr_inodes=300")
    group = put_paused(scene, run(0.1), run(0.1))
    scene.daemon(1)
    machine.fill_with_files(scene.root / "filler")
    resume(scene, group)
    until_told(scene, "the disk is full")
    for path in (scene.root / "filler").iterdir():
        path.unlink()
    expect_waited(scene)
