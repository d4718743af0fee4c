"""`runforge run`, whose supervisor is killed by force: nothing of the run is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import psutil

from runforge.cli import samples
from runforge.workspace import Workspace
from tests.conftest import wait_until


def test_a_run_in_the_foreground_does_not_outlive_its_supervisor(ws: Workspace) -> None:
    model = {"family": "command", "command": ["sleep", "61.25"]}
    path = ws.root / "request.json"
    path.write_text(json.dumps({**samples.request(), "model": model}), "utf-8")
    words = [sys.executable, "-m", "runforge", "run", "--request", str(path), "--workspace", str(ws.root)]
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def workers() -> list[psutil.Process]:
        return [p for p in psutil.Process(running.pid).children(recursive=True) if "61.25" in p.cmdline()]

    wait_until(workers, "the run has started")
    (worker,) = workers()
    (supervisor,) = psutil.Process(running.pid).children()
    os.kill(supervisor.pid, signal.SIGKILL)
    said = running.communicate(timeout=30)[1]
    assert running.returncode == 4
    assert "supervisor was killed" in said
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
