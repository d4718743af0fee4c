"""When a command returns, group.json and queue.json show what it did, whatever the daemon is doing."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from gauntlets.arena import Arena
from runforge import workspace as workspaces
from runforge.exports import exporter as exporting
from runforge.queue import cancel, pause, priority, retry, wakeup
from runforge.workspace import Workspace
from tests.conftest import wait_until

pytestmark = pytest.mark.slow


def waiting_sweep(here: Arena, runs: int) -> str:
    """A daemon that is busy with one run, and a group of others that wait."""
    first = here.sweep(1, name="first", family="command", command=["sleep", "300"], hyperparameters={})
    here.daemon(1)
    here.until(lambda: here.jobs(first)[0]["state"] == "running", "the first one runs")
    return here.sweep(runs, name="waiting", family="command", command=["true"], hyperparameters={})


def shown(ws: Workspace, group: str) -> list[str]:
    return [
        entry["status"] for entry in json.loads((ws.group_dir(group) / "group.json").read_bytes())["runs"]
    ]


def queued(ws: Workspace, group: str) -> list[str]:
    jobs = json.loads(ws.queue_json.read_bytes())["jobs"]
    return [job["state"] for job in jobs if job["group_id"] == group]


def change_everything(ws: Workspace, group: str, runs: int) -> None:
    """Change the group in each way, one right after the other; each must be seen at once."""
    path = ws.group_dir(group) / "group.json"
    for number in range(3):
        pause.pause_group(ws, group)
        assert json.loads(path.read_bytes())["paused"] is True, number
        pause.resume_group(ws, group)
        assert json.loads(path.read_bytes())["paused"] is False, number
    priority.set_priority(ws, group, 7)
    jobs = json.loads(ws.queue_json.read_bytes())["jobs"]
    assert {job["priority"] for job in jobs if job["group_id"] == group} == {7}
    cancel.cancel_group(ws, group)
    assert shown(ws, group) == queued(ws, group) == ["canceled"] * runs
    run_id = next(job["run_id"] for job in jobs if job["group_id"] == group)
    retry.retry_run(ws, run_id)
    assert sorted(shown(ws, group)) == sorted(queued(ws, group)) == ["canceled"] * (runs - 1) + ["queued"]


@pytest.mark.parametrize("runs", [3, 1200])  # 1200 are more than are written in one block
def test_a_live_daemon_shows_a_change_before_the_command_returns(here: Arena, runs: int) -> None:
    group = waiting_sweep(here, runs)
    ws = workspaces.at(here.root)
    assert shown(ws, group) == queued(ws, group) == ["queued"] * runs
    change_everything(ws, group, runs)
    here.kill_daemon()


def test_where_the_daemon_is_stopped_the_command_writes_them(here: Arena) -> None:
    group = waiting_sweep(here, 3)
    ws = workspaces.at(here.root)
    os.kill(here.daemons[-1].pid, signal.SIGSTOP)
    try:
        change_everything(ws, group, 3)
    finally:
        os.kill(here.daemons[-1].pid, signal.SIGCONT)
    here.until(lambda: exporting.check(ws) == [], "the daemon's own exports are right again")
    here.kill_daemon()


def test_a_daemon_that_dies_leaves_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "bell"
    bell, asking = wakeup.listen(path), wakeup.Asking()
    answers: list[bool] = []
    asked = threading.Thread(target=lambda: answers.append(_ask(path)))
    asked.start()

    def drained() -> bool:
        asking.drain(bell)
        return bool(asking)

    wait_until(drained, "it has asked")
    asking.answer(is_shown=False)
    asked.join(10)
    assert answers == [False]
    bell.close()
    assert not _ask(path)  # nobody listens


def test_a_call_for_which_there_is_no_room_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "bell"
    bell, asking = wakeup.listen(path), wakeup.Asking()
    others = []
    while not others or others[-1]._is_sent:
        others.append(wakeup.Call(path))
    answers: list[bool] = []
    asked = threading.Thread(target=lambda: answers.append(others[-1].is_answered(60.0)))
    asked.start()

    def answered() -> bool:
        asking.drain(bell)
        asking.answer(is_shown=True)
        return bool(answers)

    wait_until(answered, "it is answered")
    asked.join(10)
    assert answers == [True]
    for each in others:
        each.end()
    bell.close()


def _ask(path: Path) -> bool:
    called = wakeup.Call(path)
    try:
        return called.is_answered(60.0)
    finally:
        called.end()


def test_a_flood_of_askers_costs_the_daemon_no_descriptors(tmp_path: Path) -> None:
    path = tmp_path / "bell"
    bell, asking = wakeup.listen(path), wakeup.Asking()
    before = len(os.listdir("/proc/self/fd"))
    kept = []
    for _ in range(2 * wakeup._MOST_ASKING):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ringing:
            ringing.connect(str(path))
            socket.send_fds(ringing, [b"\x01"], [theirs.fileno()])
        asking.drain(bell)
        kept.append(ours)
    assert len(os.listdir("/proc/self/fd")) - before == len(kept) + wakeup._MOST_ASKING
    asking.answer(is_shown=True)
    assert [ours.recv(16) for ours in kept].count(b"shown") == wakeup._MOST_ASKING
    for ours in kept:
        ours.close()
    bell.close()
