"""Ctrl-C while hundreds of runs are being enqueued: all of them or none, and it says which."""

from __future__ import annotations

import random
import signal
import subprocess
import sys

import pytest

from runforge.cli import samples
from runforge.store import opening
from runforge.views import lists
from runforge.workspace import Workspace
from tests.conftest import wait_until

RUNS = 400


@pytest.mark.parametrize("seed", range(4))
def test_all_or_none(ws: Workspace, seed: int) -> None:
    axis = {"path": "model.hyperparameters.C", "values": [i + 1 for i in range(RUNS)]}
    plan = {**samples.plan(str(ws.root)), "strategy": {"type": "grid", "parameters": [axis]}}
    path = ws.root / "many.json"
    path.write_bytes(samples.encode(plan))
    many = random.Random(seed).randrange(RUNS)
    process = subprocess.Popen(
        [sys.executable, "-m", "runforge", "enqueue-sweep", "--plan", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: len(list(ws.runs_dir.iterdir())) > many, "some of their folders are there", 60)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    jobs = len(lists.jobs(ws)) if opening.exists(ws) else 0
    folders = len(list(ws.runs_dir.iterdir()))
    assert (jobs, folders) in {(0, 0), (RUNS, RUNS)}
    if process.returncode == 0:
        assert (jobs, told) == (RUNS, "")
    else:
        assert process.returncode == 5
        assert (
            told
            == f"ERROR: interrupted; {'all 400 runs are in the queue already' if jobs else 'nothing was enqueued'}\n"
        )
