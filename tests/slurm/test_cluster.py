"""The private cluster of these tests: each part is killed and comes back, and nothing is left of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gauntlets import slurm_cluster
from gauntlets.slurm_cluster import Cluster
from runforge.backends.slurm import listing
from tests.conftest import wait_until

pytestmark = pytest.mark.slow(shared=True)
_ROOT = Path(__file__).parent.parent.parent


def submit(cluster: Cluster, name: str, *options: str, script: str = "exec sleep 300") -> str:
    done = subprocess.run(
        [
            "sbatch",
            "--parsable",
            "--no-requeue",
            f"--job-name={name}",
            "--output=/dev/null",
            "--chdir=/",
            *options,
        ],
        input=f"#!/bin/sh\n{script}\n",
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **cluster.environment},
    )
    return done.stdout.strip()


def row(cluster: Cluster, name: str) -> listing.Row | None:
    said = cluster.client("squeue", "-h", "-t", "all", "--array", "-o", listing.FORMAT)
    return listing.parse(said).get(name)


def is_in(cluster: Cluster, name: str, state: str) -> bool:
    found = row(cluster, name)
    return found is not None and found.state == state


def test_a_job_waits_and_runs_and_is_canceled(cluster: Cluster) -> None:
    submit(cluster, "held", "--hold")
    submit(cluster, "runs")
    cluster.until(lambda: is_in(cluster, "runs", "RUNNING"), "it runs")
    assert row(cluster, "held")[2:4] == ("JobHeldUser", "")  # type: ignore[index]
    assert row(cluster, "runs").node in cluster.names  # type: ignore[union-attr]
    for name in ("held", "runs"):
        cluster.client("scancel", f"--name={name}")
        cluster.until(lambda name=name: is_in(cluster, name, "CANCELLED"), f"{name} is canceled")  # type: ignore[misc]


def test_a_controller_that_was_killed_comes_back_with_its_jobs(cluster: Cluster) -> None:
    submit(cluster, "long")
    cluster.until(lambda: is_in(cluster, "long", "RUNNING"), "it runs")
    # What it has accepted in the last seconds, it forgets.
    saved = cluster.folder / "state" / "job_state"
    cluster.until(lambda: saved.exists() and b"long" in saved.read_bytes(), "it has noted the job")
    cluster.kill("controller")
    assert not cluster.lives("controller")
    cluster.revive("controller")
    assert row(cluster, "long") is not None
    cluster.client("scancel", "--name=long")


def test_a_whole_node_is_killed_and_comes_back(cluster: Cluster) -> None:
    submit(cluster, "there", "-w", "n2")
    cluster.until(
        lambda: len(slurm_cluster.steps(cluster.folder, "n2")) >= 3, "slurmd, the step and the job are there"
    )
    cluster.kill("node:n2")
    assert not cluster.lives("n2")
    assert not slurm_cluster.steps(cluster.folder, "n2")
    assert cluster.lives("n1")
    cluster.revive("node:n2")
    assert cluster.lives("n2")
    cluster.client("scancel", "--name=there")
    submit(cluster, "again", "-w", "n2")
    cluster.until(lambda: is_in(cluster, "again", "RUNNING"), "the node works", 60)
    cluster.client("scancel", "--name=again")


def test_nothing_is_left_when_the_one_that_started_it_is_killed() -> None:
    why = slurm_cluster.lacking()
    if why is not None:
        pytest.skip(why)
    code = (
        "import sys, time\nfrom gauntlets.slurm_cluster import running\n"
        "with running(nodes=1) as cluster:\n    print(cluster.folder, flush=True)\n    time.sleep(600)\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", code], cwd=_ROOT, stdout=subprocess.PIPE)
    assert starter.stdout is not None
    folder = Path(starter.stdout.readline().decode().strip())
    assert (folder / "slurm.conf").is_file()
    starter.kill()
    starter.wait()
    starter.stdout.close()
    wait_until(lambda: not folder.exists(), "the keeper has ended it", 60)
    assert not slurm_cluster.strays(folder)


def test_isolated_nodes_have_processes_and_names_of_their_own(tmp_path: Path) -> None:
    why = slurm_cluster.lacking(isolate=True, late=True)
    if why is not None:
        pytest.skip(why)
    shared = tmp_path / "shared"
    shared.mkdir()
    script = f"ls {shared}/late; hostname; cat /proc/sys/kernel/random/boot_id; echo $$; until [ -e {shared}/late ]; do sleep 0.2; done"
    with slurm_cluster.running(nodes=1, isolate=True, share=shared) as cluster:
        submit(cluster, "inside", f"--output={tmp_path}/out", script=script)
        wait_until(
            lambda: (tmp_path / "out").exists() and len((tmp_path / "out").read_text().splitlines()) == 4,
            "it runs",
            60,
        )
        _, host, boot_id, pid = (tmp_path / "out").read_text().splitlines()
        assert host == "n1"
        assert boot_id != Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        assert int(pid) < 1000
        # The node has looked for the name before: it does not see at once that it is there now.
        (shared / "late").touch()
        cluster.until(lambda: is_in(cluster, "inside", "COMPLETED"), "it has seen the name", 60)
        assert (
            subprocess.run([*cluster.login(), "ls", str(shared)], capture_output=True, check=True).stdout
            == b"late\n"
        )
        cluster.kill("node:n1")
        assert not cluster.lives("n1")
    assert not slurm_cluster.strays(cluster.folder)
