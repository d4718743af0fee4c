"""What the columns and notes about metrics claim, and what they do not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from runforge.store.opening import open_journal
from runforge.tui import job_columns
from runforge.tui.group_screen import GroupScreen
from runforge.tui.live import Live
from runforge.workspace import Workspace

from .kit import WIDE, Looker, enqueue, jobs_of, lived, look


def report(folder: Path, name: str, values: list[float]) -> Path:
    path = folder / "metrics.jsonl"
    with path.open("a", encoding="utf-8") as file:
        for step, value in enumerate(values):
            file.write(json.dumps({"name": name, "value": value, "step": step}) + "\n")
    return path


def end(ws: Workspace, run: str, metric: str, value: float) -> None:
    with open_journal(ws) as journal, journal.write():
        seq = jobs_of(ws)[run].number
        run_sql = journal.connection.execute
        run_sql("UPDATE jobs SET state='running', started_at=created_at WHERE seq=?", (seq,))
        run_sql(
            "UPDATE jobs SET state='succeeded', finished_at=created_at, metric_name=?, metric_value=? WHERE seq=?",
            (metric, value, seq),
        )


def test_a_column_is_about_one_metric_and_another_one_has_its_name(ws: Workspace) -> None:
    enqueue(ws, runs=4)
    for run, metric, value in (("0001", "loss", 0.25), ("0002", "loss", 0.5), ("0003", "auc", 0.75)):
        end(ws, run, metric, value)

    async def journey(at: Looker) -> None:
        await at.sees("0001", "LOSS", "0.2500", "0.5000", "auc=0.75")
        assert "METRIC" not in at.text

    look(ws, journey, size=WIDE)


def test_an_objective_wins_against_what_more_runs_report(ws: Workspace) -> None:
    enqueue(ws, runs=4)
    for run, metric in (("0001", "loss"), ("0002", "loss"), ("0003", "auc")):
        end(ws, run, metric, 0.5)
    with open_journal(ws) as journal, journal.write():
        journal.connection.execute("UPDATE groups SET objective_metric='auc', direction='maximize'")

    async def journey(at: Looker) -> None:
        await at.sees("AUC", "loss=0.5", "0.5000")

    look(ws, journey, size=WIDE)


def test_a_sweep_says_when_it_is_not_known_what_is_better(ws: Workspace) -> None:
    enqueue(ws, runs=2)
    for run in ("0001", "0002"):
        end(ws, run, "wobble", 0.5)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("o")
        await at.until(lambda: isinstance(at.app.screen, GroupScreen), "the sweep")
        await at.sees("Runs: no run is best, it is unknown whether wobble is better high or low")
        assert "best first" not in at.text

    look(ws, journey, size=WIDE)


def test_a_curve_says_where_it_comes_from_and_how_old_it_is(ws: Workspace) -> None:
    lived(ws)
    path = report(ws.root / jobs_of(ws)["0001"].run_dir, "loss", [0.5, 0.4])

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("c")
        await at.sees("loss: 1 of 1 · metrics.jsonl")
        assert "old" not in at.text

    look(ws, journey, size=WIDE)
    an_hour_ago = time.time() - 3600
    os.utime(path, (an_hour_ago, an_hour_ago))

    async def later(at: Looker) -> None:
        await at.sees("0001")
        await at.press("c")
        await at.sees("metrics.jsonl, 1h00m old")

    look(ws, later, size=WIDE)


def test_progress_is_epochs_and_the_part_of_the_epoch() -> None:
    assert job_columns.progress_text(Live(3, 10), 4) == "█░░░ 3/10"
    assert job_columns.progress_text(Live(3, 10, within=0.45), 4) == "█░░░ 3/10 45%"
    assert job_columns.progress_text(Live(), 4) == ""


def test_a_run_that_counts_steps_in_an_epoch_shows_both(ws: Workspace) -> None:
    lived(ws)
    log = ws.root / jobs_of(ws)["0001"].run_dir / "logs.txt"
    log.write_text("Epoch 3/10\niter 45/100\n", encoding="utf-8")

    async def journey(at: Looker) -> None:
        await at.sees("3/10 45%")
        await at.press("enter")
        await at.sees("3/10 45%", "1 log")

    look(ws, journey, size=WIDE)
