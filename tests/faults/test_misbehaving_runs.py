"""Runs that fork without end, stop themselves, or close what they should print to."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from runforge.attempts import cleanup
from tests.conftest import wait_until
from tests.supervise.kit import Attempt

#: Fifty children that ignore TERM, each with two of its own, in sessions of their own.
_STORM = (
    "import os, signal, time\n"
    "for n in range(50):\n"
    "    if os.fork() == 0:\n"
    "        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "        os.setsid(); os.fork(); os.fork(); print('up', flush=True)\n"
    "        while True: time.sleep(60)\n"
    "time.sleep(60)\n"
)


def test_a_storm_of_children_is_canceled(attempt: Attempt) -> None:
    attempt.start(_STORM)
    wait_until(lambda: attempt.log.count("up") == 200, "two hundred are up", 60)
    attempt.cancel()
    record = attempt.wait()
    assert record is not None
    assert record.canceled
    assert attempt.marked() == []


def test_a_storm_of_children_is_swept_when_its_supervisor_is_killed(attempt: Attempt) -> None:
    attempt.start(_STORM)
    wait_until(lambda: attempt.log.count("up") == 200, "two hundred are up", 60)
    attempt.kill_supervisor()
    assert cleanup.clean_up(attempt.token, attempt.folder, attempt.pid).found >= 200
    assert attempt.marked() == []


def test_a_run_that_stops_itself_can_be_canceled(attempt: Attempt) -> None:
    attempt.start(
        "import os, signal; print('up', os.getpid(), flush=True); os.kill(os.getpid(), signal.SIGSTOP)"
    )
    wait_until(lambda: "up " in attempt.log and attempt.log.endswith("\n"), "it is up")
    pid = int(attempt.log.split("up ")[1])
    wait_until(
        lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T", "it has stopped"
    )
    attempt.cancel()
    record = attempt.wait()
    assert record is not None
    assert record.canceled
    assert record.signal in {signal.SIGTERM, signal.SIGKILL}


def test_a_run_that_closes_its_output_early_has_its_true_end(attempt: Attempt) -> None:
    go = attempt.run_dir / "go"
    os.mkfifo(go)
    attempt.start(
        "import os, sys; print('up', flush=True); os.close(1); os.close(2); sys.exit(int(open('go').read()))"
    )
    wait_until(lambda: "up" in attempt.log, "it is up")
    go.write_text("4")
    record = attempt.wait()
    assert record is not None
    assert (record.exit_code, record.signal) == (4, None)
