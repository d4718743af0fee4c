"""What a run can save after a cancel, and behind whom: shells, launchers, pipes, workers, a frozen tree."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runforge.core.outcome import ExitRecord
from runforge.machine import os_process
from runforge.supervise.supervisor import supervise
from tests.conftest import wait_until
from tests.supervise.kit import Attempt, in_child

pytestmark = pytest.mark.slow

#: Saves in steps after TERM, with a worker that it needs for it, and prints all the while.
PROGRAM = """
import os, signal, subprocess, sys, time
worker = subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL)
told = 0

def save(*_):
    global told
    told += 1
    with open("checkpoint", "a") as file:
        for step in range(10):
            file.write("x")
            file.flush()
            print("saving", step, flush=True)
            time.sleep(0.05)
    with open("saved", "w") as file:
        file.write(f"told {told} worker {worker.poll()}")
    sys.exit(0)

signal.signal(signal.SIGTERM, save)
print("up", flush=True)
time.sleep(60)
"""
#: A launcher as many are: it waits for its program and does nothing about signals.
LAUNCHER = "import subprocess, sys\nsys.exit(subprocess.run(sys.argv[1:]).returncode)\n"


@pytest.fixture
def attempt(tmp_path: Path) -> Iterator[Attempt]:
    made = Attempt(tmp_path)
    (made.run_dir / "program.py").write_text(PROGRAM)
    (made.run_dir / "accelerate").write_text(LAUNCHER)
    (made.run_dir / "unknown.py").write_text(LAUNCHER)
    yield made
    for pid in made.marked():
        os_process.send(pid, signal.SIGKILL)


PYTHON = shlex.quote(sys.executable)
RUN = f"{PYTHON} program.py"


def start(attempt: Attempt, argv: list[str], **changes: Any) -> None:
    path = attempt.spec(argv, **{"grace_seconds": 20.0, **changes})

    def run() -> None:
        os.setsid()
        supervise(path)

    attempt.pid = in_child(run)


def cancel(attempt: Attempt) -> ExitRecord:
    attempt.cancel()
    record = attempt.wait()
    assert record is not None
    assert record.canceled
    return record


@pytest.mark.parametrize(
    "argv",
    [
        [sys.executable, "program.py"],
        ["sh", "-c", f"{RUN}; touch after"],
        ["bash", "-c", f"cd . && {RUN} && touch after; touch after"],
        ["bash", "-c", f"(exec {RUN}) 2>&1 | tee copy; touch after"],
        ["bash", "-c", f"{RUN} | while read -r line; do echo $line; done; touch after"],
        ["bash", "-c", f"exec > >(tee copy); {RUN}; touch after"],
        ["bash", "-c", f"cat /dev/zero | {RUN}; touch after"],
        ["sh", "-c", f"bash -c '{RUN}; true'; touch after"],
        [sys.executable, "accelerate", sys.executable, "program.py"],
        ["sh", "-c", f"{PYTHON} accelerate bash -c '{RUN}; touch after'; touch after"],
        ["timeout", "60", sys.executable, "program.py"],
    ],
    ids=lambda argv: " ".join(argv).replace(sys.executable, "python")[:60],
)
def test_a_program_saves_behind_whatever_started_it_and_nothing_new_starts(
    attempt: Attempt, argv: list[str]
) -> None:
    start(attempt, argv)
    wait_until(lambda: "up" in attempt.log, "the run is up")
    cancel(attempt)
    assert (attempt.run_dir / "saved").read_text() == "told 1 worker None"
    assert (attempt.run_dir / "checkpoint").read_text() == "x" * 10
    assert "saving 9" in attempt.log
    assert not (attempt.run_dir / "after").exists()
    assert attempt.marked() == []


def test_behind_a_launcher_that_nobody_knows_it_saves_once_that_is_gone(attempt: Attempt) -> None:
    start(attempt, [sys.executable, "unknown.py", sys.executable, "program.py"])
    wait_until(lambda: "up" in attempt.log, "the run is up")
    assert cancel(attempt).signal == signal.SIGTERM
    assert (attempt.run_dir / "checkpoint").read_text() == "x" * 10


def test_a_shell_that_catches_the_signal_gets_it(attempt: Attempt) -> None:
    start(attempt, ["bash", "-c", "trap 'echo trapped; exit 3' TERM; sleep 60 & echo up; wait"])
    wait_until(lambda: "up" in attempt.log, "the run is up")
    assert cancel(attempt).exit_code == 3
    assert "trapped" in attempt.log


def test_a_frozen_run_can_save(attempt: Attempt) -> None:
    start(attempt, [sys.executable, "program.py"])
    wait_until(lambda: "up" in attempt.log, "the run is up")
    for pid in attempt.marked():
        os.kill(pid, signal.SIGSTOP)
    cancel(attempt)
    assert (attempt.run_dir / "saved").read_text() == "told 1 worker None"


HALVES = """
import os, signal, subprocess, sys, time
def told(*_): print(sys.argv[1], "told", flush=True)
signal.signal(signal.SIGTERM, told)
if sys.argv[1] == "main":
    subprocess.Popen([sys.executable, __file__, "child"])
print(sys.argv[1], "up", flush=True)
while True: time.sleep(60)
"""


def test_at_half_the_grace_the_tree_is_told_and_at_its_end_it_is_killed(attempt: Attempt) -> None:
    (attempt.run_dir / "halves.py").write_text(HALVES)
    start(attempt, [sys.executable, "halves.py", "main"], grace_seconds=2.0)
    wait_until(lambda: "main up" in attempt.log and "child up" in attempt.log, "both are up")
    record = cancel(attempt)
    assert record.signal == signal.SIGKILL
    told = [line for line in attempt.log.splitlines() if "told" in line]
    assert told == ["main told", "child told"]
    assert "2 processes had not ended 2 s after being asked to" in attempt.log


def test_without_grace_it_is_killed_at_once(attempt: Attempt) -> None:
    start(attempt, [sys.executable, "program.py"], grace_seconds=0.0)
    wait_until(lambda: "up" in attempt.log, "the run is up")
    assert cancel(attempt).signal == signal.SIGKILL
    assert not (attempt.run_dir / "checkpoint").exists()


def test_what_outlives_its_shell_can_save_too(attempt: Attempt) -> None:
    start(attempt, ["sh", "-c", f"{RUN} & until test -s run_is_up; do sleep 0.01; done; exit 4"])
    wait_until(lambda: "up" in attempt.log, "the run is up")
    (attempt.run_dir / "run_is_up").write_text("x")
    record = attempt.wait()
    assert record is not None
    assert (record.exit_code, record.canceled) == (4, False)
    assert (attempt.run_dir / "saved").read_text() == "told 1 worker None"


def test_a_copy_of_the_output_is_whole_though_nobody_waits_for_it(attempt: Attempt) -> None:
    """The shell does not wait for the reader of its output, which is still writing when the shell ends."""
    slow = "while read -r line; do echo $line; done"
    code = f"exec > >({slow} | cat > copy); for n in $(seq 3000); do echo line $n; done"
    start(attempt, ["bash", "-c", code])
    record = attempt.wait()
    assert record is not None
    assert record.exit_code == 0
    assert (attempt.run_dir / "copy").read_text().splitlines()[-1] == "line 3000"
