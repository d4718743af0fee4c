"""Plans and requests from a pipe: `-`, /dev/stdin, and what `<(...)` becomes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from runforge.cli import samples
from runforge.views import lists
from runforge.workspace import Workspace

pytestmark = pytest.mark.slow

_PIPES = {
    "dash": "cat {file} | {program} -",
    "device": "cat {file} | {program} /dev/stdin",
    "file": "{program} - < {file}",
    "substitution": "{program} <(cat {file})",
    "proc": "{program} /proc/self/fd/7 7< {file}",
}


def shell(line: str, ws: Workspace, file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program = " ".join([sys.executable, "-m", "runforge", words[0], "-w", str(ws.root), *words[1:]])
    return subprocess.run(
        ["bash", "-c", line.format(file=file, program=program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def request_file(ws: Workspace) -> Path:
    path = ws.root / "r.json"
    model = {"family": "command", "command": ["true"]}
    path.write_text(json.dumps({**samples.request(), "model": model, "timeout": 1}))
    return path


@pytest.mark.parametrize("pipe", _PIPES)
def test_a_plan_may_come_from_a_pipe(ws: Workspace, pipe: str) -> None:
    done = shell(_PIPES[pipe], ws, ws.root / "plan.json", "enqueue-sweep", "--plan")
    assert done.returncode == 0, done.stderr
    assert len(lists.jobs(ws)) == 14
    group = next((ws.hidden / "groups").iterdir())
    assert (group / "plan.json").read_bytes() == (ws.root / "plan.json").read_bytes()


@pytest.mark.parametrize("pipe", _PIPES)
def test_a_request_too(ws: Workspace, pipe: str) -> None:
    path = request_file(ws)
    done = shell(_PIPES[pipe], ws, path, "run", "--request")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("WARNING: ")
    (folder,) = ws.runs_dir.iterdir()
    assert (folder / "request.json").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("echo '{{' | {program} -", 6, "standard input: the plan is not JSON"),
        ("{program} - < /dev/null", 6, "standard input: the plan cannot be accepted: it is empty"),
        ("{program} - < /dev/zero", 6, "standard input: the plan cannot be read: larger than"),
        ("{program} /dev/fd/99", 6, "/dev/fd/99: the plan cannot be read: Bad file descriptor"),
        ("{program} none.json", 3, "plan not found: none.json. Check --plan; `--plan -` reads"),
    ],
)
@pytest.mark.parametrize("command", ["enqueue-sweep", "sweep"])
def test_what_no_plan_comes_from_is_refused(
    ws: Workspace, command: str, line: str, code: int, words: str
) -> None:
    done = shell(line, ws, ws.root / "plan.json", command, "--plan")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"ERROR: {words}")
    assert done.stderr.count("\n") == 1
    assert not ws.journal.exists()
