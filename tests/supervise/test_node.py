"""A supervisor on a node of a cluster: what it completes, how it takes the cluster's TERM, what is left after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge import own_python
from runforge.attempts import exit_record, start_marker
from runforge.attempts import spec as specs
from runforge.core.outcome import ExitRecord
from runforge.machine import os_process
from runforge.supervise.node import NOT_OURS, OUTPUT, Node
from tests.conftest import wait_until
from tests.supervise.kit import Attempt

pytestmark = pytest.mark.slow

_TIME = "slurmstepd: error: *** JOB 5 ON n1 CANCELLED AT 2026-11-26T16:00:00 DUE TO TIME LIMIT ***"


@pytest.fixture
def attempt(tmp_path: Path) -> Iterator[Attempt]:
    made = Attempt(tmp_path)
    exit_record.allocate(made.folder)
    yield made
    for pid in made.marked():
        os_process.send(pid, signal.SIGKILL)


def start(attempt: Attempt, code: str, **changes: object) -> subprocess.Popen[bytes]:
    path = attempt.spec([sys.executable, "-u", "-c", code], **changes)
    variables = {**os.environ, "SLURM_JOB_ID": "5", "SLURMD_NODENAME": "n1"}
    return subprocess.Popen(own_python.command("runforge.supervise.on_node", str(path), ""), env=variables)


def found(attempt: Attempt) -> ExitRecord:
    record, begun = exit_record.read_elsewhere(attempt.folder, attempt.token)
    assert record is not None
    assert begun is not None
    assert (begun.node, begun.job) == ("n1", "5")
    return record


def test_its_exit_code_is_the_runs_and_a_second_start_is_refused(attempt: Attempt) -> None:
    assert start(attempt, "raise SystemExit(3)").wait() == 3
    assert found(attempt).exit_code == 3
    again = own_python.command("runforge.supervise.on_node", str(attempt.folder / specs.NAME), "")
    assert subprocess.run(again, check=False).returncode == NOT_OURS


@pytest.mark.parametrize("heeds", [True, False])
def test_the_clusters_term_ends_the_run_and_the_record_says_so(attempt: Attempt, heeds: bool) -> None:
    deaf = "" if heeds else "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    child = start(attempt, f"{deaf}print('up'); import time; time.sleep(300)")
    wait_until(lambda: "up" in attempt.log, "it runs")
    (attempt.folder / OUTPUT).write_text(f"something\n{_TIME}\n")
    child.send_signal(signal.SIGTERM)
    child.wait()
    record = found(attempt)
    assert (record.terminated, record.canceled, record.said) == (True, False, _TIME)


@pytest.mark.parametrize(("kill_wait", "grace"), [(30.0, 10.0), (12.0, 7.0), (3.0, 0.0)])
def test_a_run_has_no_longer_to_save_than_the_cluster_waits(kill_wait: float, grace: float) -> None:
    assert Node(kill_wait).most_grace_seconds == grace


def test_a_run_that_dies_by_the_clusters_term_before_its_supervisor_hears_of_it(attempt: Attempt) -> None:
    child = start(attempt, "print('up'); import time; time.sleep(300)")
    wait_until(lambda: "up" in attempt.log, "it runs")
    (worker,) = os_process.children(child.pid)
    os.kill(worker, signal.SIGTERM)
    os.kill(child.pid, signal.SIGTERM)
    child.wait()
    assert found(attempt).terminated


def test_a_run_that_ends_by_a_signal_of_its_own_is_not_the_clusters(attempt: Attempt) -> None:
    assert start(attempt, "import os; os.kill(os.getpid(), 15)").wait() == 128 + 15
    assert not found(attempt).terminated


def test_a_cancel_is_a_cancel_although_the_cluster_says_term_too(attempt: Attempt) -> None:
    child = start(attempt, "print('up'); import time; time.sleep(300)")
    wait_until(lambda: "up" in attempt.log, "it runs")
    attempt.cancel()
    child.send_signal(signal.SIGTERM)
    child.wait()
    assert (found(attempt).canceled, found(attempt).terminated) == (True, False)


def test_what_a_killed_supervisor_has_left_is_ended_by_the_jobs_shell(attempt: Attempt) -> None:
    child = start(attempt, "print('up'); import time; time.sleep(300)")
    wait_until(lambda: "up" in attempt.log, "it runs")
    child.kill()
    child.wait()
    assert attempt.marked()
    path = str(attempt.folder / specs.NAME)
    assert subprocess.run(own_python.command("runforge.supervise.fence", path), check=False).returncode == 0
    assert not attempt.marked()


def test_the_node_completes_what_the_daemon_could_not_know(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = {"device": {"type": "gpu"}, "model": {"family": "command"}}
    device = {"type": "cpu", "gpu_reason": "no_gpu_detected"}
    payload = {"request": request, "grant": {"gpus": 0, "gpu": None}, "device": device, "threads": 1}
    told = "[RF:DEVICE=CPU gpu_reason=no_gpu_detected]"
    attempt.spec(["true"], payload=payload, preamble=[told], env={"OMP_NUM_THREADS": "1"})
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    spec = Node().completed(specs.read(attempt.folder))
    assert [gpu.uuid for gpu in spec.payload.grant.devices] == ["0", "1"]
    assert (spec.payload.device.type, spec.payload.threads) == ("gpu", 3)
    assert spec.preamble == ("[RF:DEVICE=GPU]",)
    assert spec.env["SLURM_CPUS_PER_TASK"] == "3"
    assert (spec.env["OMP_NUM_THREADS"], spec.env["RUNFORGE_DEVICE"]) == ("3", "gpu")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert Node().completed(specs.read(attempt.folder)).preamble == (told,)


def test_what_is_closed_does_not_start(attempt: Attempt) -> None:
    assert start_marker.revoke(attempt.folder, attempt.token)
    assert start(attempt, "open('started', 'w')").wait() == NOT_OURS
    assert not (attempt.run_dir / "started").exists()
    assert exit_record.read_elsewhere(attempt.folder, attempt.token) == (None, None)
