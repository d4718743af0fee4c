"""Memory that runs out, and slots that are fewer than the runs that run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from runforge.drills.arena import arena
from runforge.drills.plans import plan, request
from runforge.drills.scene import Scene, run
from tests.faults import machine

pytestmark = pytest.mark.slow

_MOST = 400 * 2**20


@pytest.fixture
def scene() -> Iterator[Scene]:
    with arena(Scene, prefix="faults-") as made:
        yield made


def test_a_run_that_the_kernel_kills_for_memory_says_so(scene: Scene) -> None:  # F44
    eat = "x = [bytearray(1 << 20) for _ in range(2000)]"
    base = request(family="command", command=[sys.executable, "-c", eat], hyperparameters={})
    daemon = scene.daemon(1)
    with machine.little_memory(scene, machine.descendants(daemon.pid), _MOST):
        scene.enqueue(plan(scene.root, base, {"type": "list", "runs": [{}]}, name="eater"), 1)
        scene.until(lambda: [j["state"] for j in scene.jobs()] == ["failed"], "it has failed")
    job = scene.jobs()[0]
    assert job["cause"] == "oom"
    assert "out of memory" in job["error"]
    assert "out of memory" in scene.result(job["run_id"])["error"]["message"]
    assert scene.result(job["run_id"])["error"]["type"] == "oom"
    assert daemon.poll() is None
    said = scene.run("show", job["run_id"], "--workspace", str(scene.root))
    assert "killed by the kernel: out of memory" in said
    scene.finish()


def test_a_daemon_with_fewer_slots_keeps_what_runs_and_starts_nothing_beside_it(scene: Scene) -> None:  # F47
    scene.put(run(2.0), run(2.0), run(4.0), run(0.1))
    scene.daemon(3)
    scene.until_started(3)
    scene.kill_daemon()
    scene.daemon(1)
    status = json.loads(scene.run("queue-status", "--json", "--workspace", str(scene.root)))["data"]
    assert status["daemon"]["max_parallel"] == 1
    scene.until_over()
    assert scene.ended[-1] == scene.jobs()[3]["run_id"], "the last was started beside the others"
    scene.expect_each_once()
    scene.expect(*[("succeeded", 1, None)] * 4)
    scene.finish()


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
def test_a_journal_on_a_network_disk_is_refused_with_what_to_do(scene: Scene, kind: str) -> None:  # F36
    """The mount table is faked: a sitecustomize of the program's own says where it is read."""
    table = scene.root.parent / "mountinfo"
    table.write_text(f"1 0 0:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / {scene.root} rw - {kind} host:/home rw\n")
    fake = scene.root.parent / "fake"
    fake.mkdir()
    (fake / "sitecustomize.py").write_text(
        "import pathlib\n"
        "import runforge.store.filesystems as filesystems\n"
        f"filesystems.filesystem_of.__defaults__ = (pathlib.Path({str(table)!r}),)\n"
        f"filesystems.require_local.__defaults__ = (pathlib.Path({str(table)!r}),)\n"
    )
    scene.environment["PYTHONPATH"] = str(fake)
    document = plan(scene.root, request(), {"type": "list", "runs": [{}]}, name="refused")
    path = scene.root.parent / "refused.json"
    path.write_text(json.dumps(document))
    here = ["--workspace", str(scene.root)]
    for words in (["daemon"], ["enqueue-sweep", "--plan", str(path)]):
        done = subprocess.run(
            [*scene.program, *words, *here],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **scene.environment},
        )
        assert done.returncode == 3
        assert f"{scene.root}/.runforge is on a network file system ({kind})" in done.stderr
        assert "give --state-dir /local/folder" in done.stderr
    scene.run("enqueue-sweep", "--plan", str(path), *here, "--state-dir", str(scene.root.parent / "state"))
    assert "1 queued" in scene.run("queue-status", *here)
