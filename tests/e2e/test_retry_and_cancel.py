"""Retry, cancel and pause through the commands and the files, with a live daemon."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gauntlets.arena import Arena
from gauntlets.plans import grid, plan, request

pytestmark = pytest.mark.slow
#: Fails until the file is there.
FAILS_AT_FIRST = "import os,sys; sys.exit(0 if os.path.exists(sys.argv[1]) else 7)"


def _failing(here: Arena, marker: Path, count: int, *, device: str = "cpu", **execution: Any) -> str:
    command = [sys.executable, "-c", FAILS_AT_FIRST, str(marker)]
    base = request(device=device, family="command", command=command)
    document = plan(here.root, base, grid(count, "model.hyperparameters.n"), name="failing", **execution)
    return here.enqueue(document, count)


def test_a_retry_keeps_the_need_for_a_gpu_and_twice_queues_once(here: Arena, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    group = _failing(here, marker, 2, device="gpu")
    here.daemon(2)
    here.until_ended(group, "failed")
    here.stop_daemon()
    before = [job["job_id"] for job in here.jobs(group)]
    assert here.group_command("retry-failed", group).startswith("Re-enqueued 2 failed runs")
    assert here.group_command("retry-failed", group).startswith("Re-enqueued 0 failed runs")
    retried = here.jobs(group)
    assert [job["job_id"] for job in retried] == before
    assert [(j["state"], j["attempt"], j["requires_gpu"]) for j in retried] == [("queued", 2, True)] * 2
    assert here.group(group)["status"] == "running"
    marker.touch()
    here.daemon(2)
    here.until_ended(group, "completed")
    for job in here.jobs(group):
        folder = here.root / ".runforge/runs" / job["run_id"]
        assert here.result(job["run_id"])["status"] == "succeeded"
        earlier = json.loads((folder / "previous/1/result.json").read_text())
        assert earlier["error"]["message"] == "exit code 7"
        assert (folder / "previous/1/logs.txt").is_file()
    here.finish()


def test_fail_fast_cancels_what_has_not_started(here: Arena, tmp_path: Path) -> None:
    group = _failing(here, tmp_path / "never", 4, fail_fast=True)
    here.daemon(1)
    here.until_ended(group, "failed")
    assert [job["state"] for job in here.jobs(group)] == ["failed", "canceled", "canceled", "canceled"]
    here.finish()


def test_a_run_that_ends_well_after_its_cancel_is_canceled(here: Arena) -> None:
    """A run that catches TERM and exits with 0 was canceled all the same."""
    code = (
        "import signal,sys,time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    group = here.sweep(1, name="polite", family="command", command=[sys.executable, "-c", code])
    run_id = here.jobs(group)[0]["run_id"]
    log = here.root / ".runforge/runs" / run_id / "logs.txt"
    here.daemon(1)
    here.until(lambda: log.exists() and "ready" in log.read_text(), "the run is ready")
    said = here.run("cancel-run", run_id, "--workspace", str(here.root))
    assert said.startswith(f"Canceled run {run_id}")
    here.until_ended(group, "canceled")
    assert here.jobs(group)[0]["state"] == "canceled"
    assert here.result(run_id)["status"] == "cancelled"
    here.finish()


def test_running_runs_may_finish_when_their_group_is_canceled(here: Arena) -> None:
    group = here.sweep(4, name="finish", seconds=1.5)
    here.daemon(1)
    here.until(lambda: here.in_state("running", group) == 1, "one is running")
    at = ("--group-id", group, "--workspace", str(here.root))
    said = here.run("cancel-group", *at, "--let-running-finish")
    assert said.startswith("Canceled 3 runs")
    here.until_ended(group, "canceled")
    assert sorted(job["state"] for job in here.jobs(group)) == ["canceled"] * 3 + ["succeeded"]
    here.finish()


def test_a_paused_group_stays_paused_over_a_restart(here: Arena) -> None:
    paused = here.sweep(2, name="paused", seconds=0.1)
    here.group_command("pause-group", paused)
    here.daemon(2)
    other = here.sweep(2, name="other", seconds=0.1)
    here.until_ended(other, "completed")
    assert here.in_state("queued", paused) == 2
    here.kill_daemon()
    here.daemon(2)
    another = here.sweep(2, name="another", seconds=0.1)
    here.until_ended(another, "completed")
    assert here.in_state("queued", paused) == 2
    assert here.group(paused)["status"] == "running"
    here.group_command("resume-group", paused)
    here.until_ended(paused, "completed")
    here.finish()
