"""A supervisor that stood still while its run was given to another attempt writes nothing of that attempt's."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runforge.attempts import build_spec, start_marker
from runforge.documents.result import read_result
from runforge.machine import os_process
from runforge.supervise import ownership
from runforge.supervise.supervisor import supervise
from tests.conftest import wait_until
from tests.supervise.kit import Attempt, in_child

FINISH = "runforge.training.outcome:finish"
#: Waits for a file, then reports its first metric.
CODE = "print('up', flush=True); open('go').read(); print('[RF:METRIC=loss 1]', flush=True)"


@pytest.fixture
def attempt(tmp_path: Path) -> Iterator[Attempt]:
    made = Attempt(tmp_path)
    shutil.rmtree(made.folder)
    made.folder = tmp_path / "attempts" / "r" / "1"
    made.folder.mkdir(parents=True)
    os.mkfifo(made.run_dir / "go")
    yield made
    for pid in made.marked():
        os_process.send(pid, signal.SIGKILL)


def close(folder: Path) -> None:
    shutil.rmtree(folder.parent)
    start_marker.close_missing(folder, "another")


def launch_anew(folder: Path) -> None:
    """Launch like after a prune: the same number, another attempt."""
    shutil.rmtree(folder.parent)
    folder.mkdir(parents=True)
    (folder / "sup.lock").touch()
    start_marker.claim(folder, "another")


def launch_the_next(folder: Path) -> None:
    (folder.parent / "2").mkdir()


STEPS = [close, launch_anew, launch_the_next, lambda folder: shutil.rmtree(folder.parent)]


@pytest.mark.parametrize("step", STEPS, ids=["closed", "launched_anew", "next_launched", "gone"])
def test_what_the_next_attempt_wrote_stays(attempt: Attempt, step: Callable[[Path], None]) -> None:
    attempt.start(CODE, finish=FINISH)
    wait_until(lambda: "up" in attempt.log, "the run is up")
    os.kill(attempt.pid, signal.SIGSTOP)
    wait_until(lambda: os_process.is_stopped(attempt.pid), "it stands still")
    step(attempt.folder)
    build_spec.set_aside(attempt.run_dir, 1)
    for name in ("logs.txt", "result.json"):
        (attempt.run_dir / name).write_text("of the next")
    os.kill(attempt.pid, signal.SIGCONT)
    (attempt.run_dir / "go").write_text("go")
    os.waitpid(attempt.pid, 0)
    assert attempt.log == "of the next"
    assert (attempt.run_dir / "result.json").read_text() == "of the next"
    assert sorted(os.listdir(attempt.run_dir)) == ["go", "logs.txt", "previous", "result.json"]
    assert "METRIC" in (attempt.run_dir / "previous/1/logs.txt").read_text()


@pytest.mark.parametrize("step", STEPS[:2], ids=["closed", "launched_anew"])
def test_it_starts_nothing_either(
    attempt: Attempt, step: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = start_marker.claim

    def claim_and_stand_still(folder: Path, token: str) -> bool:
        won = claim(folder, token)
        os.kill(os.getpid(), signal.SIGSTOP)
        return won

    path = attempt.spec([sys.executable, "-c", "open('started', 'w')"], finish=FINISH)

    def run() -> None:
        monkeypatch.setattr(start_marker, "claim", claim_and_stand_still)
        supervise(path)

    attempt.pid = in_child(run)
    assert os.WIFSTOPPED(os.waitpid(attempt.pid, os.WUNTRACED)[1])
    step(attempt.folder)
    os.kill(attempt.pid, signal.SIGCONT)
    os.waitpid(attempt.pid, 0)
    assert os.listdir(attempt.run_dir) == ["go"]


def test_folders_of_an_earlier_life_of_the_run_are_no_later_attempts(attempt: Attempt) -> None:
    (attempt.folder.parent / "7").mkdir()
    record = attempt.run("pass", finish=FINISH)
    assert record.exit_code == 0
    found = read_result((attempt.run_dir / "result.json").read_bytes())
    assert found is not None
    assert found.status == "succeeded"


@pytest.mark.parametrize("damage", ["garbled", "unreadable"])
def test_a_claim_that_says_nothing_costs_no_result(
    attempt: Attempt, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if damage == "unreadable":
        monkeypatch.setattr(ownership, "read_bounded", unreadable)
    attempt.start(CODE, finish=FINISH)
    wait_until(lambda: "up" in attempt.log, "the run is up")
    if damage == "garbled":
        (attempt.folder / start_marker.NAME).write_text("garbled")
    (attempt.run_dir / "go").write_text("go")
    os.waitpid(attempt.pid, 0)
    result = json.loads((attempt.run_dir / "result.json").read_text())
    assert (result["status"], result["summary"]["metrics"]) == ("succeeded", {"loss": 1.0})


def unreadable(path: Path, _limit: int) -> bytes:
    raise OSError(errno.EIO, "input/output error", str(path))
