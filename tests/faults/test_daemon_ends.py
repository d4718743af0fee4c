"""Daemons that start at the same time, get two signals to stop, or whose workspace is moved."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import Any

import pytest

from gauntlets.arena import Arena
from runforge.daemon.lock import DaemonLock
from runforge.errors import OperationFailed
from runforge.workspace import Workspace
from tests.e2e.test_recovery import Runs

pytestmark = pytest.mark.slow


def _take(ws: Workspace, gate: Any, told: Any, over: Any) -> None:
    gate.wait()
    try:
        DaemonLock.take(ws)
    except OperationFailed as refusal:
        told.put((os.getpid(), str(refusal)))
    else:
        told.put((os.getpid(), ""))
    over.wait()


def test_of_64_at_once_one_is_the_daemon_and_the_others_name_it(ws: Workspace) -> None:
    ws.prepare()
    fork = multiprocessing.get_context("fork")
    gate, told, over = fork.Barrier(64), fork.SimpleQueue(), fork.Event()
    racers = [fork.Process(target=_take, args=(ws, gate, told, over)) for _ in range(64)]
    for racer in racers:
        racer.start()
    answers = [told.get() for _ in racers]
    over.set()
    for racer in racers:
        racer.join()
    winners = [pid for pid, refusal in answers if not refusal]
    assert len(winners) == 1
    assert all(f"(pid {winners[0]})" in refusal for _, refusal in answers if refusal)


def test_a_second_signal_ends_it_at_once_and_costs_no_run_anything(here: Arena) -> None:
    runs = Runs(here, [(1.0, 0), (1.0, 3)])
    daemon = here.daemon(2)
    runs.until(lambda: len(runs.noted("start")) == 2, "both have started")
    daemon.send_signal(signal.SIGSTOP)  # so that it finds both when it wakes up
    os.waitid(os.P_PID, daemon.pid, os.WSTOPPED | os.WNOWAIT)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
        daemon.send_signal(number)
    assert daemon.wait(timeout=60) == 130
    here.daemon(2)
    runs.until_all_ended()
    assert [(j["state"], j["attempt"]) for j in runs.jobs] == [("succeeded", 1), ("failed", 1)]
    assert len(runs.noted("start")) == 2
    here.finish()


def test_a_workspace_that_moves_takes_its_queue_along(here: Arena) -> None:
    runs = Runs(here, [(3.0, 0), (0.1, 0)])
    first = here.daemon(1)
    runs.until(lambda: runs.noted("start"), "one has started")
    here.root = here.root.rename(here.root.with_name("moved"))
    assert first.wait(timeout=30) in {1, 4}
    assert "ERROR: " in here.said(first)
    here.daemon(1)
    runs.until_all_ended()
    assert [j["state"] for j in runs.jobs] == ["succeeded", "succeeded"]
    assert len(runs.noted("start")) == sum(j["attempt"] for j in runs.jobs)
    here.finish()
