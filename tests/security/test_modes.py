"""Whatever the user's umask: RunForge's files are for the owner alone, and a run has the umask that the user has."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge.cli import samples
from runforge.queue import daemon_wish
from runforge.views import lists
from runforge.workspace import Workspace
from tests.conftest import wait_until

pytestmark = pytest.mark.slow

#: What the run leaves in the workspace: a file by its own umask.
_CODE = "open('seen-' + __import__('os').environ['RUNFORGE_RUN_ID'], 'w')"


@pytest.fixture(params=["000", "077"])
def umask(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def call(umask: str, *arguments: object, expect: int = 0) -> str:
    """Run the program under a umask, as a shell with that umask would."""
    done = subprocess.run(
        [sys.executable, "-m", "runforge", *map(str, arguments)],
        umask=int(umask, 8),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == expect, done.stderr
    return done.stdout


def below(folder: Path) -> Iterator[Path]:
    yield folder
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent) / name for name in [*folders, *files])


def test_every_file_is_private_and_runs_have_the_users_umask(tmp_path: Path, umask: str) -> None:
    root = tmp_path / "ws"
    (root / "data").mkdir(parents=True)
    (root / "data/train.csv").write_bytes(samples.training_csv())
    ws = Workspace(root, root / ".runforge")
    model = {"family": "command", "command": [sys.executable, "-c", _CODE]}
    command = {**samples.request(), "model": model}
    runs = [{"tags": ["one"]}, {"model": command["model"]}]
    plan = {**samples.plan(str(root)), "strategy": {"type": "list", "runs": runs}}
    (root / "plan.json").write_bytes(samples.encode(plan))
    (root / "request.json").write_bytes(samples.encode(command))
    place = ("--workspace", root)

    call(umask, "run", "--request", root / "request.json", *place)
    call(umask, "sweep", "--plan", root / "plan.json", *place)
    call(umask, "enqueue-sweep", "--plan", root / "plan.json", *place)
    call(umask, "daemon", "--detach", *place)
    try:
        wait_until(lambda: lists.jobs(ws, state="succeeded")[3:], "four runs have succeeded", 60)
        call(umask, "cancel-group", "--group-id", "@last", *place)
        call(umask, "retry-failed", "--group-id", "@last", *place)
        wrong = [
            f"{stat.S_IMODE(info.st_mode):o} {path}"
            for path in below(ws.hidden)
            if (info := path.lstat()) and stat.S_IMODE(info.st_mode) != (0o600 if path.is_file() else 0o700)
        ]
        assert wrong == []
        assert (ws.queue_dir / "daemon.log").is_file()
    finally:
        daemon_wish.set_wanted(ws, "stop")
    made = list(root.glob("seen-*"))
    assert len(made) == 3
    for path in made:
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~int(umask, 8)
