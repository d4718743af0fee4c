"""Temporary files of killed processes are deleted once they are old and not open; all else stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runforge.cli.setup import make_workspace
from runforge.queue import submit
from runforge.store import leftovers
from runforge.workspace import Workspace
from tests.conftest import wait_until
from tests.e2e.test_commands import Cli

_HOUR = 3601


def left(folder: Path, number: int = 0, *, age: float = _HOUR) -> Path:
    """A file as a killed process leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".rf-tmp-{number:016x}"
    path.write_text("half")
    os.utime(path, (time.time() - age,) * 2)
    return path


def places(ws: Workspace) -> list[Path]:
    groups, attempts = ws.hidden / "groups" / "g", ws.state_dir / "attempts"
    return [
        *(ws.hidden, ws.queue_dir, ws.state_dir, groups, ws.run_dir("r")),
        *(attempts, attempts / "r", attempts / "r" / "1"),
    ]


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_old_ones_go_from_wherever_they_are_written(tmp_path: Path, is_elsewhere: bool) -> None:
    ws = make_workspace(tmp_path / "ws", state_dir=tmp_path / "state" if is_elsewhere else None)
    files = {left(folder) for folder in places(ws)}
    folder = left(ws.state_dir / "attempts" / "r" / f".rf-tmp-{1:016x}", 2).parent
    os.utime(folder, (time.time() - _HOUR,) * 2)
    assert leftovers.remove_old(ws) == len(files) + 1
    assert not [path for path in (*files, folder) if path.exists()]


def test_young_ones_others_and_links_stay(ws: Workspace, tmp_path: Path) -> None:
    (elsewhere := tmp_path / "elsewhere").mkdir()
    stay = [
        left(ws.queue_dir, age=60),
        left(ws.run_dir("r") / "artifacts"),
        left(elsewhere),
        ws.run_dir("r") / ".rf-tmp-mine",
        ws.run_dir("r") / f".rf-tmp-{0:016x}.txt",
    ]
    for path in stay[3:]:
        path.write_text("x")
        os.utime(path, (0, 0))
    ws.run_dir("link").symlink_to(elsewhere)
    assert leftovers.remove_old(ws) == 0
    assert all(path.exists() for path in stay)


def test_one_that_a_stopped_writer_holds_stays_until_it_is_gone(ws: Workspace) -> None:
    path = left(ws.queue_dir)
    code = "import sys; f = open(sys.argv[1], 'a'); print('open', flush=True); input()"
    writer = subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        writer.send_signal(signal.SIGSTOP)
        assert leftovers.remove_old(ws) == 0
        writer.kill()
    assert leftovers.remove_old(ws) == 1


def test_doctor_removes_them_and_says_so(ws: Workspace, cli: Cli) -> None:
    left(ws.queue_dir)
    left(ws.queue_dir, 1)
    said = cli("doctor", "--workspace", ws.root).stdout
    assert "removed 2 temporary files of killed processes" in said
    assert "leftovers" not in cli("doctor", "--workspace", ws.root).stdout


def test_a_daemon_removes_them_at_its_start(ws: Workspace, cli: Cli) -> None:
    submit.enqueue_sweep(ws, (ws.root / "plan.json").read_bytes(), where="plan.json")
    files = [left(folder) for folder in [*places(ws), *ws.runs_dir.iterdir()]]
    assert cli("daemon", "--detach", "--workspace", ws.root).returncode == 0
    try:
        wait_until(lambda: not [path for path in files if path.exists()], "the temporary files are gone")
    finally:
        assert cli("stop-daemon", "--cancel-running", "--workspace", ws.root).returncode == 0
