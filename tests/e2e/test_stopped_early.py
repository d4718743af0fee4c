"""Runs that their sweep's rule stops: real commands, a real daemon, and kill -9 between any two steps."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gauntlets.arena import Arena
from runforge.core.records import Group, Job
from runforge.core.stop_rules import words
from runforge.queue import suggesting
from runforge.store import records, targets, verify
from runforge.store.opening import open_journal
from runforge.workspace import at

pytestmark = pytest.mark.slow

#: Those from 6 on are bad, and would run for ever.
SCRIPT = """
import sys, time
x = int(sys.argv[1])
for _ in range(3):
    print(f"[RF:METRIC=loss {x}]", flush=True)
if x >= 6:
    print("waiting", flush=True)
    time.sleep(600)
"""
SWEEP = ("submit", "-S", "x=1..7", "--metric", "loss:min", "-g", "lm")


@pytest.fixture(autouse=True)
def workspace(here: Arena) -> None:
    at(here.root).prepare()
    here.environment["RUNFORGE_WORKSPACE"] = str(here.root)


def command(tmp_path: Path) -> tuple[str, ...]:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    return ("--", sys.executable, "-S", str(script), "{x}")


def read(here: Arena) -> tuple[Group, list[Job], list[Any]]:
    with open_journal(at(here.root)) as journal, journal.read() as tx:
        jobs = [records.job(row) for row in tx.rows("jobs.all")]
        told = [row for row in tx.rows("journal.entries_all") if row["event"] == "stop_decided"]
        return targets.group(tx, "lm"), jobs, told


def require_two_stopped(here: Arena) -> None:
    group, jobs, told = read(here)
    assert [job.state.value for job in jobs] == ["succeeded"] * 5 + ["canceled"] * 2
    for job in jobs[5:]:
        reason = json.loads(job.stop_reason or "")
        assert (reason["rule"], reason["value"], reason["threshold"]) == ("median", job.seq, 3)
        assert (job.cause, job.error) == ("stopped_early", words(job.stop_reason))
    assert [row["job_id"] for row in told] == [job.job_id for job in jobs[5:]]  # each is decided once
    assert (group.canceled, group.stopped) == (2, 2)
    here.until_ended(group.group_id, "completed")
    assert verify.check(at(here.root)) == []


def test_median_stops_bad_runs_and_the_group_is_completed(here: Arena, tmp_path: Path) -> None:
    here.run(*SWEEP, "--stop", "median", *command(tmp_path))
    here.daemon(1)
    here.run("wait", "lm")
    require_two_stopped(here)
    _, jobs, _ = read(here)
    ranked = here.run("results", "lm", "--top", "7", "--format", "json")
    assert [job.run_id in ranked for job in jobs] == [True] * 5 + [False] * 2  # a stopped run never ranks
    here.finish()


@pytest.mark.parametrize("point", ["stop.noted:1", "stop.delivered:1", "end.judged:6", "end.recorded:6"])
def test_a_daemon_that_dies_while_it_stops_a_run_stops_it_once(
    here: Arena, tmp_path: Path, point: str
) -> None:
    here.run(*SWEEP, "--stop", "median", *command(tmp_path))
    here.environment["RUNFORGE_FAILPOINT"] = point
    first = here.daemon(1)
    here.until(lambda: first.poll() is not None, "the daemon is killed")
    del here.environment["RUNFORGE_FAILPOINT"]
    here.daemon(1)
    here.run("wait", "lm")
    require_two_stopped(here)
    here.finish()


def test_a_rule_may_come_later_and_go_again(here: Arena, tmp_path: Path) -> None:
    here.run(*SWEEP, *command(tmp_path))
    here.daemon(1)
    here.until(
        lambda: here.in_state("succeeded") == 5 and here.in_state("running") == 1, "six runs have started"
    )
    assert "changed" in here.run("edit", "lm", "--stop", "patience:2")
    here.until(lambda: here.in_state("canceled") == 1, "the sixth run is stopped")
    here.run("edit", "lm", "--stop", "off")
    here.run("cancel", "lm")
    here.finish()


def test_what_cannot_be_compared_is_refused(here: Arena, tmp_path: Path) -> None:
    words = command(tmp_path)
    here.run("submit", "-S", "x=1..2", "--stop", "median", *words, expect=2)
    here.run("submit", "-S", "x=1..2", "--metric", "loss:min", "--stop", "mean", *words, expect=2)
    here.run("submit", "--metric", "loss:min", "--stop", "median", "--", "true", expect=2)
    here.run("submit", "-S", "x=1..2", "-g", "plain", *words)
    here.run("edit", "plain", "--stop", "median", expect=1)
    here.finish()


def test_a_reached_target_ends_the_sweep(here: Arena, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import sys, time\nx = int(sys.argv[1])\nprint(f'[RF:METRIC=accuracy {x / 10}]', flush=True)\n"
        "time.sleep(600 if x < 9 else 0)\n"
    )
    sweep = ("submit", "-S", "x=9,1,2,3", "--metric", "accuracy:max", "--stop", "target:0.9", "-g", "lm")
    here.run(*sweep, "--", sys.executable, "-S", str(script), "{x}")
    here.daemon(1)
    here.run("wait", "lm")
    group, jobs, _ = read(here)
    assert [(job.state.value, job.started_at is not None) for job in jobs] == [
        ("succeeded", True),
        ("canceled", True),
        ("canceled", False),
        ("canceled", False),
    ]
    here.until_ended(group.group_id, "completed")
    here.finish()


def test_a_stopped_trial_is_told_as_pruned() -> None:
    row = {"stop_reason": '{"rule": "median", "step": 4.0, "value": 0.5, "threshold": 0.1}'}
    assert suggesting._stopped(row) == {"state": "pruned", "steps": {"4": 0.5}}


def kept(here: Arena) -> list[int]:
    """Return the x of the runs that have artifacts."""
    return sorted(int(path.read_text()) for path in here.root.glob(".runforge/runs/*/artifacts/model"))


@pytest.mark.parametrize("point", [None, "artifacts.noted:2"])
def test_only_the_best_runs_keep_their_artifacts(here: Arena, point: str | None) -> None:
    write = 'mkdir -p "$RUNFORGE_RUN_DIR/artifacts"; echo {x} >"$RUNFORGE_RUN_DIR/artifacts/model"'
    end = "echo '[RF:METRIC=loss {x}]'; exit $(({x} == 1))"  # the best one fails
    sweep = ("submit", "-S", "x=1..6", "--metric", "loss:min", "--keep-artifacts", "2", "-g", "lm", "--shell")
    here.run(*sweep, "--", f"{write}; {end}")
    if point is not None:
        here.environment["RUNFORGE_FAILPOINT"] = point
    first = here.daemon(2)
    if point is not None:
        here.until(lambda: first.poll() is not None, "the daemon is killed")
        del here.environment["RUNFORGE_FAILPOINT"]
        here.daemon(2)
    here.run("wait", "lm", expect=1)
    here.until(lambda: kept(here) == [2, 3], "the artifacts of the others are deleted")
    with open_journal(at(here.root)) as journal, journal.read() as tx:
        told = {
            row["job_id"] for row in tx.rows("journal.entries_all") if row["event"] == "artifacts_deleted"
        }
    assert len(told) >= 4
    assert verify.check(at(here.root)) == []
    here.finish()
