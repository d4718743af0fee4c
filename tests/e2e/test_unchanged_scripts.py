"""Scripts that know nothing of RunForge: their metrics appear in the queue, in `show`, and in the results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge.workspace import Workspace
from tests.e2e.test_submit import Desk

pytestmark = pytest.mark.slow

#: Writes a table into the folder that it is given, and goes on for a while.
_TABLE = """
import os, sys, time
folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
time.sleep(0.2)
with open(folder + "/" + sys.argv[2], "w") as out:
    out.write("epoch,train/loss,val/loss\\n1,0.9,0.8\\n2,0.5," + sys.argv[3] + "\\n")
time.sleep(0.6)
"""
_PRINTS = """
for step in range(3):
    print(f"[{step}]\\ttrain-rmse:{1 / (step + 1)}\\tval-rmse:{2 / (step + 1)}")
"""
_HELPER = """
import runforge_run as run
for step in range(3):
    run.log(step=step, loss=run.params["lr"] / (step + 1))
"""


@pytest.fixture
def working(ws: Workspace, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(ws, tmp_path / "desk")
    for name, code in {"table.py": _TABLE, "prints.py": _PRINTS, "helped.py": _HELPER}.items():
        (desk.folder / name).write_text(code)
    assert desk.type("daemon", "--detach", "--max-parallel", 4).returncode == 0
    yield desk
    desk.type("stop-daemon", "--cancel-running")


def test_tables_of_runs_side_by_side_with_a_folder_each(working: Desk) -> None:
    line = ["python", "table.py", "out/{k}", "results.csv", "0.{k}"]
    group = working.submit("-S", "k=1..3", "--metric", "val/loss:min", "--wait", "--", *line)
    values = {job.metric_value for job in working.jobs(group)}
    assert values == {0.1, 0.2, 0.3}
    best = next(job.run_id for job in working.jobs(group) if job.metric_value == 0.1)
    shown = working.type("show", best).stdout
    assert "2 metrics from" in shown
    assert "(it changed where only this run was): train/loss, val/loss" in shown
    assert best in working.type("wait", group).stdout


def test_of_runs_that_share_a_folder_none_is_guessed_and_a_name_helps(working: Desk) -> None:
    line = ["python", "table.py", ".", "results.csv", "0.{k}"]
    group = working.submit("-S", "k=1..2", "--wait", "--", *line)
    assert [job.metric_name for job in working.jobs(group)] == [None, None]
    assert "could be this run's" in working.type("show", working.jobs(group)[0].run_id).stdout
    line = ["python", "table.py", ".", "mine-{k}.txt", "0.{k}"]
    group = working.submit("-S", "k=1..2", "--metrics", "mine-{k}.txt", "--wait", "--", *line)
    assert {job.metric_value for job in working.jobs(group)} == {0.1, 0.2}


def test_what_a_tool_prints(working: Desk) -> None:
    run = working.submit("--wait", "--", "python", "prints.py")
    job = working.jobs(run)[0]
    assert (job.metric_name, job.metric_value) == ("val-rmse", pytest.approx(2 / 3))
    run = working.submit("--metrics", "none", "--wait", "--", "python", "prints.py")
    assert working.jobs(run)[0].metric_name is None
    rows = working.type("results", "--curves", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(row)["metric"] for row in rows].count("val-rmse") == 3


def test_the_helper_is_there_for_every_run(working: Desk) -> None:
    run = working.submit("-S", "lr=0.3", "--params", "file", "--wait", "--", "python", "helped.py")
    job = working.jobs(run)[0]
    assert (job.metric_name, job.metric_value) == ("loss", pytest.approx(0.1))


def test_a_run_that_fails_keeps_its_metrics(working: Desk) -> None:
    line = "python prints.py; exit 3"
    run = working.submit("--shell", "--", line)
    working.type("wait", run)
    job = working.jobs(run)[0]
    assert (job.state, job.metric_name, job.metric_value) == ("failed", "val-rmse", pytest.approx(2 / 3))
    assert "val-rmse" in working.type("results", run).stdout


def test_a_metric_of_unknown_direction_makes_no_run_the_best_and_that_is_said(working: Desk) -> None:
    line = ["echo", "[RF:METRIC=blurb {k} step=1]"]
    group = working.submit("-S", "k=1..2", "--wait", "--", *line)
    assert "unknown whether blurb is better high or low" in working.type("wait", group).stderr
