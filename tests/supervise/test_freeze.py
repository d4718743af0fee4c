"""A frozen run: every process of it stands still, its time limit too, and it goes on as if nothing had been."""

from __future__ import annotations

import re
import signal
import sys
import time
from pathlib import Path

import pytest

from runforge.attempts import orders
from runforge.machine import os_process
from tests.conftest import wait_until
from tests.supervise.kit import Attempt

pytestmark = pytest.mark.slow

#: Forks and detaches all the while; each process of it appends a letter now and then.
FORKING = """
import os, subprocess, sys, time
LOOP = "import time\\nwhile True:\\n open('ticks', 'a').write('x')\\n time.sleep(0.01)"
subprocess.Popen([sys.executable, "-c", LOOP], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    while True:
        subprocess.run(["true"])
        open("ticks", "a").write("y")
print("up", flush=True)
while True:
    open("ticks", "a").write("z")
    time.sleep(0.01)
"""


def ticks(attempt: Attempt) -> int:
    path = attempt.run_dir / "ticks"
    return path.stat().st_size if path.exists() else 0


def all_stand(attempt: Attempt) -> bool:
    tree = os_process.descendants(attempt.pid)
    return len(tree) >= 3 and all(stands(pid) for pid in tree)


def stands(pid: int) -> bool:
    """Return whether a process is stopped; after vfork it waits in the kernel for its child, which is stopped."""
    below = os_process.children(pid)
    waits = os_process.is_uninterruptible(pid) and bool(below) and all(map(os_process.is_stopped, below))
    return os_process.is_stopped(pid) or os_process.is_zombie(pid) or waits


def has_grown(attempt: Attempt, before: int) -> bool:
    return ticks(attempt) > before


def test_a_forking_tree_with_a_detached_child_stands_still_and_goes_on(attempt: Attempt) -> None:
    attempt.start(FORKING)
    wait_until(lambda: "up" in attempt.log and ticks(attempt) > 20, "the run is up")
    orders.give(attempt.folder, orders.FREEZE)
    wait_until(lambda: all_stand(attempt), "all of it stands still")
    before = ticks(attempt)
    wait_until(lambda: "[RunForge: frozen]" in attempt.log, "the log says so")
    time.sleep(0.3)
    assert ticks(attempt) == before
    orders.withdraw(attempt.folder, orders.FREEZE)
    wait_until(lambda: has_grown(attempt, before), "it goes on")
    wait_until(
        lambda: re.search(r"\[RunForge: goes on, after \d+ s frozen\]", attempt.log), "the log says so"
    )
    attempt.cancel()
    record = attempt.wait()
    assert record is not None
    assert record.canceled
    assert attempt.marked() == []


def test_whoever_lets_a_process_of_it_go_on_does_not_succeed(attempt: Attempt) -> None:
    attempt.start(FORKING)
    wait_until(lambda: "up" in attempt.log, "the run is up")
    orders.give(attempt.folder, orders.FREEZE)
    wait_until(lambda: all_stand(attempt), "all of it stands still")
    for pid in os_process.descendants(attempt.pid):
        os_process.send(pid, signal.SIGCONT)
    wait_until(lambda: all_stand(attempt), "all of it stands still again")
    attempt.cancel()
    attempt.wait()


def test_what_was_stopped_before_stays_stopped(attempt: Attempt) -> None:
    code = (
        "import subprocess, time, signal\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        "child.send_signal(signal.SIGSTOP)\n"
        "print('child', child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    attempt.start(code)
    wait_until(lambda: "child" in attempt.log, "the run is up")
    child = int(attempt.log.split("child ")[1].split()[0])
    wait_until(lambda: os_process.is_stopped(child), "it has stopped its child")
    main = os_process.children(attempt.pid)[0]
    orders.give(attempt.folder, orders.FREEZE)
    wait_until(lambda: os_process.is_stopped(main), "it stands still")
    orders.withdraw(attempt.folder, orders.FREEZE)
    wait_until(lambda: not os_process.is_stopped(main), "it goes on")
    assert os_process.is_stopped(child)
    attempt.cancel()
    attempt.wait()


def test_the_time_limit_stands_still_too(attempt: Attempt) -> None:
    attempt.start("import time; print('up', flush=True); time.sleep(60)", timeout_seconds=1.0)
    wait_until(lambda: "up" in attempt.log, "the run is up")
    orders.give(attempt.folder, orders.FREEZE)
    wait_until(lambda: "frozen]" in attempt.log, "it is frozen")
    time.sleep(1.2)
    assert "time limit" not in attempt.log
    orders.withdraw(attempt.folder, orders.FREEZE)
    record = attempt.wait()
    assert record is not None
    assert record.timed_out == 1.0
    assert record.duration_ms >= 2000


def test_a_cancel_of_a_frozen_run_lets_it_save(attempt: Attempt) -> None:
    attempt.start(
        "import signal, sys, time\n"
        "def save(*_):\n    open('saved', 'w').close()\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, save)\nprint('up', flush=True)\ntime.sleep(60)",
        grace_seconds=20.0,
    )
    wait_until(lambda: "up" in attempt.log, "the run is up")
    orders.give(attempt.folder, orders.FREEZE)
    wait_until(lambda: "frozen]" in attempt.log, "it is frozen")
    attempt.cancel()
    record = attempt.wait()
    assert record is not None
    assert record.canceled
    assert (attempt.run_dir / "saved").exists()


def test_a_frozen_run_that_is_killed_ends(attempt: Attempt) -> None:
    attempt.start(FORKING)
    wait_until(lambda: "up" in attempt.log, "the run is up")
    orders.give(attempt.folder, orders.FREEZE)
    wait_until(lambda: all_stand(attempt), "all of it stands still")
    os_process.send(min(os_process.children(attempt.pid)), signal.SIGKILL)
    record = attempt.wait()
    assert record is not None
    assert record.signal == signal.SIGKILL
    assert attempt.marked() == []


def test_an_attempt_that_is_to_be_frozen_before_its_start_starts_frozen(attempt: Attempt) -> None:
    orders.give(attempt.folder, orders.FREEZE)
    attempt.start(f"import time  # {sys.version_info[0]}\ntime.sleep(60)")
    wait_until(lambda: "frozen]" in attempt.log, "it is frozen")
    wait_until(lambda: os_process.is_stopped(os_process.children(attempt.pid)[0]), "it stands still")
    attempt.cancel()
    attempt.wait()


def test_a_process_that_waits_for_its_stopped_child_stands_still_and_costs_nothing(attempt: Attempt) -> None:
    """As Python starts programs: by vfork, so that the parent waits in the kernel until the child is another program."""
    forks = (
        "import subprocess, time\n"
        "print('up', flush=True)\n"
        "while True:\n"
        "    subprocess.run(['true'])\n"
        "    open('ticks', 'a').write('x')\n"
    )
    attempt.start(forks)
    wait_until(lambda: "up" in attempt.log, "the run is up")
    main = os_process.children(attempt.pid)[0]
    for _ in range(300):
        orders.give(attempt.folder, orders.FREEZE)
        wait_until(lambda: stands(main), "it stands still")
        if os_process.is_uninterruptible(main):
            break
        orders.withdraw(attempt.folder, orders.FREEZE)
        wait_until(lambda: not stands(main), "it goes on")
    else:
        pytest.skip("no vfork was met: this Python starts programs in another way")
    before = ticks(attempt), cpu_ticks(attempt.pid)
    time.sleep(2)
    assert ticks(attempt) == before[0]
    assert cpu_ticks(attempt.pid) - before[1] < 12
    orders.withdraw(attempt.folder, orders.FREEZE)
    wait_until(lambda: has_grown(attempt, before[0]), "it goes on")
    attempt.cancel()
    attempt.wait()


def cpu_ticks(pid: int) -> int:
    """Return the CPU time of a process, in hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
