"""A user's modules, named like those of RunForge and of the standard library, are found by the user's programs alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pynvml
import pytest

from runforge.cli import samples
from runforge.queue import submit
from runforge.views import lists
from runforge.workspace import Workspace
from tests.conftest import wait_until

pytestmark = pytest.mark.slow

#: What RunForge imports, at once or later, and what Python imports by itself where it finds it.
NAMES = (
    *("__future__", "argparse", "ast", "calendar", "contextlib", "copy", "csv", "dataclasses", "datetime"),
    *(
        "decimal",
        "fractions",
        "hashlib",
        "inspect",
        "json/__init__",
        "logging/__init__",
        "numbers",
        "pathlib",
    ),
    *("pickle", "queue", "random", "secrets", "select", "selectors", "shutil", "signal", "socket"),
    *("sqlite3/__init__", "statistics", "string", "struct", "subprocess", "tempfile", "traceback", "typing"),
    *("joblib", "msgspec", "numpy/__init__", "pandas", "psutil", "pynvml", "pysqlite3", "scipy/__init__"),
    *("sklearn/__init__", "textual/__init__", "typer", "typing_extensions"),
    *("sitecustomize", "usercustomize", "runforge_cli"),
)
INSTALLED = Path(sys.executable).with_name("runforge")


def plant(ws: Workspace, *more: str) -> Path:
    """Put the modules into the workspace; return the file in which each notes that it was executed."""
    executed = ws.root.parent / "executed"
    text = f"open({str(executed)!r}, 'a').write(__file__ + '\\n')\nraise RuntimeError('not RunForge')\n"
    for name in (*NAMES, *more):
        path = ws.root / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return executed


def call(
    ws: Workspace, program: Sequence[object], *words: str, **more: str
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "RUNFORGE_WORKSPACE": str(ws.root), **more}
    return subprocess.run(
        [*map(str, program), *words],
        cwd=ws.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def all_ended(ws: Workspace) -> bool:
    return all(job.finished_at for job in lists.jobs(ws))


@pytest.mark.parametrize("named", [None, ".", "", ":/nowhere"])
def test_a_daemon_and_its_runs_execute_none_of_them(ws: Workspace, named: str | None) -> None:
    submit.enqueue_sweep(ws, (ws.root / "plan.json").read_bytes(), where="plan.json")
    executed = plant(ws, "runforge/__init__")
    environment = {} if named is None else {"PYTHONPATH": named}
    # Where PYTHONPATH names the working folder, only the command's own interpreter looks there, before RunForge begins.
    program = [INSTALLED] if named is None else [sys.executable, "-I", INSTALLED]
    up = call(ws, program, "daemon", "--detach", **environment)
    assert up.returncode == 0, up.stderr
    try:
        wait_until(lambda: all_ended(ws), "all runs have ended", 60)
    finally:
        call(ws, program, "stop-daemon")
    assert {job.state for job in lists.jobs(ws)} == {"succeeded"}, [job.error for job in lists.jobs(ws)]
    assert not executed.exists(), executed.read_text()


@pytest.mark.parametrize("program", [[INSTALLED], [sys.executable, "-m", "runforge"]], ids=["itself", "-m"])
def test_commands_execute_none_of_them(ws: Workspace, program: list[object]) -> None:
    """As `python -m` too, which puts the working folder first; what that imports before RunForge is Python's affair."""
    executed = plant(ws)
    if "-m" in program:
        (ws.root / "contextlib.py").unlink()
    for words in (
        ["enqueue-sweep", "--plan", "plan.json"],
        ["queue-status"],
        ["jobs"],
        ["doctor"],
        ["--help"],
    ):
        done = call(ws, program, *words)
        assert done.returncode == 0, done.stderr
    assert not executed.exists(), executed.read_text()


def test_a_direct_run_executes_none_of_them(ws: Workspace) -> None:
    hyperparameters = {"n_estimators": 5, "n_jobs": 2}
    model = {"family": "random_forest", "hyperparameters": hyperparameters}
    (ws.root / "mine.json").write_text(json.dumps({**samples.request(), "model": model}), "utf-8")
    executed = plant(ws, "runforge/__init__")
    done = call(ws, [INSTALLED], "run", "--request", "mine.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not executed.exists(), executed.read_text()


def test_the_users_program_keeps_its_own_path(ws: Workspace) -> None:
    elsewhere = ws.root.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "theirs.py").write_text("word = 'by PYTHONPATH'\n", "utf-8")
    (ws.root / "queue.py").write_text("word = 'my own queue'\n", "utf-8")
    code = "import queue, theirs; print(queue.word, theirs.word)"
    (ws.root / "main.py").write_text(code, "utf-8")
    model = {"family": "command", "command": [sys.executable, "main.py"]}
    run_dir = ws.run_dir("mine")
    run_dir.mkdir(parents=True)
    (run_dir / "request.json").write_text(json.dumps({**samples.request(), "model": model}), "utf-8")
    submit.enqueue_run(ws, "mine")
    assert call(ws, [INSTALLED], "daemon", "--detach", PYTHONPATH=str(elsewhere)).returncode == 0
    try:
        wait_until(lambda: all_ended(ws), "it has ended")
    finally:
        call(ws, [INSTALLED], "stop-daemon")
    assert "my own queue by PYTHONPATH" in (run_dir / "logs.txt").read_text("utf-8")


def test_what_pythonpath_names_comes_last(ws: Workspace) -> None:
    """A cluster's modules may bring libraries that way: they are found, and hide nothing."""
    code = (
        "import sys; sys.argv = ['-c']; from runforge import own_python; before = sys.path[:]; own_python.guard();"
        " print(sys.path[-1]); print(set(before) - set(sys.path) <= {''})"
    )
    elsewhere = ws.root.parent / "elsewhere"
    elsewhere.mkdir()
    done = call(ws, [sys.executable, "-c", code], PYTHONPATH=str(elsewhere))
    assert done.stdout.split() == [str(elsewhere), "True"], done.stderr


def test_pynvml_comes_from_pythonpath_and_never_from_the_working_folder(ws: Workspace) -> None:
    elsewhere = ws.root.parent / "elsewhere"
    elsewhere.mkdir()
    for folder in (ws.root, elsewhere):
        (folder / "pynvml.py").write_text("", "utf-8")
    code = "from runforge import own_python; own_python.guard(); print(own_python.import_named('pynvml').__file__)"
    for named in (f"{ws.root}:{elsewhere}", f".:{elsewhere}"):
        done = call(ws, [sys.executable, "-c", code], PYTHONPATH=named)
        assert done.stdout.strip() == str(elsewhere / "pynvml.py"), done.stderr
    done = call(ws, [sys.executable, "-c", code], PYTHONPATH=str(ws.root))
    assert done.stdout.strip() == pynvml.__file__, done.stderr
