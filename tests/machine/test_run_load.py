"""What the processes of a run use."""

from __future__ import annotations

import os
import subprocess
import sys

from runforge.machine.run_load import RunLoads

_BUSY = "import sys\nheld = bytearray(30_000_000)\nprint('ready', flush=True)\nwhile True: pass"


def test_a_run_has_the_load_of_all_its_processes() -> None:
    environment = {**os.environ, "RUNFORGE_RUN_ID": "20260101-000000-busy"}
    loads = RunLoads()
    processes = [
        subprocess.Popen([sys.executable, "-c", _BUSY], env=environment, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        first = loads.look()["20260101-000000-busy"]
        assert first.cpu_percent == 0  # nothing to compare with yet
        assert first.memory > 60_000_000
        while loads.look()["20260101-000000-busy"].cpu_percent == 0:
            pass
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert "20260101-000000-busy" not in loads.look()
