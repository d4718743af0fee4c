"""Each attempt's files keep its number, whatever crashed between it and the next one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from runforge.attempts import outputs, start_marker
from runforge.workspace import Workspace


def job(attempt: int) -> Any:
    return SimpleNamespace(run_id="run-1", run_dir=".runforge/runs/run-1", attempt=attempt)


def leave(ws: Workspace, text: str, *names: str) -> None:
    folder = ws.run_dir("run-1")
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(text)


def attempt(ws: Workspace, number: int, *, started: bool) -> None:
    folder = ws.attempt_dir("run-1", number)
    folder.mkdir(parents=True)
    (start_marker.claim if started else start_marker.revoke)(folder, "token")


def kept(ws: Workspace) -> dict[str, str]:
    folder = ws.run_dir("run-1")
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def test_the_files_belong_to_the_last_attempt_that_started(ws: Workspace) -> None:
    attempt(ws, 1, started=True)
    attempt(ws, 2, started=False)
    leave(ws, "one", "logs.txt", "result.json")
    outputs.archive(ws, job(4))
    assert kept(ws) == {"previous/1/logs.txt": "one", "previous/1/result.json": "one"}


def test_what_was_moved_by_half_is_moved_to_the_same_place(ws: Workspace) -> None:
    attempt(ws, 1, started=True)
    attempt(ws, 2, started=False)
    leave(ws, "one", "logs.txt")
    outputs.archive(ws, job(2))
    leave(ws, "one", "result.json")
    outputs.archive(ws, job(3))
    assert kept(ws) == {"previous/1/logs.txt": "one", "previous/1/result.json": "one"}


def test_nothing_kept_is_overwritten(ws: Workspace) -> None:
    attempt(ws, 1, started=True)
    leave(ws, "one", "logs.txt")
    outputs.archive(ws, job(2))
    leave(ws, "two", "logs.txt")  # its attempt's folder has been deleted
    outputs.archive(ws, job(3))
    assert kept(ws) == {"previous/1/logs.txt": "one", "previous/2/logs.txt": "two"}


@pytest.mark.parametrize("was_launched", [False, True])
def test_without_a_folder_the_files_are_its_own_only_if_it_was_launched(
    ws: Workspace, was_launched: bool
) -> None:
    attempt(ws, 1, started=True)
    leave(ws, "one", "logs.txt")
    if was_launched:
        outputs.archive(ws, job(2))
        leave(ws, "two", "logs.txt")
    outputs.archive_if_unlaunched(ws, job(2))
    own = {"logs.txt": "two"} if was_launched else {}
    assert kept(ws) == {"previous/1/logs.txt": "one", **own}


def test_a_first_attempt_moves_nothing(ws: Workspace) -> None:
    leave(ws, "mine", "logs.txt")
    outputs.archive(ws, job(1))
    outputs.archive_if_unlaunched(ws, job(1))
    assert kept(ws) == {"logs.txt": "mine"}


def test_everything_that_an_attempt_leaves_is_moved(ws: Workspace) -> None:
    attempt(ws, 1, started=True)
    leave(ws, "one", "logs.txt", "result.json", "metrics.jsonl")
    (ws.run_dir("run-1") / "artifacts").mkdir()
    (ws.run_dir("run-1") / "artifacts" / "model").write_text("one")
    leave(ws, "the user's", "request.json")
    outputs.archive(ws, job(2))
    names = ("logs.txt", "result.json", "metrics.jsonl", "artifacts/model")
    assert kept(ws) == {"request.json": "the user's", **{f"previous/1/{name}": "one" for name in names}}
