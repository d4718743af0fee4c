"""Every command with its streams closed, on a dumb terminal and without UTF-8: no traceback, the same exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge.cli.commands import COMMANDS
from runforge.cli.setup import make_workspace
from runforge.queue import submit

pytestmark = pytest.mark.slow

#: What each command can be asked without a daemon, and how it ends. W is the workspace, N a fresh folder.
CALLS: dict[str, tuple[str, int]] = {
    "init": ("N/made", 0),
    "demo": ("W/plan.json", 1),
    "submit": ("-w W -- true", 0),
    "enqueue-sweep": ("--plan W/plan.json", 0),
    "enqueue-run": ("--run-id none -w W", 3),
    **dict.fromkeys(
        ("pause-group", "resume-group", "retry-failed", "cancel-group"), ("--group-id @last -w W", 0)
    ),
    "cancel-run": ("@last -w W", 0),
    "retry-run": ("@last -w W", 0),
    "set-priority": ("@last 1 -w W", 0),
    **dict.fromkeys(("cancel", "retry", "hold", "release", "pause", "resume"), ("@last -w W", 0)),
    "move": ("@last --front -w W", 0),
    "remove": ("--where tag:none -w W", 1),
    "helper": ("", 0),
    "edit": ("@last -p 1 -w W", 0),
    "rerun": ("@last -w W", 0),
    "extend": ("none -n 1 -w W", 1),
    **dict.fromkeys(("freeze", "thaw", "yield"), ("none -w W", 1)),
    "why": ("@last -w W", 0),
    "gpus": ("-w W", 0),
    "config": ("-w W", 0),
    "prune": ("--older-than 1w -w W", 0),
    "tui": ("-w W", 2),
    **dict.fromkeys(("queue-status", "groups", "jobs", "doctor"), ("-w W", 0)),
    **dict.fromkeys(("results", "compare"), ("-w W", 0)),
    "show": ("@last -w W", 0),
    "logs": ("@last -w W", 3),
    "wait": ("--timeout 0.1 -w W", 1),
    "run": ("--request W/request.json -w W --dry-run", 0),
    "sweep": ("--plan W/none.json", 3),
    "daemon": ("--max-parallel 0 -w W", 2),
    "stop-daemon": ("-w W", 0),
    "drill": ("--list", 0),
    "backup": ("N/copy.db -w W", 0),
}
#: What another call may have done before, or not: then nothing is changed, which ends with 1.
_ONCE = {
    "cancel-run",
    "retry-run",
    "set-priority",
    "edit",
    "cancel",
    "retry",
    "hold",
    "release",
    "pause",
    "resume",
    "move",
}
#: A shell's words around the call.
HOW = {
    "closed": "exec {} <&- >&- 2>&-",
    "closed output": "exec {} >&-",
    "broken pipe": "set -o pipefail; {} | true",
    "dumb terminal": "TERM=dumb exec {}",
    "no UTF-8": "LC_ALL=C LANG=C PYTHONIOENCODING=ascii exec {}",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before = os.umask(0o077)
    ws = make_workspace(tmp_path_factory.mktemp("streams") / "dätä 日本")
    submit.enqueue_sweep(ws, (ws.root / "plan.json").read_bytes(), where="plan.json")
    yield ws.root
    os.umask(before)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("command", CALLS)
def test_it_ends_as_ever(place: Path, tmp_path: Path, command: str, how: str) -> None:
    words, code = CALLS[command]
    filled = words.replace("W", f"'{place}'").replace("N/", f"'{tmp_path}'/")
    done = subprocess.run(
        ["bash", "-c", HOW[how].format(f"'{sys.executable}' -m runforge {command} {filled}")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if command in _ONCE:
        code = done.returncode if done.returncode == 1 else code
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    assert done.returncode == code, done.stderr
    if how in {"dumb terminal", "no UTF-8"}:
        assert "\x1b" not in done.stdout
        assert how != "no UTF-8" or (done.stdout + done.stderr).isascii()


def test_every_command_is_among_them() -> None:
    assert set(CALLS) == set(COMMANDS)
