"""Searches as users have them: real commands, a real daemon, and kill -9 for it and for its sampler."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from gauntlets.arena import Arena
from runforge.daemon.sampling import FAKE_SAMPLER
from runforge.documents import strict_json
from runforge.drills.plans import request
from runforge.store import verify
from runforge.store.opening import open_journal
from runforge.workspace import at

pytestmark = pytest.mark.slow

#: Needs a while, as the real one does; answers by the seed alone, so that kills must change nothing.
SAMPLER = """
import json, os, sys, time
asked = json.load(sys.stdin)
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "pids"), "a").write(f"{os.getpid()}\\n")
time.sleep(0.05)
found = [{"model.hyperparameters.x": (asked["seed"] + n) * 7 % 1009} for n in range(asked["count"])]
print(json.dumps({"suggestions": found}))
"""
RUNS = 60
SCRIPT = "import sys; print(f'[RF:METRIC=loss {sys.argv[1]}]')"


@pytest.fixture(autouse=True)
def workspace(here: Arena) -> None:
    at(here.root).prepare()
    here.environment["RUNFORGE_WORKSPACE"] = str(here.root)


def overrides(here: Arena) -> list[dict[str, object]]:
    with open_journal(at(here.root)) as journal, journal.read() as tx:
        return [json.loads(row["overrides"]) for row in tx.rows("jobs.all")]


def is_over(here: Arena) -> bool:
    with open_journal(at(here.root)) as journal, journal.read() as tx:
        return all(row["finished_at"] is not None for row in tx.rows("groups.all"))


def test_a_search_whose_daemon_and_sampler_are_killed_makes_the_same_runs(
    here: Arena, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "sampler.py"
    fake.write_text(SAMPLER)
    monkeypatch.setenv(FAKE_SAMPLER, str(fake))
    command = ("submit", "-S", "x=0..1008", "--tpe", str(RUNS), "--metric", "loss:min", "-g", "lm", "--")
    pytest.importorskip("optuna", reason="--tpe needs Optuna: pip install 'runforge[optuna]'")
    here.run(*command, sys.executable, "-S", "-c", SCRIPT, "{x}")
    chance = random.Random(17)
    kills = 0
    here.daemon(4)
    while not is_over(here):
        time.sleep(chance.uniform(0.2, 0.8))
        if kills < 8:
            kills += 1
            pids = (tmp_path / "pids").read_text().split() if (tmp_path / "pids").exists() else []
            with contextlib.suppress(ProcessLookupError):
                if pids and kills % 2:
                    os.kill(int(pids[-1]), signal.SIGKILL)
            if kills % 2 == 0:
                here.kill_daemon()
                here.daemon(4)
        if "paused" in here.run("groups"):  # a killed sampler pauses its group, and nothing else
            here.run("resume", "lm")
    values = [each["model.hyperparameters.x"] for each in overrides(here)]
    assert values == [number * 7 % 1009 for number in range(RUNS)]
    here.until(lambda: {job["state"] for job in here.jobs()} == {"succeeded"}, "the files say so too")
    assert verify.check(at(here.root)) == []
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
