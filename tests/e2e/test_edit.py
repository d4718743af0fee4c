"""Edits beside a real daemon: what was edited is what runs."""

from __future__ import annotations

import json

import pytest

from gauntlets.arena import Arena

pytestmark = pytest.mark.slow


def ended(here: Arena) -> dict[str, object]:
    return next((job for job in here.jobs() if job["finished_at"]), {})


@pytest.mark.parametrize(("point", "code"), [("tx.written:1", 4), ("edit.committed:1", 7), (None, 7)])
def test_a_launch_runs_what_the_journal_names(here: Arena, point: str | None, code: int) -> None:
    words = ["-w", str(here.root), "-S", "code=4", "--", "sh", "-c", "exit {code}"]
    here.run("submit", *words)
    armed = {} if point is None else {"RUNFORGE_FAILPOINT": point}
    here.run("edit", "1", "--set", "code=7", "-w", str(here.root), expect=None, **armed)
    assert here.commands[-1]["exit_code"] == (0 if point is None else -9)
    here.daemon()
    here.until(lambda: ended(here), "the run has ended")
    assert f"exit code {code}" in str(ended(here)["error"])
    folder = here.root / ".runforge/runs" / str(ended(here)["run_id"])
    assert json.loads((folder / "request.json").read_bytes())["model"]["hyperparameters"]["code"] == code
    assert len(list(folder.glob("request.*.json"))) == (point == "tx.written:1")


def test_a_run_that_runs_again_is_another_run(here: Arena) -> None:
    here.run("submit", "-w", str(here.root), "--", "sh", "-c", "echo $X", expect=0)
    here.daemon()
    here.until(lambda: ended(here), "the run has ended")
    new = here.run("rerun", "1", "-e", "X=hello", "-w", str(here.root)).strip()
    here.until(lambda: all(job["finished_at"] for job in here.jobs()), "both have ended")
    assert "hello" in (here.root / ".runforge/runs" / new / "logs.txt").read_text().splitlines()
