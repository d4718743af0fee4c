"""Disks that turn read-only or fail: the daemon launches nothing, says so in a line, and never guesses."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from runforge import workspace as workspaces
from runforge.drills.arena import arena
from runforge.drills.scene import Scene, run
from runforge.machine import disk_space
from runforge.queue import cancel
from runforge.views import lists
from tests.faults import machine
from tests.faults.test_disk_room import loop_disk

pytestmark = pytest.mark.slow


@pytest.fixture
def scene() -> Iterator[Scene]:
    with arena(Scene, prefix="faults-") as made:
        yield made


def until_said(scene: Scene, words: str) -> None:
    scene.until(lambda: words in scene.said(scene.daemons[-1]), f"the daemon says {words!r}", 20)


def mounted(*words: str) -> None:
    """Call mount, or skip."""
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"cannot mount {words}: {done.stderr.strip()}")


def test_a_read_only_disk_is_waited_for_and_the_status_is_a_snapshot(scene: Scene) -> None:  # F22
    """The workspace is covered by itself, read-only: what is open can still be written, nothing else can."""
    machine.on_small_disk(scene, "size=32m")
    scene.put(run(1.0), run(0.1))
    daemon = scene.daemon(1)
    scene.until_started()
    root = str(scene.root)
    mounted("--bind", root, root)
    try:
        mounted("-o", "remount,bind,ro", root)
        scene.until(lambda: len(scene.ended) == 1, "one has come to its own end")
        said = scene.run("queue-status", "--workspace", root)
        assert "is read-only; nothing is launched" in said
        assert "read-only snapshot" in said
        assert "1 queued" in said
        until_said(scene, "Read-only file system. Look at `dmesg`")
        scene.until(lambda: not scene.supervisors(), "its supervisor is gone")
        assert len(scene.started) == 1
    finally:
        subprocess.run(["umount", root], check=True)
    scene.until_over()
    scene.expect(("succeeded", 1, None), ("succeeded", 1, None))
    assert daemon.poll() is None
    assert "Traceback" not in scene.said(daemon)
    scene.finish()


def test_a_disk_that_the_kernel_has_closed_ends_no_daemon(scene: Scene) -> None:  # F22
    """After an error ext4 takes no more writes, but only a write shows it."""
    loop_disk(scene, "ext4", 64 * 2**20)
    scene.put(run(0.7), run(0.1))
    daemon = scene.daemon(1)
    scene.until_started()
    mounted("-o", "remount,abort", str(scene.root))
    until_said(scene, "exports are stale")
    scene.until(lambda: len(scene.ended) == 1, "it has come to its own end")
    here = workspaces.at(scene.root)
    found = disk_space.shortage(here, is_suspicious=True)
    assert found is not None
    assert found.kind == "read_only"
    assert [job.state for job in lists.jobs(here)] == ["running", "queued"]
    assert daemon.poll() is None
    said = scene.said(daemon)
    # Its supervisor waits with the exit record, so that the daemon has nothing to write down.
    assert said.count("Read-only file system") == 1, said
    assert "Traceback" not in said
    assert len(scene.started) == 1


_DAEMON_ON_A_FAILING_DISK = """
import os, sys
from pathlib import Path
from runforge import workspace
from runforge.daemon import main
from runforge.daemon.engine import Engine
from runforge.store.failures import explained
from runforge.store.sqlite import sqlite

here = workspace.at(Path(sys.argv[1]))
tick = Engine.tick

def fails(engine):
    tick(engine)
    if engine.active_jobs:
        # What the kernel gives to a connection of its own that finds less of the WAL than its index says.
        other = here.root / 'other.db'
        first = sqlite.connect(str(other), isolation_level=None)
        first.execute('PRAGMA journal_mode=WAL')
        first.execute('CREATE TABLE t (x)')
        os.unlink(f'{other}-wal')
        with explained(here.journal):
            sqlite.connect(str(other)).execute('SELECT * FROM t')

Engine.tick = fails
sys.exit(main.run_daemon(here, max_parallel=1))
"""


def test_an_input_output_error_stops_the_daemon_and_no_run(scene: Scene) -> None:  # F25
    """SQLite's own input/output error, from a database beside the journal, meets the daemon's loop."""
    scene.put(run(1.0), run(0.1))
    words = [sys.executable, "-c", _DAEMON_ON_A_FAILING_DISK, str(scene.root)]
    daemon = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert daemon.returncode == 4
    assert "the disk gave an input/output error" in daemon.stderr
    assert "dmesg" in daemon.stderr
    assert "runforge doctor" in daemon.stderr
    assert "Traceback" not in daemon.stderr
    scene.until(lambda: len(scene.ended) == len(scene.started) == 1, "what ran has come to its own end")
    scene.daemon(1)
    scene.until_over()
    scene.expect(("succeeded", 1, None), ("succeeded", 1, None))


def bound_by_rights(scene: Scene, *words: str) -> list[str]:
    """Return a command that is bound by the rights of files, as everybody but root is."""
    bound: list[str] = []
    if os.geteuid() == 0:
        bound = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
        if subprocess.run([*bound, "true"], capture_output=True, check=False).returncode != 0:
            pytest.skip("setpriv cannot take rights from root here")
    return [*bound, *scene.program, *words]


def as_a_user(scene: Scene, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command bound by the rights of files."""
    return subprocess.run(bound_by_rights(scene, *words), capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "words", [["enqueue-sweep", "--plan", "{plan}"], ["daemon"], ["resume-group", "--group-id", "@last"]]
)
def test_a_workspace_that_may_not_be_written_is_refused_with_the_right(
    scene: Scene, words: list[str]
) -> None:  # F24
    scene.put(run(0.1))
    plan = scene.root.parent / "plan-drill.json"
    hidden = scene.root / ".runforge"
    locked = [hidden, *(path for path in hidden.rglob("*") if path.is_dir())]
    for folder in locked:
        folder.chmod(0o500)
    said = as_a_user(scene, *(word.format(plan=plan) for word in words), "--workspace", str(scene.root))
    for folder in locked:
        folder.chmod(0o700)
    assert said.returncode in {1, 3}, said
    assert str(hidden) in said.stderr
    assert "chmod u+" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_workspace_that_may_only_be_read_can_be_looked_at(scene: Scene) -> None:
    scene.put(run(0.1))
    hidden = scene.root / ".runforge"
    hidden.chmod(0o500)
    said = as_a_user(scene, "queue-status", "--workspace", str(scene.root))
    found = as_a_user(scene, "jobs", "--group", "@last", "--json", "--workspace", str(scene.root))
    hidden.chmod(0o700)
    assert said.returncode == 0, said
    assert "1 queued" in said.stdout
    assert found.returncode == 0, found
    assert '"state": "queued"' in found.stdout


def test_waiting_notices_what_others_commit_where_it_may_only_read(scene: Scene) -> None:
    """The journal is then opened without its WAL, and only the file itself shows a change."""
    group = scene.put(run(0.1))
    here = workspaces.at(scene.root)
    hidden = here.hidden
    hidden.chmod(0o500)
    words = bound_by_rights(scene, "wait", "--timeout", "20", "--workspace", str(scene.root))
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
        assert waiting.stderr is not None
        assert "No daemon is running" in waiting.stderr.readline()
        hidden.chmod(0o700)
        cancel.cancel_group(here, group)
        hidden.chmod(0o500)
        said, _ = waiting.communicate(timeout=40)
    hidden.chmod(0o700)
    assert f"{group} canceled" in said
    assert waiting.returncode == 5
