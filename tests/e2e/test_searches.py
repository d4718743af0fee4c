"""Searches as users have them: real commands and a real daemon. tests/e2e/test_chaos.py kills it and its sampler."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from gauntlets.arena import Arena
from runforge.documents import strict_json
from runforge.drills.plans import request
from runforge.store import targets
from runforge.store.opening import open_journal
from runforge.workspace import at

pytestmark = pytest.mark.slow

SCRIPT = "import sys; print(f'[RF:METRIC=loss {sys.argv[1]}]')"


@pytest.fixture(autouse=True)
def workspace(here: Arena) -> None:
    at(here.root).prepare()
    here.environment["RUNFORGE_WORKSPACE"] = str(here.root)


def overrides(here: Arena, name: str) -> list[str]:
    with open_journal(at(here.root)) as journal, journal.read() as tx:
        group_id = targets.group_id(tx, name)
        return [row["overrides"] for row in tx.rows("jobs.all") if row["group_id"] == group_id]


def test_the_same_seed_makes_the_same_runs(here: Arena) -> None:
    """TPE's too, if they go one at a time; runs that take a while change nothing."""
    pytest.importorskip("optuna", reason="--tpe needs Optuna: pip install 'runforge[optuna]'")
    here.daemon(3)
    for name, pause in (("once", "0"), ("again", "0.2")):
        search = ("--tpe", "14", "--seed", "5", "--max-parallel", "1", "--metric", "loss:min", "-g", name)
        script = f"import time; time.sleep({pause}); {SCRIPT}"
        here.run("submit", "-S", "x=-10.0..10.0", *search, "--", sys.executable, "-S", "-c", script, "{x}")
        here.run(
            "submit", "-S", "x=-10.0..10.0", "--random", "9", "-g", f"{name}-random", "--", "true", "{x}"
        )
        here.run("wait", name)
    made = overrides(here, "once")
    assert len(set(made)) == 14
    assert overrides(here, "again") == made
    assert overrides(here, "again-random") == overrides(here, "once-random")
    here.until(lambda: {job["state"] for job in here.jobs()} == {"succeeded"}, "all have ended")
    here.finish()


def test_tpe_finds_a_good_value_of_a_model_family(here: Arena) -> None:
    pytest.importorskip("optuna", reason="--tpe needs Optuna: pip install 'runforge[optuna]'")
    base = request(family="logistic_regression", hyperparameters={})
    (here.root / "request.json").write_bytes(strict_json.dump(base))
    path = str(here.root / "request.json")
    space = "model.hyperparameters.C=1e-4..1e2:log"
    here.run("submit", "--request", path, "-S", space, "--tpe", "4", "--metric", "acc:max", expect=2)
    command = ("submit", "--request", path, "-S", space, "--tpe", "8", "--metric", "accuracy:max", "-g", "C")
    here.run(*command)
    here.daemon(2)
    here.run("wait", "C")
    assert len(here.jobs()) == 8
    again = here.run("extend", "C", "-n", "2")
    assert again.startswith("2 trials of ")
    here.run("wait", "C")
    best = here.run("results", "C", "--top", "1", "--format", "json")
    assert "accuracy" in best
    here.finish()


def test_the_sweep_of_the_readme_runs_as_typed_on_the_sample_data(here: Arena) -> None:
    pytest.importorskip("optuna", reason="--tpe needs Optuna: pip install 'runforge[optuna]'")
    text = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    (line,) = (
        line for line in text.splitlines() if line.startswith("$ runforge submit --request request.json")
    )
    lab = here.root.parent / "lab"
    here.run("init", str(lab))
    here.root, here.environment["RUNFORGE_WORKSPACE"] = lab, str(lab)
    here.daemon(2)
    words = shlex.split(line)[2:]
    request_file = words.index("request.json")
    words[request_file] = str(lab / "request.json")  # typed in the workspace
    group_id = here.run(*words, "--tpe", "5").split()[0]  # the last one counts
    here.run("wait", group_id)
    assert {job["state"] for job in here.jobs(group_id)} == {"succeeded"}
    assert here.group(group_id)["summary"]["best_primary_metric"]["name"] == "accuracy"
    assert len(here.jobs(group_id)) == 5
    here.finish()


def test_the_same_sweep_again_says_what_is_new(here: Arena) -> None:
    sweep = ("-g", "lm", "-S", "x=1..4", "--", sys.executable, "-S", "-c", SCRIPT, "{x}")
    here.run("submit", *sweep)
    here.daemon(2)
    here.run("wait", "lm")
    document = json.loads(here.run("submit", "--json", "-g", "lm", "-S", "x=1..6", *sweep[4:]))["data"]
    assert [run["state"] for run in document["known"]] == ["succeeded"] * 4
    assert len(document["runs"]) == 2
    here.run("wait", "lm")
    assert here.run("extend", "lm", "-S", "x=9").strip() == "1 new; 6 known (6 succeeded)"
    here.finish()
