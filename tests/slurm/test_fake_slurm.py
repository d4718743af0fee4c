"""The made-up Slurm does what the real one does, as far as tests need it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runforge.backends.slurm import answers, listing
from runforge.backends.slurm.answers import Kind
from tests.conftest import wait_until
from tests.slurm.fake_slurm import FakeSlurm


def call(slurm: FakeSlurm, *words: str, script: str = "") -> subprocess.CompletedProcess[str]:
    path = f"{slurm.bin}:{os.environ['PATH']}"
    return subprocess.run(
        words, input=script, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
    )


def submit(slurm: FakeSlurm, name: str, script: str = "#!/bin/sh\n", *more: str) -> str:
    done = call(slurm, "sbatch", "--parsable", "--no-requeue", f"--job-name={name}", *more, script=script)
    assert answers.kind(done.stderr, done.returncode, done.stdout) is Kind.ACCEPTED
    return answers.job_id(done.stdout) or ""


def listed(slurm: FakeSlurm) -> dict[str, listing.Row]:
    done = call(slurm, "squeue", "-h", "-t", "all", "--array", "-o", listing.FORMAT)
    assert done.returncode == 0
    return listing.parse(done.stdout)


def test_a_job_from_queue_to_end(slurm: FakeSlurm, tmp_path: Path) -> None:
    out = tmp_path / "out"
    job_id = submit(
        slurm,
        "a",
        "echo $SLURM_JOB_ID on $SLURMD_NODENAME in $PWD\n",
        f"--output={out}",
        f"--chdir={tmp_path}",
    )
    assert listed(slurm)["a"][:4] == (job_id, "PENDING", "Priority", "")
    slurm.begin(job_id, "n2")
    wait_until(lambda: listed(slurm)["a"].state == "COMPLETED", "it has ended")
    assert out.read_text() == f"{job_id} on n2 in {tmp_path}\n"
    assert (
        call(slurm, "sacct", "-n", "-P", "--name=a", "--format=JobID,State").stdout == f"{job_id}|COMPLETED\n"
    )
    slurm.forget(job_id)
    assert listed(slurm) == {}
    assert (
        call(slurm, "sacct", "-n", "-P", "--name=a", "--format=JobID,State").stdout == f"{job_id}|COMPLETED\n"
    )


def test_cancels(slurm: FakeSlurm) -> None:
    waiting = submit(slurm, "waiting")
    slurm.set(begins=True)
    submit(slurm, "running", "exec sleep 60\n")
    wait_until(lambda: listed(slurm)["running"].state == "RUNNING", "it runs")
    call(slurm, "scancel", "--name=running")
    call(slurm, "scancel", waiting)
    wait_until(lambda: {row.state for row in listed(slurm).values()} == {"CANCELLED"}, "both are over")


@pytest.mark.parametrize(
    ("fault", "kind", "jobs"),
    [
        ("refused", Kind.REFUSED, 0),
        ("limit", Kind.LIMIT, 0),
        ("unreachable", Kind.UNSURE, 0),
        ("failing", Kind.UNSURE, 0),
        ("lost", Kind.UNSURE, 1),
    ],
)
def test_faults_are_as_sbatch_tells_them(slurm: FakeSlurm, fault: str, kind: Kind, jobs: int) -> None:
    slurm.fault("sbatch", fault, 1)
    done = call(slurm, "sbatch", "--parsable", "-J", "a", script="#!/bin/sh\n")
    assert answers.kind(done.stderr, done.returncode, done.stdout) is kind
    assert len(slurm.jobs()) == jobs
    submit(slurm, "b")  # once is over


def test_late_gone_and_numbers_again(slurm: FakeSlurm) -> None:
    slurm.set(late=2)
    job_id = submit(slurm, "a")
    assert [bool(listed(slurm)) for _ in range(3)] == [False, False, True]
    slurm.controller_is_gone()
    assert answers.is_unheard(call(slurm, "squeue").stderr)
    slurm.controller_is_gone(False)
    slurm.forget(job_id)
    slurm.set(next=int(job_id), late=0)
    assert submit(slurm, "b") == job_id
    assert {name: row.job_id for name, row in listed(slurm).items()} == {"b": job_id}
    assert call(slurm, "scontrol", "hold", job_id).returncode == 0
    assert listed(slurm)["b"].reason == "JobHeldUser"
    assert len(slurm.calls("sbatch")) == 2
