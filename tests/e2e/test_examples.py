"""The sweeps in examples/ run as they are, with fewer trials."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gauntlets.arena import Arena
from runforge.store.opening import open_journal
from runforge.workspace import at

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[2] / "examples"


def start(here: Arena, tmp_path: Path, name: str, *options: str, **variables: str) -> None:
    """Run an example's script in a new workspace, and a daemon."""
    shutil.rmtree(here.root)
    here.run("init", str(here.root))
    here.environment["RUNFORGE_WORKSPACE"] = str(here.root)
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "runforge"
    words = " ".join(f"'{word}'" for word in here.program)
    program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    program.chmod(0o755)
    path = f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    source = str(EXAMPLES.parent)
    environment = {**os.environ, **here.environment, **variables, "PATH": path, "PYTHONPATH": source}
    command = ["bash", str(EXAMPLES / name / "sweep.sh"), *options]
    done = subprocess.run(
        command, cwd=here.root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    here.daemon(2)


def states(here: Arena) -> list[str]:
    """Return what the journal says; queue.json follows a moment later."""
    with open_journal(at(here.root)) as journal, journal.read() as tx:
        return [row["state"] for row in tx.rows("jobs.all")]


def test_scikit_learn(here: Arena, tmp_path: Path) -> None:
    start(here, tmp_path, "scikit_learn", TRIALS="3")
    here.run("wait", "C")
    assert states(here) == ["succeeded"] * 3
    assert "accuracy" in here.run("results", "C", "--top", "1", "--format", "json")
    here.finish()


def test_command(here: Arena, tmp_path: Path) -> None:
    start(here, tmp_path, "command", "--max-parallel", "2")
    here.run("wait", "grid")
    assert states(here) == ["succeeded"] * 18
    best = here.run("results", "grid", "--top", "1", "--format", "json")
    assert "0.5" in json.dumps(json.loads(best))
    here.finish()


def test_early_stop(here: Arena, tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="--tpe needs Optuna: pip install 'runforge[optuna]'")
    start(here, tmp_path, "early_stop", TRIALS="7", EPOCHS="3", SECONDS_PER_EPOCH="0.05")
    here.run("wait", "search")
    assert len(states(here)) == 7
    assert set(states(here)) <= {"succeeded", "canceled"}
    models = lambda: list(here.root.glob(".runforge/runs/*/artifacts/model.txt"))  # noqa: E731
    here.until(lambda: len(models()) == 5, "the best five keep their artifacts")
    here.finish()
