"""Full disks: runs that run end truly, nothing new starts, everybody says why, and it heals by itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from runforge.drills.arena import arena
from runforge.drills.scene import Scene, run
from runforge.machine import disk_space
from runforge.workspace import Workspace
from tests.faults import machine
from tests.faults.test_no_room import resume

pytestmark = pytest.mark.slow


@pytest.fixture
def scene() -> Iterator[Scene]:
    with arena(Scene, prefix="faults-") as made:
        yield made


def lacking(ws: Workspace, monkeypatch: pytest.MonkeyPatch, **disk: int) -> disk_space.Shortage | None:
    """Ask with a disk of blocks of one MiB."""
    usual = {"f_frsize": 2**20, "f_blocks": 10**6, "f_bavail": 10**5, "f_files": 10**6, "f_favail": 10**5}
    answer = SimpleNamespace(**{"f_flag": 0, **usual, **disk})
    monkeypatch.setattr(disk_space, "os", SimpleNamespace(**{**vars(os), "statvfs": lambda _folder: answer}))
    return disk_space.shortage(ws)


def test_a_gibibyte_must_be_free_or_a_fiftieth_where_that_is_less(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lacking(ws, monkeypatch, f_bavail=1024) is None
    assert lacking(ws, monkeypatch, f_bavail=1023) is not None
    assert lacking(ws, monkeypatch, f_blocks=100, f_bavail=2) is None
    assert lacking(ws, monkeypatch, f_blocks=100, f_bavail=1) is not None
    monkeypatch.setenv(disk_space.VARIABLE, str(2**40))
    assert lacking(ws, monkeypatch) is not None
    monkeypatch.setenv(disk_space.VARIABLE, "0")
    assert lacking(ws, monkeypatch, f_bavail=0, f_favail=0) is None


def test_files_count_only_where_the_disk_counts_them(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lacking(ws, monkeypatch, f_files=0, f_favail=0) is None
    found = lacking(ws, monkeypatch, f_favail=3)
    assert found is not None
    assert "room for 3 more files" in found.text


def test_a_read_only_disk_is_no_full_one(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    found = lacking(ws, monkeypatch, f_flag=os.ST_RDONLY, f_bavail=0)
    assert found is not None
    assert found.kind == "read_only"


def ask(scene: Scene, *words: str) -> Any:
    return json.loads(scene.run(*words, "--json", "--workspace", str(scene.root)))["data"]


def test_nothing_starts_on_a_disk_without_room_and_all_say_why(scene: Scene) -> None:
    machine.on_small_disk(scene, "size=64m")
    group = scene.put(run(0.1), run(0.1))
    scene.run("pause-group", "--group-id", group, "--workspace", str(scene.root))
    daemon = scene.daemon()
    filler = scene.root / "filler"
    machine.fill(filler, but=512 * 1024)
    resume(scene, group)
    scene.until(lambda: "nothing is launched: the disk is full" in scene.said(daemon), "it says so", 20)
    for words in (["queue-status"], ["show", "@last"]):
        said = scene.run(*words, "--workspace", str(scene.root))
        assert "the disk is full: " in said
        assert " free of 67.1 MB at " in said
    jobs = subprocess.run(
        [*scene.program, "jobs", "--workspace", str(scene.root)], capture_output=True, text=True, check=True
    )
    assert "Queued jobs wait: the disk is full" in jobs.stderr
    status = ask(scene, "queue-status")
    assert status["daemon"]["shortage"]["kind"] == "disk_full"
    assert [job["waiting"] for job in status["next"]] == ["disk_full"]
    filler.unlink()
    scene.until_over()
    scene.expect(("succeeded", 1, None), ("succeeded", 1, None))
    said = scene.said(daemon)
    assert said.count("WARNING: nothing is launched") == said.count("launching again") == 1
    scene.finish()


def loop_disk(scene: Scene, kind: str, size: int, *options: str) -> None:
    """Put the workspace on an image of its own."""
    machine.require_root()
    image = scene.root.parent / "image"
    with open(image, "wb") as stream:
        stream.truncate(size)
    if shutil.which(f"mkfs.{kind}") is None:
        pytest.skip(f"needs the program mkfs.{kind}")
    done = subprocess.run([f"mkfs.{kind}", "-q", *options, str(image)], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"mkfs.{kind} does not work here")
    machine.mount(scene, scene.root, "-o", "loop", str(image))
    scene.root.chmod(0o700)
    machine.furnish(scene)


@pytest.mark.parametrize("disk", ["tmpfs", "ext4"])
def test_four_runs_end_truly_on_a_full_disk(scene: Scene, disk: str) -> None:  # F19
    if disk == "tmpfs":
        machine.on_small_disk(scene, "size=8m")
    else:
        loop_disk(scene, "ext4", 64 * 2**20)
    scene.put(*(run(1.5, code) for code in (0, 3, 0, 4)), run(0.1))
    daemon = scene.daemon(4)
    scene.until_started(4)
    filler = scene.root / "filler"
    machine.fill(filler)
    scene.until(lambda: len(scene.ended) == 4, "four have come to their own end")
    scene.until(lambda: not scene.supervisors(), "their supervisors are gone")
    assert "the disk is full" in scene.run("queue-status", "--workspace", str(scene.root))
    assert len(scene.started) == 4
    assert daemon.poll() is None
    filler.unlink()
    scene.until_over()
    ends = ["succeeded", "failed", "succeeded", "failed", "succeeded"]
    assert [job["state"] for job in scene.jobs()] == ends
    scene.expect_each_once()
    assert "Traceback" not in scene.said(daemon)
    scene.finish()


def test_without_inodes_nothing_starts(scene: Scene) -> None:  # F23
    loop_disk(scene, "ext4", 64 * 2**20, "-N", "400")
    group = scene.put(run(0.1), run(0.1))
    scene.run("pause-group", "--group-id", group, "--workspace", str(scene.root))
    daemon = scene.daemon()
    machine.fill_with_files(scene.root / "filler")
    resume(scene, group)
    scene.until(lambda: "room for 0 more files" in scene.said(daemon), "it says so", 20)
    assert "room for 0 more files" in scene.run("queue-status", "--workspace", str(scene.root))
    for path in (scene.root / "filler").iterdir():
        path.unlink()
    scene.until_over()
    scene.expect(("succeeded", 1, None), ("succeeded", 1, None))
    scene.finish()


def test_an_enqueue_and_an_export_on_a_full_disk(scene: Scene) -> None:  # F20, F21
    machine.on_small_disk(scene, "size=8m")
    scene.put(run(0.1))
    before = (scene.root / ".runforge/queue/queue.json").read_bytes()
    filler = scene.root / "filler"
    machine.fill(filler)
    plan = scene.root.parent / "plan-drill.json"
    done = subprocess.run(
        [*scene.program, "enqueue-sweep", "--plan", str(plan), "--workspace", str(scene.root)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "disk is full" in done.stderr.lower() or "No space left" in done.stderr
    assert "Free some space" in done.stderr
    assert (scene.root / ".runforge/queue/queue.json").read_bytes() == before
    said = scene.run("queue-status", "--workspace", str(scene.root))
    assert "1 queued" in said
    assert "read-only snapshot" in said
    filler.unlink()
    scene.daemon()
    scene.until_over()
    scene.finish()
